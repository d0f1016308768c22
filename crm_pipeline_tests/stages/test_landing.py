"""What landing promises: nothing written for what did not change, every change logged, nothing of a page kept by half."""

from collections.abc import Callable
from typing import Any

import pytest

from crm_pipeline.database.locks import writers
from crm_pipeline.errors import ConnectionBusy
from crm_pipeline.stages.parts import EntityResult
from crm_pipeline.stages.replay import replay
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.connectors.tinycrm.server import TinyServer

Rows = Callable[..., list[dict[str, Any]]]
TABLES = (
    "raw.records",
    "source.contacts",
    "source.contact_points",
    "source.contact_companies",
    "source.deals",
    "source.deal_products",
)


def fill(tiny: TinyServer, contacts: int = 3) -> None:
    """Put a few records into the CRM."""
    tiny.put("stages", 1, name="new", category="open", pipeline_external_id="1")
    tiny.put("stages", 2, name="won", category="won", pipeline_external_id="1")
    tiny.put("products", 1, name="Кофе", price="12.50", currency="RUB")
    for i in range(1, contacts + 1):
        points = [{"kind": "phone", "value": f"+7900000{i:04}", "label": "WORK"}, {"kind": "email", "value": f"a{i}@x.ru"}]
        tiny.put("contacts", i, name=f"C{i}", contact_points=points, contact_companies=[{"company_external_id": "1"}])
    tiny.put(
        "deals", 1, title="D", amount="100.10", stage_external_id="1", deal_products=[{"product_external_id": "1", "quantity": 2}]
    )


def of(pipeline: Pipeline, entity: str, mode: str = "incremental", **options: Any) -> EntityResult:
    """Sync one entity without an error and return its counts."""
    result = sync(pipeline, "tiny", mode, entities=[entity], **options).entities[entity]
    assert result.error is None
    return result


