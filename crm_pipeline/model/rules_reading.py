"""A mapping somebody wrote → `Rules`, or one sentence for every mistake in it, with the line it is on.

What belongs here: which words the rules file knows and what can be wrong with them. The same for YAML and TOML; reading text
and finding lines belongs to `rules_file.py`, what the rules mean to `rules.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from crm_pipeline.model.handwritten import Path, Reading, kind_of, spell
from crm_pipeline.model.rules import (
    APP,
    CREATABLE,
    MATCH_KEYS,
    MAX_SHARING,
    WITH_EXTERNAL_ID,
    Matching,
    Ref,
    Rules,
    SameThings,
    default_fields,
)
from crm_pipeline.model.survivorship import GROUPS, ONE_VALUE, RULES, SKEW, SOURCE_PRIORITY, Group, GroupRule

SECTIONS = ("sources", "skew_seconds", "fields", "matching", "stages", "pipelines", "users", "create_missing")
FIELD_SETTINGS = ("rule", "order", "ignore")
MATCHING_SETTINGS = ("max_sharing", "same_connection", "external_id", "product_name", "stop_addresses")
EVERY_FIELD = "*"


# The file -------------------------------------------------------------------------------------------------------------


def read_rules(data: Any, reading: Reading) -> Rules:
    """Return the rules a mapping describes; what is not written keeps its default. Mistakes are left in `reading`."""
    given = {**dict.fromkeys(SECTIONS), **reading.settings((), data, SECTIONS, "There is")}
    sources = reading.connection_list(("sources",), given["sources"])
    seconds = given["skew_seconds"]
    skew = SKEW if seconds is None else timedelta(seconds=reading.number(("skew_seconds",), seconds, 0, 3600, False, 2))
    return Rules(
        source_order=sources,
        skew=skew,
        fields=_fields(reading, given["fields"], sources, skew),
        matching=_matching(reading, given["matching"]),
        **{section: _same_things(reading, section, given[section]) for section in ("stages", "pipelines", "users")},
        create_missing=_create_missing(reading, given["create_missing"]),
    )


# Fields ---------------------------------------------------------------------------------------------------------------


def _fields(reading: Reading, value: Any, sources: tuple[str, ...], skew: timedelta) -> dict[str, dict[str, GroupRule]]:
    fields = default_fields(sources, skew)
    for entity, given in reading.entities(("fields",), value, GROUPS, "is no entity with fields").items():
        path = ("fields", entity)
        specs = reading.mapping(path, given)
        if EVERY_FIELD in specs:
            _every_field(reading, (*path, EVERY_FIELD), specs[EVERY_FIELD], fields[entity])
        for group, (name, spec) in _by_group(reading, path, specs).items():
            fields[entity][group.name] = _group_rule(reading, (*path, name), spec, group, fields[entity][group.name])
    return fields


def _by_group(reading: Reading, path: Path, specs: Mapping[str, Any]) -> dict[Group, tuple[str, Any]]:
    """Return group → the name it was called by, and what is written of it; a group is called by its name or a column."""
    entity, found = str(path[-1]), dict[Group, tuple[str, Any]]()
    names = {column: group for group in GROUPS[entity] for column in group.fields}
    names |= {group.name: group for group in GROUPS[entity]}
    for name in specs:
        sentence = f"{entity}.{name} is no field"
        if name == EVERY_FIELD or not reading.known((*path, name), name, names, sentence):
            continue
        group = names[name]
        if group in found:
            reading.wrong((*path, name), f"{entity}.{found[group][0]} and {entity}.{name} follow one winner; write one of them.")
        found.setdefault(group, (name, specs[name]))
    return found


def _spec(reading: Reading, path: Path, value: Any) -> dict[str, Any]:
    """Return rule, order and ignore of a field as far as they are right; the short form is the name of the rule."""
    given = {"rule": value} if isinstance(value, str) else reading.settings(path, value, FIELD_SETTINGS, f"{spell(path)} has")
    spec: dict[str, Any] = {key: reading.connection_list((*path, key), given[key]) for key in ("order", "ignore") if key in given}
    at = path if isinstance(value, str) else (*path, "rule")
    if "rule" in given and (rule := reading.word(at, given["rule"], "the name of a rule")) is not None:
        spec |= {"rule": rule} if reading.known(at, rule, RULES, f"{rule} is no rule") else {}
    for name in sorted(set(spec.get("order", ())) & set(spec.get("ignore", ()))):
        reading.wrong((*path, "ignore"), f"{name} stands both in order and in ignore of {spell(path)}; take one away.")
    return spec


def _group_rule(reading: Reading, path: Path, value: Any, group: Group, before: GroupRule) -> GroupRule:
    spec = _spec(reading, path, value)
    rule = spec.get("rule", before.rule)
    if rule not in group.fits:
        holds = "holds one value" if group.fits is ONE_VALUE else "is a list"
        reading.wrong(path, f"{rule} does not fit {spell(path)}, which {holds}; take one of {', '.join(group.fits)}.")
        rule = before.rule
    made = _changed(before, {**spec, "rule": rule})
    if made.rule == SOURCE_PRIORITY and not made.order:
        reading.wrong(path, f"source_priority of {spell(path)} needs an order: name connections in its order or in sources.")
    return made


def _every_field(reading: Reading, path: Path, value: Any, groups: dict[str, GroupRule]) -> None:
    """Apply `*` to every group of an entity; a rule only where it fits."""
    spec = _spec(reading, path, value)
    fits = {group.name: group.fits for group in GROUPS[str(path[-2])]}
    for name, before in groups.items():
        rule = spec.get("rule", before.rule)
        groups[name] = _changed(before, {**spec, "rule": rule if rule in fits[name] else before.rule})
    if spec.get("rule") == SOURCE_PRIORITY and not all(made.order for made in groups.values()):
        reading.wrong(path, f"source_priority of {spell(path)} needs an order: name connections in its order or in sources.")


def _changed(before: GroupRule, spec: Mapping[str, Any]) -> GroupRule:
    """Return a rule with what is written instead; connections an order leaves out keep their order after it."""
    order = spec.get("order", ())
    return replace(
        before,
        rule=spec["rule"],
        order=(*order, *(name for name in before.order if name not in order)),
        ignore=frozenset(spec.get("ignore", before.ignore)),
    )


# Matching -------------------------------------------------------------------------------------------------------------


def _matching(reading: Reading, value: Any) -> Matching:
    path: Path = ("matching",)
    read = {
        "max_sharing": lambda at, given: reading.number(at, given, 1, 1000, True, MAX_SHARING),
        "same_connection": lambda at, given: _same_connection(reading, at, given),
        "external_id": lambda at, given: _external_id(reading, at, given),
        "product_name": lambda at, given: _switch(reading, at, given),
        "stop_addresses": lambda at, given: frozenset(
            word for _, word in reading.words(at, given, "e-mails, phones and domains")
        ),
    }
    given = reading.settings(path, value, MATCHING_SETTINGS, "matching has")
    return Matching(**{key: read[key]((*path, key), given[key]) for key in given})


def _same_connection(reading: Reading, path: Path, value: Any) -> dict[str, tuple[str, ...]]:
    entities = reading.entities(path, value, MATCH_KEYS, "is no entity that is matched by keys")
    return {entity: _keys(reading, (*path, entity), entity, given) for entity, given in entities.items()}


def _keys(reading: Reading, path: Path, entity: str, value: Any) -> tuple[str, ...]:
    allowed = MATCH_KEYS[entity]
    found = reading.words(path, value, f"keys ({', '.join(allowed)})")
    return tuple(key for at, key in found if reading.known(at, key, allowed, f"{key} is no key of {entity}"))


def _external_id(reading: Reading, path: Path, value: Any) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for entity, given in reading.entities(path, value, WITH_EXTERNAL_ID, "is no entity with an external id").items():
        at, found[entity] = (*path, entity), {}
        for name, custom_field in reading.mapping(at, given).items():
            word = reading.word((*at, name), custom_field, "the key or name of a custom field")
            if reading.connection((*at, name), name) and word is not None:
                found[entity][name] = word
    return found


def _switch(reading: Reading, path: Path, value: Any) -> bool:
    if not isinstance(value, bool):
        reading.wrong(path, f"{spell(path)} must be true or false, not {kind_of(value)}.")
    return value is True


# Writing back ----------------------------------------------------------------------------------------------------------


def _create_missing(reading: Reading, value: Any) -> dict[str, tuple[str, ...]]:
    path: Path = ("create_missing",)
    found = {}
    for name, given in reading.mapping(path, value).items():
        words = reading.words((*path, name), given, f"entities ({', '.join(CREATABLE)})")
        if name == APP:
            reading.wrong((*path, name), "app has everything already; nothing is created there.")
        elif reading.connection((*path, name), name):
            found[name] = tuple(
                word for at, word in words if reading.known(at, word, CREATABLE, f"{word} is no entity that can be created")
            )
    return found


# Mappings of stages, pipelines and users ------------------------------------------------------------------------------


def _same_things(reading: Reading, section: str, value: Any) -> SameThings:
    groups, seen = [], dict[Ref, int]()
    for number, given in enumerate(reading.items((section,), value, f"groups of {section}")):
        refs = _refs(reading, (section, number), given)
        if given and len(refs) == 1:
            reading.wrong((section, number), f"{spell((section, number))} names one record; a group has two or more.")
        for at, ref in refs:
            if seen.setdefault(ref, number) != number:
                reading.wrong(at, f"{ref.connection}:{ref.record} stands in two groups of {section}; join them or take one away.")
        groups.append(tuple(ref for _, ref in refs))
    return tuple(group for group in groups if group)


def _refs(reading: Reading, path: Path, value: Any) -> list[tuple[Path, Ref]]:
    """Read `[connection:record, …]` or `{connection: record, …}`."""
    if isinstance(value, Mapping):
        given = reading.mapping(path, value)
        said = [((*path, key), f"{key}:{word}") for key in given if (word := reading.word((*path, key), given[key], "a record"))]
    else:
        said = reading.words(path, value, "connection:name or connection:external id")
    split = [(at, text.partition(":")) for at, text in said]
    for at, (name, colon, record) in split:
        if not colon or not record.strip():
            reading.wrong(at, f"{name} names no record: write connection:name or connection:external id.")
    whole = [(at, Ref(name.strip(), record.strip())) for at, (name, _, record) in split if record.strip()]
    return [(at, ref) for at, ref in whole if reading.connection(at, ref.connection)]
