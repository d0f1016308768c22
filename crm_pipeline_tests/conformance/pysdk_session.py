"""A session of b24pysdk as its users write it, printed as JSON; run in a process of its own by test_bitrix24_clients.py."""

from __future__ import annotations

import json
import sys
from typing import Any

import requests
from b24pysdk import BitrixApp, BitrixToken, BitrixWebhook, Client
from b24pysdk.errors import BitrixAPIError


def webhook(told: dict[str, Any]) -> dict[str, Any]:
    _, _, domain, _, user, secret, _ = told["webhook_url"].split("/")
    client = Client(BitrixWebhook(domain=domain, webhook_token=f"{user}/{secret}"))
    contacts = client.crm.item.list(3)
    deals = {number: client.crm.item.get(bitrix_id=number, entity_type_id=2) for number in (1, 2, 3)}
    return {
        "page": client.crm.item.list(3).result["items"],
        "all": list(contacts.as_list().result),
        "fast": list(client.crm.item.list(3).as_list_fast().result),
        "classic": list(client.crm.contact.list(select=["*", "UF_*", "PHONE", "EMAIL", "WEB"]).as_list_fast().result),
        "batch": {key: one["item"] for key, one in client.call_batch(deals).result.result.items()},
        "refusal": refusal(client),
    }


def refusal(client: Client) -> list[Any]:
    try:
        return [client.crm.item.get(bitrix_id=999_999, entity_type_id=3).result]
    except BitrixAPIError as error:
        return [type(error).__name__, error.error]


def oauth(told: dict[str, Any]) -> dict[str, Any]:
    app = BitrixApp(client_id=told["client_id"], client_secret=told["client_secret"])
    first = app.get_oauth_token(told["code"]).oauth_token
    token = BitrixToken(
        domain=told["portal"].removeprefix("https://"),
        auth_token=first.access_token,
        refresh_token=first.refresh_token,
        bitrix_app=app,
    )
    client = Client(token)
    before = client.profile().result["ID"]
    requests.post(f"{told['portal']}/_sandbox/clock", json={"advance": 3601}, timeout=10).raise_for_status()
    after = client.profile().result["ID"]
    renewed = token.auth_token != first.access_token and token.refresh_token != first.refresh_token
    return {"before": before, "after": after, "renewed": renewed, "deals": list(client.crm.item.list(2).as_list_fast().result)}


if __name__ == "__main__":
    told = json.loads(sys.stdin.read())
    json.dump({"webhook": webhook(told), "oauth": oauth(told)}, sys.stdout)
