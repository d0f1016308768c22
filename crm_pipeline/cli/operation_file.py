"""Reading operations from a file of any size, one by one: {"operations": [...]}, a bare list, or one object a line."""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from crm_pipeline.errors import UsageError

BLOCK = 1 << 16
_DOCUMENT = re.compile(r'\s*(?:\{\s*"operations"\s*:\s*)?\[')
_BETWEEN = re.compile(r"[\s,]*")
_EXAMPLE = 'Write {"operations": [{"id": "op-1", …}, …]}, or one operation a line.'


def read_operations(file: TextIO) -> Iterator[Any]:
    """Yield the operations of a file; memory holds a few blocks of it. Raises UsageError where it is no JSON.

    What was yielded before is good: sent again under the same ids it is not done again.
    """
    start = file.read(BLOCK).removeprefix("\ufeff")
    if not start.strip():
        raise UsageError("There are no operations in it.", what_to_do=_EXAMPLE)
    document = _DOCUMENT.match(start)
    yield from _items(file, start[document.end() :]) if document else _lines(file, start)


def _items(file: TextIO, text: str) -> Iterator[Any]:
    """Yield the entries of a list, from behind its bracket."""
    decoder, at, number = json.JSONDecoder(), 0, 0
    while True:
        at = _end(_BETWEEN, text, at)
        if text[at : at + 1] == "]":
            return
        try:
            item, after = decoder.raw_decode(text, at)
            is_cut = after == len(text)
        except json.JSONDecodeError:
            is_cut = True
        if not is_cut:
            yield item
            at, number = after, number + 1
            continue
        more = file.read(max(BLOCK, len(text) - at))
        if not more:
            raise UsageError(f"Operation {number + 1} of the file is no JSON, or the file is cut off there.", what_to_do=_EXAMPLE)
        text, at = text[at:] + more, 0


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _lines(file: TextIO, start: str) -> Iterator[Any]:
    """Yield one operation a line."""
    number, rest = 0, start
    while rest:
        *lines, rest = rest.split("\n")
        more = file.read(BLOCK)
        if not more:
            lines, rest = [*lines, rest], ""
        for line in lines:
            number += 1
            if line.strip():
                yield _line(line, number)
        rest += more


def _line(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        raise UsageError(f"Line {number} is no JSON.", what_to_do=_EXAMPLE) from None
