"""HTML and BB code into plain text, in time linear in the text's length. Other single values are cleaned in `cleaning.py`."""

import html
import re
from typing import Any

_MARKED = re.compile(r"[<\[&]")
_TAG = re.compile(r"(<[/!?]?[a-zA-Z!?-][^<>]*>)")
_TAG_NAME = re.compile(r"</?([a-zA-Z0-9]+)")
_BREAKING = frozenset(("br", "p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr"))
_SPACING = frozenset(("td", "th"))
_HIDDEN = frozenset(("script", "style", "head", "title"))
_BB_NAMES = (
    r"b|i|u|s|url|img|user|list|quote|code|p|color|size|font|video|left|center|right|justify|table|tr|td|th|project|department|"
    r"disk file id|file id|timestamp|context|chat|send|put|call|icon|attach"
)
_BB_BREAK = re.compile(r"\[(?:br|\*|/?p|/?tr|/?list|/quote|/code)(?:=[^\[\]]*)?\]", re.IGNORECASE)
_BB = re.compile(rf"\[/?(?:{_BB_NAMES})(?:[= ][^\[\]]*)?\]", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\f\v\u00a0]+")
_LINE_ENDS = re.compile(r" ?\n ?")
_GAPS = re.compile(r"\n{3,}")


def plain_text(value: Any) -> str | None:
    """Return the text a person would read in HTML or BB code, paragraphs as lines; None when nothing remains."""
    if not isinstance(value, str):
        return None
    marked = value.replace("\x00", "")
    if _MARKED.search(marked):
        marked = html.unescape(_without_bb(_without_html(marked)))
    lines = _LINE_ENDS.sub("\n", _BLANKS.sub(" ", marked))
    return _GAPS.sub("\n\n", lines).strip() or None


def _without_bb(marked: str) -> str:
    return _BB.sub("", _BB_BREAK.sub("\n", marked)) if "[" in marked else marked


def _without_html(marked: str) -> str:
    if "<" not in marked:
        return marked
    kept: list[str] = []
    hidden = ""
    for index, piece in enumerate(_TAG.split(marked)):
        if index % 2 == 0:
            kept.append("" if hidden else piece)
            continue
        name = _name_of(piece)
        hidden = _hidden_after(hidden, name, closing=piece.startswith("</"))
        kept.append("" if hidden else "\n" if name in _BREAKING else " " if name in _SPACING else "")
    return "".join(kept)


def _name_of(tag: str) -> str:
    found = _TAG_NAME.match(tag)
    return found[1].lower() if found else ""


def _hidden_after(hidden: str, name: str, *, closing: bool) -> str:
    """Return the name of the invisible element that is open after this tag (script, style), or nothing."""
    if hidden:
        return "" if closing and name == hidden else hidden
    return name if name in _HIDDEN and not closing else ""
