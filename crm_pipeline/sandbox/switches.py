"""Disputed vendor facts as typed fields. The fields themselves live with each CRM; here is how they are read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class UnknownSwitch(ValueError):
    """A switch was named or valued in a way this stand-in does not know."""


@dataclass
class Switches:
    """Hold one field per disputed fact; a CRM derives a dataclass with bool, int, float, str or Literal fields and defaults."""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Build from names and values, text allowed as on a command line. Raises UnknownSwitch."""
        switches = cls()
        switches.change(values)
        return switches

    def change(self, values: Mapping[str, Any]) -> None:
        """Set some fields, all or none of them. Raises UnknownSwitch."""
        hints = get_type_hints(type(self))
        known = {field.name for field in fields(self)}
        for name in values:
            if name not in known:
                raise UnknownSwitch(f"no switch {name!r}; known: {', '.join(sorted(known))}")
        ready = {name: _coerce(name, hints[name], value) for name, value in values.items()}
        for name, value in ready.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Answer name -> value."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def choices(self) -> dict[str, list[Any] | str]:
        """Answer what each switch accepts: a list of values or the name of a type."""
        hints = get_type_hints(type(self))
        return {f.name: _accepted(hints[f.name]) for f in fields(self)}


def _accepted(hint: Any) -> list[Any] | str:
    return list(get_args(hint)) if get_origin(hint) is Literal else hint.__name__


def _coerce(name: str, hint: Any, value: Any) -> Any:
    if get_origin(hint) is Literal:
        return _choose(name, get_args(hint), value)
    if hint is bool:
        return _truth(name, value)
    try:
        return hint(value)
    except (TypeError, ValueError) as error:
        raise UnknownSwitch(f"switch {name} takes {hint.__name__}, got {value!r}") from error


def _choose(name: str, options: tuple[Any, ...], value: Any) -> Any:
    for option in options:
        if str(option) == str(value):
            return option
    raise UnknownSwitch(f"switch {name} takes one of {', '.join(map(str, options))}, got {value!r}")


def _truth(name: str, value: Any) -> bool:
    text = str(value).lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise UnknownSwitch(f"switch {name} takes true or false, got {value!r}")
