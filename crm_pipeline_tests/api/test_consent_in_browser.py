"""In a real browser: an administrator opens the link, allows access on the CRM's page, and has a working connection."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from crm_pipeline.stages.sync import sync
from crm_pipeline_tests.api.administering import House, house

__all__ = ["house"]
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture
def page() -> Iterator[Page]:
    """Yield a page of a headless browser."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page()
        browser.close()


def link(house: House, crm: str) -> str:
    """Return where to give consent."""
    return str(house.person("admin").ask("POST", "/auth-url", json=house.application(crm) | {"name": crm}).json()["url"])


def test_clicking_through_the_consent_of_both(house: House, page: Page) -> None:
    house.amocrm.switches.consent = "ask"
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    for crm in ("amocrm", "bitrix24"):
        page.goto(link(house, crm))
        if crm == "amocrm":  # a Bitrix24 application is allowed when it is installed: its portal sends the browser back at once
            page.click("#allow")
        page.wait_for_selector("#outcome")
        assert page.inner_text("#outcome") == "Connected" and page.get_attribute("#outcome", "data-status") == "200"
        assert sync(house.parts, crm, "initial", ["contacts"]).entities["contacts"].inserted > 0
    assert not [one for one in said if "Content Security Policy" in one]
    page.goto(link(house, "amocrm"))
    page.click("#deny")
    page.wait_for_selector("#outcome")
    assert page.inner_text("#outcome") == "Not connected"
