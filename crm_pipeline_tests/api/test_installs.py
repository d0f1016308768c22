"""Applications that come and go by themselves: installed to an address, removed, switched off; claims change nothing."""

import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

import requests

from crm_pipeline.database.vault import RowVault
from crm_pipeline.stages.sync import sync
from crm_pipeline_tests.api.administering import House, house, until

__all__ = ["house"]
TOLD = {"event": "ONAPPUNINSTALL", "data[LANGUAGE_ID]": "en", "data[CLEAN]": "1"}


def link(house: House, crm: str = "bitrix24", **more: str) -> dict[str, Any]:
    """Ask for a consent and return what an administrator is told."""
    asked = house.person("admin").ask("POST", "/auth-url", json=house.application(crm) | more)
    assert asked.status_code == 200, asked.text
    return dict(asked.json())


def edit(house: House, crm: str, **what: Any) -> None:
    """Do something in the CRM as a person there does."""
    done = requests.post(f"{getattr(house, crm).url}/_sandbox/edit", json=what, timeout=10)
    assert done.status_code == 200, done.text


def shown(house: House) -> dict[str, Any]:
    """Return the one connection there is, as an administrator sees it."""
    (found,) = house.person("admin").ask("GET", "").json()["items"]
    return dict(found)


def listed(house: House) -> list[dict[str, Any]]:
    """Return the connections an administrator sees."""
    return list(house.person("admin").ask("GET", "").json()["items"])


def registered(house: House) -> list[dict[str, Any]]:
    """Return the connections whose CRM delivers."""
    return [one for one in listed(house) if one["webhook"]["state"] == "registered"]


def pinned(house: House, connection_id: int) -> Any:
    """Return the application token a connection's deliveries are checked against."""
    return RowVault(house.parts.engine, house.parts.settings.encryption_keys, connection_id).read().get("application_token")


def test_a_portal_that_installs_the_application_is_connected_and_one_that_removes_it_waits_for_consent(house: House) -> None:
    told = link(house, name="portal")
    assert told["install_url"].startswith(f"{house.url}/api/webhooks/bitrix24/") and told["disconnect_url"] is None
    edit(house, "bitrix24", kind="app", create={"handler": told["install_url"]})
    before = until(lambda: registered(house))[0]
    assert (before["name"], before["status"]) == ("portal", "active")
    assert pinned(house, before["id"]) == house.bitrix24.access.application_token
    assert sync(house.parts, "portal", "initial", ["contacts"]).entities["contacts"].inserted > 0

    forged = TOLD | {"auth[member_id]": house.bitrix24.portal.member_id, "auth[application_token]": "guessed"}
    for address in (told["install_url"], house.hook(before["id"])):
        assert requests.post(address, data=forged, timeout=10).status_code == 404
    assert shown(house)["status"] == "active"

    edit(house, "bitrix24", kind="app", id=1, delete=True)
    gone = until(lambda: [one for one in listed(house) if one["status"] == "needs_consent"])[0]
    assert "removed from the portal" in gone["status_reason"] and "data=purge" in gone["status_reason"]
    assert gone["consent_link"] and gone["webhook"]["state"] == "unregistered"

    edit(house, "bitrix24", kind="app", create={"handler": told["install_url"]})  # it stays in the application's card
    back = until(lambda: registered(house))[0]
    assert (back["id"], back["status"]) == (before["id"], "active")
    assert house.person("admin").ask("GET", f"/{back['id']}").json()["records"]["contacts"] > 0


