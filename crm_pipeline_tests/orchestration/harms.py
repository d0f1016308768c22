"""How every rule is broken once, as rows: the SQL of the breach, which check sees it under which name, and how bad it is.

The SQL answers the ids that must be named. No assertions here.
"""

from dataclasses import dataclass

import dagster as dg

OUR_MISTAKE, THEIR_DATA = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
BETWEEN, REGEX = "expect_column_values_to_be_between", "expect_column_values_to_match_regex"
NOBODY = "00000000-0000-4000-8000-000000000000"
OF_TINY = "connection_id = (SELECT id FROM sync.connections WHERE name = 'tiny')"
GOLDEN = f"(SELECT golden_id FROM crm.crosswalk WHERE entity = '{{}}' AND external_id = '2' AND {OF_TINY})"
"""The golden record of `tiny:2`, which is no other's."""
TASK, DEAL, CONTACT = (GOLDEN.format(entity) for entity in ("tasks", "deals", "contacts"))
RECORD = "RETURNING 'tiny:' || external_id"
ONE = f"WHERE {OF_TINY} AND external_id = '2' {RECORD}"


@dataclass(frozen=True)
class Harm:
    """One breach."""

    layer: str
    entity: str
    check: str
    rule: str
    sql: str
    severity: dg.AssetCheckSeverity = OUR_MISTAKE
    ids: tuple[str, ...] = ()
    """What must be named, where the SQL does not answer it."""


def _crosswalk(rule: str, sql: str, *ids: str) -> Harm:
    return Harm("crm", "tasks", "crosswalk", rule, sql, ids=ids)


def _redirect(old: str, new: str) -> Harm:
    sql = f"INSERT INTO crm.golden_redirects (entity, old_id, new_id) SELECT 'tasks', {old}, {new} RETURNING old_id"
    return _crosswalk("merged ids lead to a golden record in one step", sql)


LEADS = "the crosswalk leads from source to golden records"
NAMES = "source records name the golden record of the crosswalk"
CROSSWALK = (
    _crosswalk(LEADS, f"DELETE FROM crm.tasks WHERE id = {TASK}", "tiny:2"),
    _crosswalk(
        LEADS,
        f"""INSERT INTO crm.crosswalk (golden_id, entity, connection_id, external_id, rule)
            SELECT golden_id, entity, connection_id, '77', rule FROM crm.crosswalk WHERE entity = 'tasks' AND golden_id = {TASK}
            {RECORD}""",
    ),
    _crosswalk(NAMES, f"UPDATE source.tasks SET golden_id = '{NOBODY}' {ONE}"),
    _crosswalk(NAMES, f"DELETE FROM crm.crosswalk WHERE entity = 'tasks' AND golden_id = {TASK} {RECORD}"),
    _crosswalk("a golden record has source records", f"INSERT INTO crm.tasks (id) VALUES ('{NOBODY}') RETURNING id"),
    _crosswalk(
        "a golden record that lives has a living source record",
        f"UPDATE source.tasks SET deleted_at = now() WHERE {OF_TINY} AND external_id = '2' RETURNING golden_id",
    ),
    _crosswalk(
        "a golden record with a living source record lives",
        f"UPDATE crm.tasks SET deleted_at = now() WHERE id = {TASK} RETURNING id",
    ),
    _crosswalk("source_count counts the living source records", "UPDATE crm.tasks SET source_count = 5 RETURNING id"),
    _redirect(f"'{NOBODY}'::uuid", "gen_random_uuid()"),
    _redirect(TASK, f"(SELECT id FROM crm.tasks WHERE id <> {TASK} LIMIT 1)"),
)


def _link(entity: str, rule: str, sql: str) -> Harm:
    return Harm("crm", entity, "links", rule, sql)


LINKS = (
    _link("deals", "company_id leads to companies", f"UPDATE crm.deals SET company_id = '{NOBODY}' RETURNING id"),
    _link("deals", "stage_id leads to stages", f"UPDATE crm.deals SET stage_id = '{NOBODY}' WHERE id = {DEAL} RETURNING id"),
    _link(
        "deals",
        "deal_contacts.contact_id leads to contacts",
        f"INSERT INTO crm.deal_contacts (deal_id, contact_id) VALUES ({DEAL}, '{NOBODY}') RETURNING deal_id",
    ),
    _link(
        "deals",
        "deal_contacts.deal_id leads to deals",
        f"INSERT INTO crm.deal_contacts (deal_id, contact_id) VALUES ('{NOBODY}', {CONTACT}) RETURNING deal_id",
    ),
    _link(
        "deals",
        "deal_products.product_id leads to products",
        f"UPDATE crm.deal_products SET product_id = '{NOBODY}' WHERE deal_id = {DEAL} RETURNING deal_id",
    ),
    _link(
        "deals",
        "deal_stage_history.stage_id leads to stages",
        f"UPDATE crm.deal_stage_history SET stage_id = '{NOBODY}' WHERE deal_id = {DEAL} RETURNING deal_id",
    ),
    _link(
        "contacts",
        "owner_id leads to users",
        f"UPDATE crm.contacts SET owner_id = '{NOBODY}' WHERE id = {CONTACT} RETURNING id",
    ),
    _link(
        "contacts",
        "contact_companies.company_id leads to companies",
        f"UPDATE crm.contact_companies SET company_id = '{NOBODY}' RETURNING contact_id",
    ),
    _link(
        "contacts",
        "contact_points.golden_id leads to contacts",
        f"""INSERT INTO crm.contact_points (entity, golden_id, kind, value) VALUES ('contacts', '{NOBODY}', 'web', 'x')
            RETURNING golden_id""",
    ),
    _link("tasks", "target_id leads to deals", f"UPDATE crm.tasks SET target_id = '{NOBODY}' WHERE id = {TASK} RETURNING id"),
    _link("stages", "pipeline_id leads to pipelines", f"UPDATE crm.stages SET pipeline_id = '{NOBODY}' RETURNING id"),
)

