"""The shape of golden records beside that of source records: which columns they share, and what refers to what."""

from dataclasses import dataclass

from crm_pipeline.model.entities import COLUMNS

REFERENCES = {
    "owner_external_id": "users",
    "author_external_id": "users",
    "company_external_id": "companies",
    "pipeline_external_id": "pipelines",
    "stage_external_id": "stages",
}
"""Source column → entity it refers to. The golden column is the same without `external_`."""

TARGET = "target_external_id"
"""Refers to a record of the entity that `target_entity` names."""

ONLY_SOURCE = ("catalog_external_id",)
"""Source columns without a golden one."""


def golden_name(column: str) -> str:
    """Return the golden column of a source column: owner_external_id → owner_id."""
    return column.replace("_external_id", "_id")


def shared_columns(entity: str) -> tuple[str, ...]:
    """Return the source columns of an entity that have a golden column."""
    return tuple(column for column in COLUMNS[entity] if column not in ONLY_SOURCE)


def is_reference(column: str) -> bool:
    """Return whether a source column refers to another record."""
    return column in REFERENCES or column == TARGET


@dataclass(frozen=True, slots=True)
class GoldenLinks:
    """A golden link table: like the source's, with golden ids."""

    table: str
    entity: str
    """Whose rows they are."""
    parent: str
    """Source column of the owner."""
    owner: str
    """Golden column of the owner."""
    key: tuple[str, ...]
    """Beside the owner."""
    columns: tuple[str, ...]
    """Plain columns both have."""
    to: str | None = None
    """Entity a row leads to."""
    to_column: str | None = None
    """Source column that says where."""
    requires_target: bool = True
    """A row whose target is not known is left out."""
    first: str = "l.position"
    """Of two rows of one side that become one, the first by this stays."""
    one_side: bool = False
    """Rows of several sides cannot be mixed: the first side that has any counts."""


POINTS = ("kind", "value", "label", "is_primary", "position")
LINKS: dict[str, tuple[GoldenLinks, ...]] = {
    "companies": (GoldenLinks("contact_points", "companies", "external_id", "golden_id", ("kind", "value"), POINTS),),
    "contacts": (
        GoldenLinks("contact_points", "contacts", "external_id", "golden_id", ("kind", "value"), POINTS),
        GoldenLinks("contact_companies", "contacts", "contact_external_id", "contact_id", ("company_id",), ("is_primary",),
                    "companies", "company_external_id", first="l.is_primary DESC"),
    ),
    "deals": (
        GoldenLinks("deal_contacts", "deals", "deal_external_id", "deal_id", ("contact_id",), ("is_main", "position"),
                    "contacts", "contact_external_id", first="l.is_main DESC, l.position"),
        GoldenLinks("deal_products", "deals", "deal_external_id", "deal_id", ("position",),
                    ("position", "product_name", "quantity", "price", "discount"), "products", "product_external_id",
                    requires_target=False, one_side=True),
    ),
}  # fmt: skip
