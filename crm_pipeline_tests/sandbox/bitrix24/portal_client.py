"""The plainest client there is: one requests session, one call, no retries. Only tests of the stand-in use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options


class PortalClient:
    """Calls a running stand-in as its administrator's webhook."""

    def __init__(self, sandbox: BitrixSandbox):
        self.sandbox, self.http, self.base = sandbox, requests.Session(), sandbox.webhook_url()

    def post(self, method: str, /, **params: Any) -> requests.Response:
        return self.http.post(self.base + method, json=params, timeout=20, allow_redirects=False)

    def body(self, method: str, /, **params: Any) -> dict[str, Any]:
        return self.post(method, **params).json()

    def call(self, method: str, /, **params: Any) -> Any:
        response = self.post(method, **params)
        assert response.status_code == 200, response.text
        return response.json()["result"]

    def refusal(self, method: str, /, **params: Any) -> tuple[int, Any]:
        response = self.post(method, **params)
        return response.status_code, response.json()["error"]

    def app(self) -> AppClient:
        return AppClient(self.sandbox)

    def switch(self, **values: Any) -> None:
        self.sandbox.switches.change(values)


class AppClient(PortalClient):
    """Calls as the installed app, with tokens from the code flow."""

    def __init__(self, sandbox: BitrixSandbox):
        super().__init__(sandbox)
        self.base = f"{sandbox.url}/rest/"
        told = sandbox.credentials()
        self.client = {"client_id": told["client_id"], "client_secret": told["client_secret"]}
        self.tokens = self.token(grant_type="authorization_code", code=told["code"]).json()

    def token(self, **params: Any) -> requests.Response:
        return self.http.get(f"{self.sandbox.url}/oauth/token/", params=self.client | params, timeout=20)

    def post(self, method: str, /, **params: Any) -> requests.Response:
        return super().post(method, **params, auth=self.tokens["access_token"])


@contextmanager
def portal(contacts: int = 0, limits: str = "off", **switches: Any) -> Iterator[PortalClient]:
    """Run a stand-in and yield a client of it."""
    sandbox = BitrixSandbox(Options(contacts=contacts, limits=limits, switches=switches))
    with sandbox.running():
        yield PortalClient(sandbox)
