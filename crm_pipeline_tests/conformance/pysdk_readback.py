"""b24pysdk reads records by id, as its users write it; run in a process of its own by test_bitrix24_writing.py."""

from __future__ import annotations

import json
import sys
from typing import Any

from b24pysdk import BitrixWebhook, Client


def read(told: dict[str, Any]) -> dict[str, Any]:
    _, _, domain, _, user, secret, _ = told["webhook_url"].split("/")
    client = Client(BitrixWebhook(domain=domain, webhook_token=f"{user}/{secret}"))
    items = {
        entity: client.crm.item.get(bitrix_id=int(told["ids"][entity]), entity_type_id=number).result["item"]
        for entity, number in (("deals", 2), ("contacts", 3), ("companies", 4))
    }
    found = client.crm.item.list(3, filter={"=originId": told["marker"]}, select=["id", "originatorId", "originId"])
    return items | {"by_marker": list(found.as_list().result)}


if __name__ == "__main__":
    json.dump(read(json.loads(sys.stdin.read())), sys.stdout)
