"""JSON as the portal writes it: ready-made row texts joined without parsing, slashes escaped, XML on demand.

Here: text in, text out. What stands in the answer is the calls' and the envelope's business.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

import orjson


class Rows(Sequence[Any]):
    """Rows as JSON texts: written by joining, parsed one by one only when a `$result` reference looks inside."""

    __slots__ = ("texts",)

    def __init__(self, texts: Sequence[str]):
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: Any) -> Any:
        return orjson.loads(self.texts[index])

    def __iter__(self) -> Iterator[Any]:
        return map(orjson.loads, self.texts)


def dump(value: Any) -> bytes:
    """Serialise an answer; PHP escapes slashes, and so does this."""
    return orjson.dumps(value, default=_fragment, option=orjson.OPT_NON_STR_KEYS).replace(b"/", rb"\/")


def plain(value: Any) -> Any:
    """Parse what `dump` would write: nested dicts and lists, no `Rows` left."""
    return orjson.loads(orjson.dumps(value, default=_fragment, option=orjson.OPT_NON_STR_KEYS))


def xml(value: Any) -> bytes:
    """Serialise an answer for the suffix `.xml` (facts: bitrix24 2.1)."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<response>{_tags(plain(value))}</response>'.encode()


def _fragment(value: Any) -> Any:
    if isinstance(value, Rows):
        return orjson.Fragment(f"[{','.join(value.texts)}]")
    raise TypeError(f"no JSON for {type(value).__name__}")


def _tags(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"<item>{_tags(item)}</item>" for item in value)
    if isinstance(value, dict):
        return "".join(f"<{_tag(key)}>{_tags(item)}</{_tag(key)}>" for key, item in value.items())
    if isinstance(value, bool):
        return str(int(value))
    return "" if value is None else escape(str(value))


def _tag(key: str) -> str:
    return key if key[:1].isalpha() else f"item{key}"