CATEGORY, COMPLETION = "stage_category is that of the stage", "completed_at goes with is_completed"
FUTURE = "not created or changed after tomorrow"
TOMORROW = "now() + interval '2 days'"
SENSE = (
    Harm("crm", "deals", "sense", CATEGORY, f"UPDATE crm.deals SET stage_category = 'won' WHERE id = {DEAL} RETURNING id"),
    Harm("source", "deals", "sense", CATEGORY, f"UPDATE source.deals SET stage_category = 'lost' {ONE}"),
    Harm("crm", "tasks", "sense", COMPLETION, "UPDATE crm.tasks SET completed_at = now() RETURNING id", THEIR_DATA),
    Harm("source", "tasks", "sense", COMPLETION, f"UPDATE source.tasks SET is_completed = true {ONE}", THEIR_DATA),
    Harm("crm", "users", "sense", FUTURE, f"UPDATE crm.users SET updated_at = {TOMORROW} RETURNING id", THEIR_DATA),
    Harm("source", "tasks", "sense", FUTURE, f"UPDATE source.tasks SET remote_created_at = {TOMORROW} {ONE}", THEIR_DATA),
)

SOURCE_LINKS = (
    Harm(
        "source",
        "deals",
        "links",
        "company_external_id leads to companies",
        f"UPDATE source.deals SET company_external_id = '404' {ONE}",
        THEIR_DATA,
    ),
    Harm(
        "source",
        "deals",
        "links",
        "deal_contacts.contact_external_id leads to contacts",
        f"UPDATE source.deal_contacts SET contact_external_id = '404' WHERE {OF_TINY} RETURNING 'tiny:' || deal_external_id",
        THEIR_DATA,
    ),
    Harm(
        "source",
        "tasks",
        "links",
        "target_external_id leads to deals",
        f"UPDATE source.tasks SET target_external_id = '404' {ONE}",
        THEIR_DATA,
    ),
)

PRIMARY, PHONE, EMAIL = "one primary contact point of each kind", "phone: match regex", "email: match regex"


def _points(kind: str, value: str, entity: str = "companies") -> str:
    return f"""UPDATE source.contact_points SET value = '{value} ' || external_id
               WHERE entity = '{entity}' AND kind = '{kind}' AND {OF_TINY} {RECORD}"""


def _golden_points(kind: str, value: str) -> str:
    return f"UPDATE crm.contact_points SET value = '{value}' WHERE golden_id = {CONTACT} AND kind = '{kind}' RETURNING golden_id"


POINTS = (
    Harm("source", "companies", "points", PHONE, _points("phone", "8 (800) 555-35-35"), THEIR_DATA),
    Harm("source", "companies", "points", EMAIL, _points("email", "canary no address"), THEIR_DATA),
    Harm("crm", "contacts", "points", PHONE, _golden_points("phone", "5553535"), THEIR_DATA),
    Harm("crm", "contacts", "points", EMAIL, _golden_points("email", "Canary@X.example"), THEIR_DATA),
    Harm(
        "source",
        "contacts",
        "points",
        PRIMARY,
        f"""INSERT INTO source.contact_points (connection_id, entity, external_id, kind, value, is_primary)
            SELECT connection_id, entity, external_id, kind, '+79995550000', true FROM source.contact_points
            WHERE entity = 'contacts' AND kind = 'phone' AND {OF_TINY} {RECORD}""",
    ),
    Harm(
        "crm",
        "contacts",
        "points",
        PRIMARY,
        f"""INSERT INTO crm.contact_points (entity, golden_id, kind, value, is_primary)
            VALUES ('contacts', {CONTACT}, 'email', 'canary@x.example', true) RETURNING golden_id""",
    ),
)

RULES = (*CROSSWALK, *LINKS, *SENSE, *SOURCE_LINKS, *POINTS)
