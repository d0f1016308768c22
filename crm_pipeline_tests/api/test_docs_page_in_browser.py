"""The documentation in a real browser: log in, find an operation, send it, read its answer; nothing is asked of anybody else."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, Route, expect, sync_playwright

from crm_pipeline_tests.api.conftest import PASSWORD, Api
from crm_pipeline_tests.api.test_records_and_deltas import put

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
NOWHERE = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""No other name is looked up, whatever the page asks for."""


@dataclass
class Reader:
    """Somebody who reads the documentation, and what the browser did meanwhile."""

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def send(self, operation: str, **values: str) -> str:
        """Open an operation, fill it in, send it and return its answer."""
        box = self.page.locator(f"#{operation}")
        if box.get_attribute("open") is None:
            box.locator("summary").first.click()
        for name, value in values.items():
            box.locator(f'[name="{name.replace("__", ":")}"]').fill(value)
        with self.page.expect_response("**/api/**") as answered:
            box.get_by_role("button", name="Send").click()
        expect(box.locator("pre")).to_have_attribute("data-status", str(answered.value.status))
        expect(box.locator("pre")).to_contain_text(" ms)")
        return box.locator("pre").inner_text()


@pytest.fixture
def reader(module_api: Api) -> Iterator[Reader]:
    """Yield the documentation, open in a headless browser that reaches this machine only."""
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", f"--host-resolver-rules={NOWHERE}"]
        )
        found = Reader(browser.new_page())
        expect.set_options(timeout=30_000)

        def note(route: Route) -> None:
            found.asked.append(route.request.url)
            route.continue_() if route.request.url.startswith(module_api.url) else route.abort()

        found.page.route("**/*", note)
        found.page.on("console", lambda message: found.said.append(f"{message.type}: {message.text}"))
        found.page.on("pageerror", lambda error: found.said.append(f"error: {error}"))
        found.page.goto(f"{module_api.url}/api/docs")
        found.page.wait_for_selector('#operations[aria-busy="false"]')
        yield found
        browser.close()


def operation_id(api: Api, method: str, path: str) -> str:
    return api.anonymous.get("/api/openapi.json").json()["paths"][path][method]["operationId"]


def test_a_person_logs_in_and_sends_what_the_page_shows(module_api: Api, reader: Reader) -> None:
    api, page = module_api, reader.page
    name = api.add_user("agent", username="ольга")
    put(api, "contacts", name="Анна Смирнова")
    contacts = operation_id(api, "get", "/api/contacts")
    assert page.locator(".operation").count() == sum(map(len, api.anonymous.get("/api/openapi.json").json()["paths"].values()))
    assert "401" in reader.send(contacts).splitlines()[1], "nobody is logged in"
    page.fill('#login [name="username"]', name)
    page.fill('#login [name="password"]', "wrong")
    page.click("#login button")
    expect(page.locator("#who")).to_contain_text("wrong")
    page.fill('#login [name="password"]', PASSWORD)
    page.click("#login button")
    expect(page.locator("#who")).to_contain_text("Logged in as")
    assert page.input_value('#login [name="password"]') == ""
    told = reader.send(contacts, query__q="смирнова", query__fields="name")
    assert " 200 " in f" {told.splitlines()[1]} " and "Анна Смирнова" in told and "etag: W/" in told
    uploaded = reader.send(operation_id(api, "post", "/api/sync/outgoing"), body=json.dumps({"operations": [{"id": "x"}]}))
    assert '"rejected"' in uploaded
    page.fill("#find", "/api/conflicts")
    assert page.locator(".operation:visible").count() == 3
    assert all(url.startswith(api.url) for url in reader.asked) and len(reader.asked) >= 8
    assert not [one for one in reader.said if not one.startswith("error: Failed to load resource")]