def fingerprints(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """Return where every row lies and who wrote it: any write shows."""
    return {table: rows(f"SELECT ctid::text, xmin::text FROM {table} ORDER BY 1") for table in TABLES}


def test_a_payload_that_did_not_change_writes_nothing(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    sync(connected, "tiny", "initial")
    before = fingerprints(rows)
    again = sync(connected, "tiny", "initial")
    assert fingerprints(rows) == before
    assert again.entities["contacts"].unchanged == 3
    assert rows("SELECT * FROM source.field_changes") == []


def test_old_news_is_ignored(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    of(connected, "contacts")
    newer = tiny.records["contacts"]["1"]
    tiny.records["contacts"]["1"] = {**newer, "name": "stale", "updated_at": "2020-01-01T00:00:00+00:00"}
    assert of(connected, "contacts", "record", ids=["1"]).unchanged == 1
    assert rows("SELECT name FROM source.contacts WHERE external_id = '1'") == [{"name": "C1"}]


def test_every_change_is_logged_once_with_old_and_new(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    sync(connected, "tiny", "initial")
    tiny.put(
        "contacts",
        1,
        name="New name",
        contact_points=[{"kind": "phone", "value": "+79009999999", "label": "WORK"}],
        custom={"a": 1},
    )
    tiny.put("contacts", 2, contact_companies=[])
    sync(connected, "tiny", "incremental")
    sync(connected, "tiny", "incremental")
    found = rows("SELECT external_id, field, old_value, new_value FROM source.field_changes ORDER BY external_id, field")
    point = {"original": None, "is_primary": False}
    assert [tuple(row.values()) for row in found] == [
        ("1", "custom_fields.a", None, {"name": "a", "type": "text", "value": 1}),
        ("1", "emails", [{**point, "kind": "email", "value": "a1@x.ru", "label": None}], None),
        ("1", "name", "C1", "New name"),
        (
            "1", "phones", [{**point, "kind": "phone", "value": "+79000000001", "label": "WORK"}],
            [{**point, "kind": "phone", "value": "+79009999999", "label": "WORK"}],
        ),
        ("2", "companies", [{"company_external_id": "1", "is_primary": False}], None),
    ]  # fmt: skip


def test_children_are_replaced_as_a_set(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    sync(connected, "tiny", "initial")
    kept = rows("SELECT ctid::text, xmin::text FROM source.contact_points WHERE external_id = '1' AND kind = 'email'")
    points = [{"kind": "email", "value": "a1@x.ru"}, {"kind": "web", "value": "x.ru"}]
    tiny.put("contacts", 1, contact_points=[{**point, "position": n + 1 - n} for n, point in enumerate(points)])
    of(connected, "contacts")
    found = rows("SELECT kind, value FROM source.contact_points WHERE external_id = '1' ORDER BY kind")
    assert found == [{"kind": "email", "value": "a1@x.ru"}, {"kind": "web", "value": "x.ru"}]
    assert rows("SELECT ctid::text, xmin::text FROM source.contact_points WHERE external_id = '1' AND kind = 'email'") == kept


def test_a_product_row_without_price_gets_the_products(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    sync(connected, "tiny", "initial")
    assert [str(row["price"]) for row in rows("SELECT price FROM source.deal_products")] == ["12.50"]
    before = rows("SELECT ctid::text, xmin::text FROM source.deal_products")
    tiny.put("deals", 1, title="Renamed")
    of(connected, "deals")
    assert rows("SELECT ctid::text, xmin::text FROM source.deal_products") == before


def test_a_deleted_record_is_buried_and_a_restored_one_lives_again(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    of(connected, "contacts")
    tiny.drop("contacts", 2)
    assert of(connected, "contacts").deleted == 1
    assert of(connected, "contacts").deleted == 0
    assert rows("SELECT name, deleted_at IS NULL AS alive FROM source.contacts WHERE external_id = '2'") == [
        {"name": "C2", "alive": False}
    ]
    tiny.put("contacts", 2, name="C2")
    assert of(connected, "contacts").updated == 1
    assert rows("SELECT deleted_at FROM source.contacts WHERE external_id = '2'") == [{"deleted_at": None}]
    log = rows("SELECT field, new_value IS NULL AS back FROM source.field_changes WHERE field = 'deleted_at' ORDER BY id")
    assert [row["back"] for row in log] == [False, True]


def test_a_complete_walk_buries_what_it_has_not_seen(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    for i in range(1, 151):
        tiny.put("products", i, name=f"P{i}")
    of(connected, "products")
    for i in range(1, 21):
        del tiny.records["products"][str(i)]
    assert of(connected, "products").deleted == 20
    assert rows("SELECT count(*) AS n FROM source.products WHERE deleted_at IS NULL") == [{"n": 130}]
    assert rows("SELECT count(*) AS n FROM sync.walk_seen") == [{"n": 0}]


@pytest.mark.parametrize("left", [0, 60])
def test_an_implausible_walk_deletes_nothing(connected: Pipeline, tiny: TinyServer, rows: Rows, left: int) -> None:
    for i in range(1, 101):
        tiny.put("products", i, name=f"P{i}")
    of(connected, "products")
    for i in range(left + 1, 101):
        del tiny.records["products"][str(i)]
    result = sync(connected, "tiny", "incremental", entities=["products"])
    assert result.status == "failed"
    assert f"saw {left} of 100" in str(result.entities["products"].error)
    assert rows("SELECT count(*) AS n FROM source.products WHERE deleted_at IS NULL") == [{"n": 100}]
    assert rows("SELECT count(*) AS n FROM raw.records WHERE deleted_at IS NOT NULL") == [{"n": 0}]


def test_verify_finds_deletions_nobody_told_of(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny, contacts=30)
    of(connected, "contacts")
    watermark = rows("SELECT watermark FROM sync.cursors WHERE stream = 'contacts'")
    del tiny.records["contacts"]["7"]
    tiny.now = tiny.now.replace(year=2027)
    assert of(connected, "contacts").deleted == 0
    assert of(connected, "contacts", "verify").deleted == 1
    assert rows("SELECT external_id FROM source.contacts WHERE deleted_at IS NOT NULL") == [{"external_id": "7"}]
    assert rows("SELECT watermark FROM sync.cursors WHERE stream = 'contacts'") != watermark


def test_what_cannot_be_read_waits_in_quarantine_until_it_can(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    tiny.put("contacts", 2, broken="no shape I know")
    result = of(connected, "contacts")
    assert (result.inserted, result.quarantined) == (3, 1)
    assert rows("SELECT external_id, reason FROM sync.quarantine") == [{"external_id": "2", "reason": "broken: no shape I know"}]
    assert rows("SELECT count(*) AS n FROM raw.records WHERE entity = 'contacts'") == [{"n": 3}]
    assert replay(connected, "tiny").entities["contacts"].quarantined == 1
    with connected.engine.begin() as db:  # the mapping is mended: here, by what it stumbles over
        db.exec_driver_sql("UPDATE raw.records SET payload = payload - 'broken'")
    requests = tiny.requests.total()
    assert replay(connected, "tiny").entities["contacts"].inserted == 1
    assert rows("SELECT name FROM source.contacts WHERE external_id = '2'") == [{"name": "C2"}]
    assert rows("SELECT count(*) AS n FROM sync.quarantine") == [{"n": 0}]
    assert tiny.requests.total() == requests


def test_a_record_that_is_readable_again_leaves_quarantine(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    tiny.put("contacts", 2, broken="yes")
    of(connected, "contacts")
    tiny.put("contacts", 2, broken=None)
    of(connected, "contacts")
    assert rows("SELECT * FROM sync.quarantine") == []


def test_what_the_database_refuses_goes_to_quarantine_alone(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    for i in range(1, 41):
        tiny.put("communications", i, kind="note", body=f"note {i}")
    tiny.put("communications", 17, kind="smoke signal")
    tiny.put("communications", 23, kind="call", duration_seconds=10**12)
    result = of(connected, "communications")
    assert (result.inserted, result.quarantined) == (40, 2)
    assert rows("SELECT count(*) AS n FROM source.communications") == [{"n": 38}]
    assert [row["external_id"] for row in rows("SELECT external_id FROM sync.quarantine ORDER BY 1")] == ["17", "23"]
    assert rows("SELECT count(*) AS n FROM raw.records") == [{"n": 40}]


NASTY = ["a\x00b", "tab\tand\nnewline\r\n\\.\n\\N", '"quoted", {curly}', "\\u0000 spelled out", "\x1f\x1e", "%s %(x)s :x", "\\"]


@pytest.mark.parametrize("text", NASTY)
def test_no_text_breaks_the_load(connected: Pipeline, tiny: TinyServer, rows: Rows, text: str) -> None:
    tiny.put("contacts", 1, name=text, tags=[text, "b"], custom={"k": text})
    tiny.put("contacts", 2, name="plain")
    assert of(connected, "contacts").inserted == 2
    tiny.put("contacts", 1, position="moved")
    assert of(connected, "contacts").updated == 1
    kept = text.replace("\x00", "")
    found = rows(
        "SELECT c.name, c.tags[1] AS tag, r.payload ->> 'name' AS sent "
        "FROM source.contacts c JOIN raw.records r USING (external_id) WHERE external_id = '1'"
    )
    assert found == [{"name": kept.replace("\x1f", " ").replace("\x1e", " "), "tag": found[0]["tag"], "sent": kept}]
    assert [row["field"] for row in rows("SELECT field FROM source.field_changes")] == ["position"]


def test_a_lost_lock_keeps_nothing_of_the_page(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny, contacts=250)

    def cut(_connection: str, _entity: str, result: EntityResult) -> None:
        if result.read == 100:
            rows("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 4411981")

    with pytest.raises(ConnectionBusy):
        sync(connected, "tiny", "incremental", entities=["contacts"], progress=cut)
    assert rows("SELECT count(*) AS n FROM source.contacts") == [{"n": 100}]
    assert rows("SELECT walk_mode, walk_state FROM sync.cursors WHERE stream = 'contacts'") == [
        {"walk_mode": "initial", "walk_state": {"after": "100"}}
    ]
    assert of(connected, "contacts").inserted == 150
    assert rows("SELECT count(*) AS n FROM source.contacts") == [{"n": 250}]


DIE_AT_COMMIT = """
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_terminate_backend(pg_backend_pid());
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER die AFTER INSERT ON raw.records DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.external_id = '{record}') EXECUTE FUNCTION die();
"""


@pytest.mark.parametrize("record", [50, 150, 250], ids=["first page", "a page between", "last page"])
def test_a_page_that_dies_in_its_commit_is_read_again(connected: Pipeline, tiny: TinyServer, rows: Rows, record: int) -> None:
    """The cursor stands on neither side of a page's rows: what dies at the last moment takes both along."""
    fill(tiny, contacts=250)
    with connected.engine.begin() as db:
        db.exec_driver_sql(DIE_AT_COMMIT.format(record=record))
    with pytest.raises(ConnectionBusy):
        sync(connected, "tiny", "incremental", entities=["contacts"])
    with connected.engine.begin() as db:
        db.exec_driver_sql("DROP TRIGGER die ON raw.records")
    landed = record // 100 * 100
    assert rows("SELECT count(*) AS n FROM source.contacts") == [{"n": landed}]
    assert of(connected, "contacts").inserted == 250 - landed
    assert rows("SELECT count(*) AS n FROM source.contacts") == [{"n": 250}]


def test_there_is_one_writer(connected: Pipeline, tiny: TinyServer) -> None:
    fill(tiny)
    met: list[Exception] = []

    def second(_connection: str, _entity: str, _result: EntityResult) -> None:
        with pytest.raises(ConnectionBusy) as caught:
            sync(connected, "tiny", "incremental")
        met.append(caught.value)
        assert list(writers(connected.engine)) == [connected.link("tiny").connection_id]

    sync(connected, "tiny", "incremental", entities=["contacts"], progress=second)
    assert met
    assert writers(connected.engine) == {}


def test_new_labels_of_custom_fields_reach_records_already_landed(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    definition = {"entity": "contacts", "field_key": "src", "name": "Source", "kind": "select"}
    tiny.put("custom_fields", 1, **definition, options={"1": "site"})
    tiny.put("contacts", 1, name="C", custom={"src": 1})
    sync(connected, "tiny", "initial")
    tiny.put("custom_fields", 1, **definition, options={"1": "web site"})
    tiny.now = tiny.now.replace(year=2027)
    sync(connected, "tiny", "incremental")
    assert rows("SELECT custom_fields #>> '{src,value}' AS label FROM source.contacts") == [{"label": "web site"}]
    assert rows("SELECT * FROM source.field_changes WHERE entity = 'contacts'") == []


def test_a_window_reads_its_period_and_leaves_the_cursor_alone(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    sync(connected, "tiny", "initial")
    since = tiny.now
    tiny.put("contacts", 1, name="inside")
    until = tiny.now.replace(microsecond=1)
    tiny.put("contacts", 2, name="after")
    before = rows("SELECT * FROM sync.cursors ORDER BY entity, stream")
    assert of(connected, "contacts", "window", since=since, until=until).updated == 1
    assert rows("SELECT * FROM sync.cursors ORDER BY entity, stream") == before
    assert [row["name"] for row in rows("SELECT name FROM source.contacts ORDER BY external_id")] == ["inside", "C2", "C3"]


def test_record_mode_buries_what_is_gone(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    of(connected, "contacts")
    del tiny.records["contacts"]["3"]
    tiny.put("contacts", 1, name="read again")
    result = of(connected, "contacts", "record", ids=["1", "3", "99"])
    assert (result.updated, result.deleted) == (1, 1)


def test_what_a_verifying_walk_missed_is_asked_for_before_it_is_buried(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    """Rows edited while a list is read may move out of its sight: that must not look like a deletion."""
    fill(tiny, contacts=3)
    of(connected, "contacts")
    tiny.put("contacts", 2, name="edited meanwhile")
    tiny.hidden = {"2"}
    tiny.drop("contacts", 3)
    result = of(connected, "contacts", "verify")
    assert result.deleted == 1
    found = rows("SELECT external_id, name FROM source.contacts WHERE deleted_at IS NULL ORDER BY 1")
    assert found == [{"external_id": "1", "name": "C1"}, {"external_id": "2", "name": "edited meanwhile"}]


@pytest.mark.parametrize("mode", ["initial", "incremental", "verify"])
def test_what_only_adds_to_an_entity_is_left_out_with_a_warning(
    connected: Pipeline, tiny: TinyServer, rows: Rows, mode: str
) -> None:
    fill(tiny)
    tiny.put("stage_changes", 1, deal_external_id="1", stage_external_id="1", changed_at="2026-03-01T00:00:00+00:00")
    sync(connected, "tiny", "initial")
    tiny.fail["stage_changes"] = 403
    tiny.put("deals", 1, title="renamed")
    result = sync(connected, "tiny", mode)
    assert result.status == "ok"
    assert result.entities["deals"].warnings == ["stage_changes left out: Tiny says no. Ask Tiny."]
    assert rows("SELECT title FROM source.deals WHERE deleted_at IS NULL") == [{"title": "renamed"}]
    assert rows("SELECT count(*) AS n FROM source.stage_changes WHERE deleted_at IS NULL") == [{"n": 1}]
    tiny.fail.clear()
    assert sync(connected, "tiny", mode).entities["deals"].warnings == []
