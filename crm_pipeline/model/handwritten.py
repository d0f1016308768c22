"""What somebody wrote by hand, read value by value: one sentence for everything that is wrong, with its line.

What belongs here: shapes (text, list, mapping, number), names that must exist, and the words of a mistake. Which settings
there are belongs to `rules_reading.py`.
"""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the file to a value."""


@dataclass(slots=True)
class Reading:
    """One reading: collects mistakes, and every `read_*` returns something usable so that the next mistake is found too."""

    line_of: Callable[[Path], int]
    connections: Collection[str] | None = None
    """Names that exist; None: not known here, so they are not checked."""
    mistakes: list[tuple[int, str]] = field(default_factory=list)

    def wrong(self, path: Path, sentence: str) -> None:
        """Note a mistake."""
        self.mistakes.append((self.line_of(path), sentence))

    def sentences(self) -> tuple[str, ...]:
        """Return the mistakes in the order of the file."""
        return tuple(f"line {line}: {sentence}" for line, sentence in sorted(self.mistakes))

    # Shapes -----------------------------------------------------------------------------------------------------------

    def mapping(self, path: Path, value: Any) -> Mapping[str, Any]:
        """Return a mapping; nothing written is an empty one."""
        if value is None or isinstance(value, Mapping):
            return {str(key): inner for key, inner in (value or {}).items()}
        self.wrong(path, f"{spell(path)} must be a mapping of names, not {kind_of(value)}.")
        return {}

    def items(self, path: Path, value: Any, of: str) -> list[Any]:
        """Return a list; nothing written is an empty one."""
        if value is None or isinstance(value, list):
            return value or []
        self.wrong(path, f"{spell(path)} must be a list of {of}, not {kind_of(value)}.")
        return []

    def words(self, path: Path, value: Any, of: str) -> list[tuple[Path, str]]:
        """Return the texts of a list with where each stands; a number is the text it is written as."""
        found: list[tuple[Path, str]] = []
        for at, item in enumerate(self.items(path, value, of)):
            word = self.word((*path, at), item, of)
            if word is not None and word in [before for _, before in found]:
                self.wrong((*path, at), f"{word} stands twice in {spell(path)}.")
            elif word is not None:
                found.append(((*path, at), word))
        return found

    def word(self, path: Path, value: Any, of: str) -> str | None:
        """Return a text."""
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
        self.wrong(path, f"{spell(path)} must hold {of}, not {kind_of(value)}; put text in quotes.")
        return None

    def number(self, path: Path, value: Any, least: float, most: float, whole: bool, instead: Any) -> Any:
        """Return a number between two bounds."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and least <= value <= most and not (whole and isinstance(value, float)):
            return value
        said = value if number else kind_of(value)
        self.wrong(path, f"{spell(path)} must be a {'whole ' * whole}number from {least} to {most}, not {said}.")
        return instead

    # Names ------------------------------------------------------------------------------------------------------------

    def known(self, path: Path, word: str, names: Iterable[str], sentence: str) -> bool:
        """Return whether a word is one of the names; else note `sentence` with what may have been meant."""
        names = list(names)
        if word not in names:
            self.wrong(path, f"{sentence}; {meant(word, names)}")
        return word in names

    def settings(self, path: Path, value: Any, names: Collection[str], owner: str) -> dict[str, Any]:
        """Return the settings of a mapping that exist."""
        given = self.mapping(path, value)
        return {key: given[key] for key in given if self.known((*path, key), key, names, f"{owner} no setting {key}")}

    def entities(self, path: Path, value: Any, names: Collection[str], sentence: str) -> dict[str, Any]:
        """Return what is written per entity."""
        given = self.mapping(path, value)
        return {key: given[key] for key in given if self.known((*path, key), key, names, f"{key} {sentence}")}

    def connection(self, path: Path, name: str) -> bool:
        """Return whether a connection exists, as far as that is known."""
        return self.connections is None or self.known(path, name, self.connections, f"{name} is no connection")

    def connection_list(self, path: Path, value: Any) -> tuple[str, ...]:
        """Return connection names."""
        found = self.words(path, value, "connection names")
        return tuple(name for at, name in found if self.connection(at, name))


def spell(path: Path) -> str:
    """Return how a person calls a place: contacts.position.order, stages group 2; `fields` goes without saying."""
    words = path[1:] if path[:1] == ("fields",) and len(path) > 1 else path
    return "".join(f" item {word + 1}" if isinstance(word, int) else f".{word}" for word in words).lstrip(".") or "the file"


def meant(word: str, names: list[str]) -> str:
    close = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(names) or 'none'}."


_KINDS = ((bool, "true or false"), (int | float, "a number"), (str, "text"), (list, "a list"), (Mapping, "a mapping"))


def kind_of(value: Any) -> str:
    """Return what a value is, in the words of somebody who writes such a file."""
    if isinstance(value, str):
        return f"the text {value!r}" if value else "an empty text"
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "nothing" if value is None else "a date")
