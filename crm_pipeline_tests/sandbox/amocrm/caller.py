"""A plain HTTP caller of the amoCRM stand-in, as any program would be."""

from __future__ import annotations

from typing import Any

import requests

from crm_pipeline.sandbox.amocrm import AmoSandbox


class Caller:
    """Call one stand-in with a bearer token."""

    def __init__(self, sandbox: AmoSandbox, token: str | None = None) -> None:
        self.sandbox = sandbox
        self.keys = sandbox.credentials()
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token or self.keys['long_lived_token']}"

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        address = path if path.startswith("http") else f"{self.sandbox.url}/api/v4/{path}"
        return self.session.request(method, address, allow_redirects=False, timeout=20, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, body: Any, **more: Any) -> requests.Response:
        return self.request("POST", path, json=body, **more)

    def patch(self, path: str, body: Any, **more: Any) -> requests.Response:
        return self.request("PATCH", path, json=body, **more)

    def rows(self, path: str, key: str | None = None) -> list[dict[str, Any]]:
        """Answer the rows of a list page; 204 is none."""
        answer = self.get(path)
        assert answer.status_code in (200, 204), answer.text
        if answer.status_code == 204:
            return []
        embedded = answer.json()["_embedded"]
        return embedded[key] if key else next(iter(embedded.values()))

    def ids(self, path: str) -> list[int]:
        return [row["id"] for row in self.rows(path)]

    def walk(self, path: str) -> list[dict[str, Any]]:
        """Follow `next` from a first page to the end."""
        found: list[dict[str, Any]] = []
        address: str | None = path
        while address:
            answer = self.get(address)
            if answer.status_code == 204:
                return found
            body = answer.json()
            found += next(iter(body["_embedded"].values()))
            address = body["_links"].get("next", {}).get("href")
        return found

    def token(self, **grant: Any) -> requests.Response:
        """Ask the token endpoint; keys given replace the right ones."""
        keys = {name: self.keys[name] for name in ("client_id", "client_secret", "redirect_uri")}
        return requests.post(f"{self.sandbox.url}/oauth2/access_token", json=keys | grant, timeout=20)

    def exchange(self) -> dict[str, Any]:
        """Exchange a fresh code."""
        answer = self.token(grant_type="authorization_code", code=self.sandbox.credentials()["code"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, token: str) -> requests.Response:
        return self.token(grant_type="refresh_token", refresh_token=token)


def codes(answer: requests.Response) -> list[tuple[str, str, str]]:
    """Answer (request_id, code, path) of every validation error."""
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    return [
        (item["request_id"], error["code"], error["path"])
        for item in answer.json()["validation-errors"]
        for error in item["errors"]
    ]


def made(call: Caller, kind: str, **item: Any) -> dict[str, Any]:
    """Create one row and read it back."""
    answer = call.post(kind, [item])
    assert answer.status_code == 200, answer.text
    return call.get(f"{kind}/{answer.json()['_embedded'][kind][0]['id']}").json()
