"""What clients read: lists in pages, single records, everything once, and then what changed; only what they may see."""

from typing import Any
from uuid import UUID, uuid4

import httpx

from crm_pipeline_tests.api.conftest import Api


def put(api: Api, entity: str, **values: Any) -> str:
    golden_id = str(values.setdefault("id", str(uuid4())))
    names = ", ".join(values)
    api.rows(f"INSERT INTO crm.{entity} ({names}) VALUES ({', '.join(f'%({n})s' for n in values)}) RETURNING 1", **values)
    return golden_id


def follow(client: httpx.Client, copy: dict[str, str], cursor: str | None) -> str:
    """Bring a copy (id -> version) up to date and return the cursor."""
    more = True
    while more:
        path = "/api/sync/incremental" if cursor and "done" in copy else "/api/sync/initial"
        given = {"since" if path.endswith("incremental") else "cursor": cursor} if cursor else {}
        answer = client.get(path, params={**given, "limit": 3})
        assert answer.status_code == 200, answer.text
        for change in answer.json()["changes"]:
            if change["op"] == "upsert":
                copy[change["id"]] = change["version"]
            else:
                copy.pop(change["id"], None)
        cursor, more = answer.json()["next_cursor"], answer.json()["has_more"]
    copy["done"] = ""
    assert cursor
    return cursor


def test_a_copy_follows_the_tables(api: Api) -> None:
    ids = {put(api, "contacts", name=f"Contact {n}") for n in range(10)}
    client, copy = api.login("agent"), dict[str, str]()
    cursor = follow(client, copy, None)
    assert ids | {"done"} == set(copy)
    gone = ids.pop()
    api.rows("DELETE FROM crm.contacts WHERE id = %(id)s RETURNING 1", id=gone)
    api.rows("INSERT INTO crm.tombstones (entity, id) VALUES ('contacts', %(id)s) RETURNING 1", id=gone)
    ids.add(put(api, "deals", title="New", amount="10.50"))
    follow(client, copy, cursor)
    assert ids | {"done"} == set(copy)


def test_who_sees_only_its_own_is_told_what_it_gets_and_loses(api: Api) -> None:
    me, other = uuid4(), uuid4()
    deal, strange = put(api, "deals", title="Mine", owner_id=str(me)), put(api, "deals", title="Not mine", owner_id=str(other))
    client, copy = api.login("agent", scope="own", crm_users=[UUID(str(me))]), dict[str, str]()
    cursor = follow(client, copy, None)
    assert set(copy) == {deal, "done"}
    assert client.get(f"/api/deals/{strange}").status_code == 404
    assert [one["id"] for one in client.get("/api/deals").json()["items"]] == [deal]
    api.rows("UPDATE crm.deals SET owner_id = CASE WHEN id = %(id)s THEN %(o)s::uuid ELSE %(m)s::uuid END, "
             "changed_xid = pg_current_xact_id() RETURNING 1", id=deal, o=str(other), m=str(me))  # fmt: skip
    follow(client, copy, cursor)
    assert set(copy) == {strange, "done"}


def test_pages_and_etags(api: Api) -> None:
    ids = {put(api, "contacts", name=f"Same {n % 2}") for n in range(7)}
    client, seen, cursor = api.login("operator"), list[str](), None
    while True:
        answer = client.get("/api/contacts", params={"limit": 2, "sort": "-name", **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        seen += [one["id"] for one in answer.json()["items"]]
        if (cursor := answer.json()["next_cursor"]) is None:
            break
    assert len(seen) == 7 and set(seen) == ids
    first = client.get(f"/api/contacts/{seen[0]}")
    assert client.get(f"/api/contacts/{seen[0]}", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert client.get("/api/contacts", params={"no_such": 1}).status_code == 422
