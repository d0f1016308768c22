"""Webhooks: a form body becomes hints, with every quirk of facts 8.2; nothing a stranger sends can raise."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.connectors.amocrm.webhooks import Hint, parse


def form(**pairs: str) -> bytes:
    return urlencode(pairs).encode()


@pytest.mark.parametrize(
    ("pairs", "hints"),
    [
        ({"leads[update][0][id]": "7301", "leads[update][0][name]": "x"}, [Hint("deals", "7301", "update")]),
        (
            {"leads[status][0][id]": "1", "leads[status][1][id]": "2"},
            [Hint("deals", "1", "status"), Hint("deals", "2", "status")],
        ),
        ({"contacts[add][0][id]": "5", "contacts[add][0][type]": "contact"}, [Hint("contacts", "5", "add")]),
        ({"contacts[add][0][id]": "5", "contacts[add][0][type]": "company"}, [Hint("companies", "5", "add")]),
        ({"task[update][0][id]": "4"}, [Hint("tasks", "4", "update")]),
        ({"task[update][0][0][id]": "4"}, [Hint("tasks", "4", "update")]),
        ({"leads[delete][0][id]": "9", "leads[delete][0][status_id]": "142"}, [Hint("deals", "9", "delete")]),
        ({"leads[delete]": "9"}, [Hint("deals", "9", "delete")]),
        ({"leads[delete][0]": "9"}, [Hint("deals", "9", "delete")]),
        (
            {
                "leads[note][0][note][id]": "88",
                "leads[note][0][note][element_id]": "7",
                "leads[note][0][note][element_type]": "2",
            },
            [Hint("communications", "88", "note"), Hint("deals", "7", "note")],
        ),
        ({"unsorted[add][0][uid]": "x"}, []),
        ({"leads[update][0][id]": "0"}, []),
        ({"leads[update][0][id]": "drop table"}, []),
        ({"leads[update]": "", "leads": "x"}, []),
    ],
)
def test_hints(pairs: dict[str, str], hints: list[Hint]) -> None:
    assert list(parse(form(**pairs)).hints) == hints


def test_repeated_deliveries_give_one_hint_and_several_entities_share_a_body() -> None:
    body = b"leads%5Badd%5D%5B0%5D%5Bid%5D=1&leads[add][1][id]=1&task[add][0][id]=2&account[id]=31234567&account[subdomain]=acme"
    notice = parse(body)
    assert notice.account_id == "31234567"
    assert notice.hints == (Hint("deals", "1", "add"), Hint("tasks", "2", "add"))


@given(
    st.binary(max_size=300)
    | st.text(max_size=300)
    | st.from_regex(r"(leads|task)(\[[a-z0-9]{0,4}\]){0,6}=\d?(&[a-z\[\]=]{0,20}){0,4}")
)
def test_no_body_raises(body: bytes | str) -> None:
    for hint in parse(body).hints:
        assert hint.external_id.isdigit()


def test_a_body_made_to_hurt_is_bounded() -> None:
    assert parse("leads" + "[a]" * 5_000 + "=1").hints == ()
    assert len(parse("&".join(f"leads[add][{n}][id]={n + 1}" for n in range(30_000))).hints) <= 20_000
