"""Which addresses may be contacted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.errors import HostNotAllowed
from crm_pipeline.http import HostPolicy

POLICY = HostPolicy((".amocrm.ru", "oauth.vendor.test"), ("127.0.0.1", "portal.example.org:8443"))


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.amocrm.ru/api/v4/leads",
        "https://ACME.amocrm.ru.:443/x",
        "https://oauth.vendor.test",
        "http://127.0.0.1:8081/x",
        "https://127.0.0.1/",
        "https://portal.example.org:8443/rest",
    ],
)
def test_allowed(url: str) -> None:
    POLICY.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.amocrm.ru/",
        "https://amocrm.ru.evil.test/",
        "https://evilamocrm.ru/",
        "https://sub.oauth.vendor.test/",
        "https://acme.amocrm.ru@evil.test/",
        "https://user:pw@acme.amocrm.ru/",
        "https://evil.test\\@acme.amocrm.ru/",
        "https://acme.amocrm.ru\n.evil.test/",
        "https://portal.example.org/",
        "http://localhost/",
        "http://[::1]/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//acme.amocrm.ru/",
        "https://acme.amocrm.ru:99999/",
        "https://acme.amocrm.ru:22/",
        "https://evil.test%2f.amocrm.ru/",
        "https://evil.test%00.amocrm.ru/",
        "https://evil.test!.amocrm.ru/",
        "https://.amocrm.ru/",
        "https://acme..amocrm.ru/",
        "https://acme.amocrm.ru../",
        "https://evil.test\uff0f.amocrm.ru/",
        "https://acme.amocrm.ru\uff0eevil.test/",
        "https://acme.amocrm.r\u0443/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://169.254.169.254/latest/meta-data/",
        "",
    ],
)
def test_not_allowed(url: str) -> None:
    with pytest.raises(HostNotAllowed):
        POLICY.check(url)


@given(st.text(max_size=40))
def test_whatever_is_written_only_listed_hosts_pass(rest: str) -> None:
    try:
        POLICY.check(f"https://{rest}")
    except HostNotAllowed:
        return
    host = rest.replace("?", "/").replace("#", "/").split("/")[0].split(":")[0].rstrip(".").lower()
    assert host.endswith(".amocrm.ru") or host in ("oauth.vendor.test", "127.0.0.1", "portal.example.org")


def test_kinship() -> None:
    assert POLICY.are_kin("https://a.amocrm.ru", "https://b.amocrm.ru")
    assert POLICY.are_kin("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert not POLICY.are_kin("https://a.amocrm.ru", "https://portal.example.org:8443")
