"""What must hold between tables, as rows: which rule, of which query in `sql/queries/breaches.sql`, and whose fault a breach is.

What belongs here: rules about several records at once. What one record should look like is in `suites.py`; how a rule is
put to the database belongs to whoever asks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from crm_pipeline.model.entities import COLUMNS
from crm_pipeline.model.golden import LINKS, REFERENCES, TARGET, golden_name, is_reference

TARGETS = ("companies", "contacts", "deals")
"""Entities that tasks and communications are about."""
WITH_POINTS = ("companies", "contacts")
"""Entities with contact points."""


@dataclass(frozen=True)
class Rule:
    """One rule: what breaks it is what its query finds."""

    name: str
    """As it stands in the check's table."""
    query: str
    names: Mapping[str, str] = field(default_factory=dict)
    """What the query's `{placeholders}` stand for."""
    is_ours: bool = True
    """Whether a breach is our own mistake; else the CRM's data are like that."""


@dataclass(frozen=True)
class _Reference:
    """A column that leads to records of an entity, by its names in `source` and in `crm`."""

    table: str
    owner: tuple[str, str]
    column: tuple[str, str]
    to: str
    only: str = "true"

    def rule(self, entity: str, golden: bool) -> Rule:
        names = {
            "entity": entity, "table": self.table, "owner": self.owner[golden], "column": self.column[golden], "to": self.to,
            "only": self.only,
        }  # fmt: skip
        query = "lost_golden_reference" if golden else "lost_source_reference"
        table = "" if self.table == entity else f"{self.table}."
        return Rule(f"{table}{self.column[golden]} leads to {self.to}", query, names, is_ours=golden)


def _references(entity: str) -> Iterator[_Reference]:
    for column in filter(is_reference, COLUMNS[entity]):
        targets = TARGETS if column == TARGET else (REFERENCES[column],)
        for to in targets:
            only = f"target_entity = '{to}'" if column == TARGET else "true"
            yield _Reference(entity, ("external_id", "id"), (column, golden_name(column)), to, only)
    for links in LINKS.get(entity, ()):
        if links.to and links.to_column:
            leading = (links.to_column, golden_name(links.to_column))
            yield _Reference(links.table, (links.parent, links.owner), leading, links.to)


HISTORY = {"deal_id": "deals", "stage_id": "stages", "from_stage_id": "stages", "pipeline_id": "pipelines", "author_id": "users"}
"""Column of the golden stage history → where it leads."""


def _golden_only(entity: str) -> Iterator[_Reference]:
    """Yield what only golden tables have: rows of link tables whose owner must exist, and the history of stages."""
    for links in LINKS.get(entity, ()):
        only = f"entity = '{entity}'" if links.table == "contact_points" else "true"
        yield _Reference(links.table, ("", links.owner), ("", links.owner), entity, only)
    for column, to in HISTORY.items() if entity == "deals" else ():
        yield _Reference("deal_stage_history", ("", "deal_id"), ("", column), to)


def source_links(entity: str) -> list[Rule]:
    """Return: references lead to records of the same connection. CRMs hand out ids of what they deleted or hide."""
    return [reference.rule(entity, golden=False) for reference in _references(entity)]


def golden_links(entity: str) -> list[Rule]:
    """Return: references and link tables lead to golden records that exist."""
    return [reference.rule(entity, golden=True) for found in (_references, _golden_only) for reference in found(entity)]


def crosswalk(entity: str) -> list[Rule]:
    """Return: source and golden records belong together as the crosswalk says; merged ids lead on."""
    wanted = {
        "the crosswalk leads from source to golden records": "lost_crosswalk",
        "source records name the golden record of the crosswalk": "other_golden",
        "a golden record has source records": "no_source",
        "a golden record that lives has a living source record": "no_living_source",
        "a golden record with a living source record lives": "buried_alive",
        "source_count counts the living source records": "other_count",
        "merged ids lead to a golden record in one step": "lost_redirect",
    }
    return [Rule(name, query, {"entity": entity}) for name, query in wanted.items()]


def points(entity: str, golden: bool) -> list[Rule]:
    """Return: of each kind at most one contact point is the primary one."""
    query = "golden_primaries" if golden else "source_primaries"
    return [Rule("one primary contact point of each kind", query, {"entity": entity})]


@dataclass(frozen=True)
class _Sense:
    """A rule about what one record says, of all entities or one."""

    name: str
    queries: tuple[str, str]
    """Of source and of golden records."""
    entity: str | None = None
    is_ours: bool = False


SENSE = (
    _Sense("not created or changed after tomorrow", ("source_future", "golden_future")),
    _Sense("stage_category is that of the stage", ("source_category", "golden_category"), "deals", is_ours=True),
    _Sense("completed_at goes with is_completed", ("source_completion", "golden_completion"), "tasks"),
)


def sense(entity: str, golden: bool) -> list[Rule]:
    """Return: what one record says goes together, and with what it refers to."""
    asked = (one for one in SENSE if one.entity in (None, entity))
    return [Rule(one.name, one.queries[golden], {"entity": entity}, one.is_ours) for one in asked]


AMOUNTS = Rule("a golden amount is that of the source it comes from", "other_amount", {"entity": "deals"})
"""What stands beside the sums of deals per connection."""