def test_an_application_with_a_page_is_connected_when_it_is_installed_and_left_alone_when_it_is_opened(house: House) -> None:
    told = link(house)
    access, refresh = house.bitrix24.access.issue(1)
    query = urlencode({"DOMAIN": house.bitrix24.url.removeprefix("http://"), "PROTOCOL": "0", "LANG": "en", "APP_SID": "x"})
    opened = {
        "AUTH_ID": access, "AUTH_EXPIRES": "3600", "REFRESH_ID": refresh, "APPLICATION_TOKEN": "t0k3n", "status": "L",
        "member_id": house.bitrix24.portal.member_id, "PLACEMENT": "DEFAULT",
    }  # fmt: skip
    headers = {"Accept": "text/html"}
    page = requests.post(f"{told['install_url']}?{query}", data=opened, headers=headers, timeout=20)
    assert page.status_code == 200 and "installFinish" in page.text, page.text
    assert f"frame-ancestors {house.bitrix24.url}" in page.headers["Content-Security-Policy"]
    made = shown(house)
    assert pinned(house, made["id"]) == "t0k3n"
    other = (
        opened | dict(zip(("AUTH_ID", "REFRESH_ID"), house.bitrix24.access.issue(2), strict=True)) | {"APPLICATION_TOKEN": "n3w"}
    )
    assert requests.post(f"{told['install_url']}?{query}", data=other, headers=headers, timeout=20).status_code == 200
    assert pinned(house, made["id"]) == "t0k3n"


def test_what_only_claims_to_be_an_installation_connects_nothing(house: House) -> None:
    for wrong, status in {"tokens": 409, "portal": 422, "state": 404, "crm": 404, "nothing": 404}.items():
        told = link(house, "amocrm" if wrong == "crm" else "bitrix24")
        tokens = ("made", "up") if wrong == "tokens" else house.bitrix24.access.issue(1)
        url = "https://evil.example/rest/" if wrong == "portal" else f"{house.bitrix24.url}/rest/"
        auth = {
            "access_token": tokens[0], "refresh_token": tokens[1], "application_token": "t0k3n", "expires_in": "3600",
            "member_id": house.bitrix24.portal.member_id, "client_endpoint": url,
        }  # fmt: skip
        state = f"{told['state'][:-4]}AAAA" if wrong == "state" else told["state"]
        body = {"event": "ONAPPINSTALL"} | {f"auth[{name}]": value for name, value in auth.items()} if wrong != "nothing" else {}
        answer = requests.post(f"{house.url}/api/webhooks/bitrix24/{state}", data=body, timeout=20)
        assert answer.status_code == status, (wrong, answer.text)
    assert listed(house) == []


def test_switching_the_integration_off_in_amocrm_is_heard_when_it_is_signed(house: House) -> None:
    house.amocrm.switches.disconnect_uri = address = link(house, "amocrm")["disconnect_url"]
    before = house.connected("amocrm", "sales")
    application = house.amocrm.credentials()
    account, client = before_id(house), application["client_id"]
    signature = hmac.new(application["client_secret"].encode(), f"{client}|{account}".encode(), hashlib.sha256).hexdigest()
    signed = {"account_id": account, "client_uuid": client, "signature": signature}
    for wrong in ({"signature": "0" * 64}, {"account_id": "1"}, {"client_uuid": "other"}, {"signature": ""}):
        assert requests.get(address, params=signed | wrong, timeout=10).status_code == 404
    assert requests.get(address.replace("/amocrm/", "/nocrm/"), params=signed, timeout=10).status_code == 404
    assert shown(house)["status"] == "active"
    edit(house, "amocrm", kind="integration", disable=True)
    gone = until(lambda: [one for one in listed(house) if one["status"] == "needs_consent"])[0]
    assert "switched off" in gone["status_reason"] and gone["what_to_do"] and gone["consent_link"]
    edit(house, "amocrm", kind="integration", disable=False)
    assert house.connected("amocrm", "sales")["id"] == before["id"] and shown(house)["status"] == "active"
    spelled = {"account_id": account, "client_id": client, "signature": signature}
    assert requests.get(address, params=spelled, timeout=10).status_code == 200
    assert shown(house)["status"] == "needs_consent"


def before_id(house: House) -> str:
    """Return the account's id at amoCRM."""
    with house.parts.engine.connect() as db:
        return str(db.exec_driver_sql("SELECT stable_id FROM sync.connections WHERE crm = 'amocrm'").scalar_one())
