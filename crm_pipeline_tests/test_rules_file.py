"""A rules file is read the same from YAML and TOML, and every mistake in it is a sentence with its line."""

import re
from pathlib import Path

import pytest

from crm_pipeline.errors import UsageError
from crm_pipeline.model.rules import Rules
from crm_pipeline.rules_file import load_rules, parse_rules

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "rules.md"
CONNECTIONS = ("sales-msk", "portal", "shop")


def mistakes(text: str, name: str, connections: tuple[str, ...] | None = CONNECTIONS) -> list[str]:
    """Return the sentences a text is refused with."""
    with pytest.raises(UsageError) as refused:
        parse_rules(text, name, connections)
    count, *sentences = str(refused.value).splitlines()
    assert sentences.pop() == "Nothing was changed. docs/rules.md shows every setting with an example."
    assert re.fullmatch(rf"{name} has {len(sentences)} mistakes?:", count)
    return [sentence.strip() for sentence in sentences]


FIELDS = "\nfields:\n  contacts:\n    "
TABLE = "\n[fields.contacts]\n\n"
MISTAKES = [
    # what there is
    ("sources: []\nfeilds: {}", "sources = []\nfeilds = {}", "line 2: There is no setting feilds; did you mean fields?"),
    (
        "\nfields:\n  contatcs: {}\n",
        "\n[fields]\ncontatcs = {}\n",
        "line 3: contatcs is no entity with fields; did you mean contacts?",
    ),
    (FIELDS + "positon: latest", TABLE + "positon = 'latest'", "line 4: contacts.positon is no field; did you mean position?"),
    (
        FIELDS + "position: {rule: latest, oder: []}",
        TABLE + "position = {rule = 'latest', oder = []}",
        "line 4: contacts.position has no setting oder; did you mean order?",
    ),
    (FIELDS + "position: latst", TABLE + "position = 'latst'", "line 4: latst is no rule; did you mean latest?"),
    (
        FIELDS + "position: {rule: coin}",
        TABLE + "position.rule = 'coin'",
        "line 4: coin is no rule; there are: latest, source_priority, most_complete, union, app_wins, review.",
    ),
    ("\nsources: [portl]", "\nsources = ['portl']", "line 2: portl is no connection; did you mean portal?"),
    (
        FIELDS + "position: {ignore:\n      [crm]}",
        TABLE + "position.ignore = ['crm']",
        r"line [45]: crm is no connection; there are: sales-msk, portal, shop, app\.",
    ),
    (
        "matching:\n  max_sharng: 1",
        "[matching]\nmax_sharng = 1",
        "line 2: matching has no setting max_sharng; did you mean max_sharing?",
    ),
    (
        "create_missing:\n  portl: [contacts]",
        "[create_missing]\nportl = ['contacts']",
        "line 2: portl is no connection; did you mean portal?",
    ),
    (
        "create_missing:\n  portal: [contatcs]",
        "[create_missing]\nportal = ['contatcs']",
        "line 2: contatcs is no entity that can be created; did you mean contacts?",
    ),
    (
        "create_missing:\n  portal: [users]",
        "[create_missing]\nportal = ['users']",
        "line 2: users is no entity that can be created; there are: companies, contacts, products, deals, tasks, communications.",
    ),
    (
        "create_missing:\n  app: [contacts]",
        "[create_missing]\napp = ['contacts']",
        "line 2: app has everything already; nothing is created there.",
    ),
    # what does not fit
    (
        FIELDS + "position: union",
        TABLE + "position = 'union'",
        "line 4: union does not fit contacts.position, which holds one value; "
        "take one of latest, source_priority, most_complete, app_wins, review.",
    ),
    (
        FIELDS + "phones: latest",
        TABLE + "phones = 'latest'",
        "line 4: latest does not fit contacts.phones, which is a list; take one of union, source_priority.",
    ),
    (
        FIELDS + "tags: most_complete",
        TABLE + "tags = 'most_complete'",
        "line 4: most_complete does not fit contacts.tags, which is a list; "
        "take one of union, latest, source_priority, app_wins, review.",
    ),
    (
        FIELDS + "position: source_priority",
        TABLE + "position = 'source_priority'",
        "line 4: source_priority of contacts.position needs an order: name connections in its order or in sources.",
    ),
    (
        FIELDS + "'*': source_priority",
        TABLE + "'*' = 'source_priority'",
        r"line 4: source_priority of contacts.\* needs an order: name connections in its order or in sources.",
    ),
    (
        FIELDS + "name: latest\n    last_name: latest",
        TABLE + "name = 'latest'\nlast_name = 'latest'",
        "line 5: contacts.name and contacts.last_name follow one winner; write one of them.",
    ),
    (
        FIELDS + "position: {order: [shop], ignore: [shop]}",
        TABLE + "position = {order = ['shop'], ignore = ['shop']}",
        "line 4: shop stands both in order and in ignore of contacts.position; take one away.",
    ),
    ("sources:\n  - shop\n  - shop", "sources = [\n'shop',\n'shop']", r"line 3: shop stands twice in sources\."),
    # what is of another kind
    ("fields: 5", "fields = 5", "line 1: fields must be a mapping of names, not a number."),
    ("fields:\n  deals: [a]", "fields.deals = ['a']", "line [12]: deals must be a mapping of names, not a list."),
    ("\nsources: shop", "\nsources = 'shop'", "line 2: sources must be a list of connection names, not the text 'shop'."),
    (
        "sources:\n  - shop\n  - [portal]",
        "sources = [\n  'shop',\n  ['portal']]",
        "line 3: sources item 2 must hold connection names, not a list; put text in quotes.",
    ),
    (
        "sources: [true]",
        "sources = [true]",
        "line 1: sources item 1 must hold connection names, not true or false; put text in quotes.",
    ),
    (
        FIELDS + "position: 5",
        TABLE + "position = 5",
        "line 4: contacts.position must be a mapping of names, not a number.",
    ),
    (
        FIELDS + "position: {rule: 2026-03-01}",
        TABLE + "position.rule = 2026-03-01",
        "line 4: contacts.position.rule must hold the name of a rule, not a date; put text in quotes.",
    ),
    ("skew_seconds: -1", "skew_seconds = -1", "line 1: skew_seconds must be a number from 0 to 3600, not -1."),
    ("skew_seconds: '2'", "skew_seconds = '2'", "line 1: skew_seconds must be a number from 0 to 3600, not the text '2'."),
    (
        "matching: {max_sharing: 2.5}",
        "matching = {max_sharing = 2.5}",
        "line 1: matching.max_sharing must be a whole number from 1 to 1000, not 2.5.",
    ),
    (
        "matching:\n  product_name: maybe",
        "[matching]\nproduct_name = 'maybe'",
        "line 2: matching.product_name must be true or false, not the text 'maybe'.",
    ),
    # matching
    (
        "matching:\n  same_connection:\n    tasks: [email]",
        "[matching]\n\nsame_connection.tasks = ['email']",
        "line 3: tasks is no entity that is matched by keys; there are: contacts, companies, deals, products, users.",
    ),
    (
        "matching:\n  same_connection:\n    contacts: [emial]",
        "[matching]\n\nsame_connection.contacts = ['emial']",
        "line 3: emial is no key of contacts; did you mean email?",
    ),
    (
        "matching:\n  external_id:\n    users: {shop: UF_X}",
        "[matching]\n\nexternal_id.users = {shop = 'UF_X'}",
        "line 3: users is no entity with an external id; there are: contacts, companies, deals, products.",
    ),
    (
        "matching:\n  external_id:\n    deals: {shp: UF_X}",
        "[matching]\n\nexternal_id.deals = {shp = 'UF_X'}",
        "line 3: shp is no connection; did you mean shop?",
    ),
    (
        "matching:\n  external_id:\n    deals: {shop: [UF_X]}",
        "[matching]\n\nexternal_id.deals = {shop = ['UF_X']}",
        "line 3: matching.external_id.deals.shop must hold the key or name of a custom field, not a list; put text in quotes.",
    ),
    # the same things
    (
        "stages:\n  - [shop:a, portal:b]\n  - [shop:c]",
        "stages = [\n  ['shop:a', 'portal:b'],\n  ['shop:c']]",
        "line 3: stages item 2 names one record; a group has two or more.",
    ),
    (
        "users:\n  - [shop:a, portal:b]\n  - {shop: c, portal: b}",
        "users = [\n  ['shop:a', 'portal:b'],\n  {shop = 'c', portal = 'b'}]",
        "line 3: portal:b stands in two groups of users; join them or take one away.",
    ),
    (
        "pipelines: [[shop:a, portal:b, foo]]",
        "pipelines = [['shop:a', 'portal:b', 'foo']]",
        "line 1: foo names no record: write connection:name or connection:external id.",
    ),
    (
        "stages: [[shop:a, portl:b, portal:c]]",
        "stages = [['shop:a', 'portl:b', 'portal:c']]",
        "line 1: portl is no connection; did you mean portal?",
    ),
]


@pytest.mark.parametrize("yaml, toml, sentence", MISTAKES, ids=[sentence[:60] for _, _, sentence in MISTAKES])
def test_a_mistake_is_one_sentence_with_its_line(yaml: str, toml: str, sentence: str) -> None:
    for text, name in ((yaml, "rules.yaml"), (toml, "rules.toml")):
        (said,) = mistakes(text, name)
        assert said == sentence or re.fullmatch(sentence, said), said


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = "sources: [portl]\nfields:\n  contacts: {positon: latest, name: union}\n  deals: 5\nstages: 7\n"
    assert [said.partition(":")[0] for said in mistakes(text, "rules.yml")] == [f"line {n}" for n in (1, 3, 3, 4, 5)]
    table = "sources = ['portl']\nstages = 7\n[fields]\ncontacts = {positon = 'latest', name = 'union'}\ndeals = 5\n"
    assert [said.partition(":")[0] for said in mistakes(table, "rules.toml")] == [f"line {n}" for n in (1, 2, 4, 4, 5)]


def test_lines_are_found_in_tables_of_every_spelling() -> None:
    text = """
# comment with = and [brackets]
sources = [
    "shop",   # the till
    "portl",
]

["fields".contacts]   # people
"positon" = "latest"
[fields.deals.title]
rule = \"\"\"
coin\"\"\"

[[stages]]
shop = "a"
portl = "b"
portal = "b"
[[stages]]
shop = "a"
portal = "c"
"""
    lines = [said.partition(":")[0] for said in mistakes(text, "rules.toml")]
    assert lines == [f"line {n}" for n in (5, 9, 11, 16, 19)]


@pytest.mark.parametrize(
    "name, text, sentence",
    [
        ("rules.yaml", "sources:\n  - [a", "line 2: this is not YAML: "),
        ("rules.yaml", "fields: {}\nsources: []\nfields: {}", "line 3: fields is written twice; line 1 has it already."),
        ("rules.yaml", "fields:\n  deals:\n    title: latest\n    title: review", "line 4: title is written twice; line 3 has"),
        ("rules.yaml", "sources: &all [*all]", "line 1: this YAML cannot be read: something in it holds itself."),
        ("rules.yaml", "sources: [2026-13-40]", "line 1: this YAML cannot be read: month must be in 1..12."),
        ("rules.yaml", "sources: !!python/name:os.system", "line 1: this is not YAML: could not determine a constructor"),
        ("rules.yaml", "- a\n- b", "line 1: the file must be a mapping of names, not a list."),
        ("rules.toml", "sources = []\nfields = [", "line 2: this is not TOML: Invalid value."),
        ("rules.toml", "skew_seconds = 1\nskew_seconds = 2", "line 2: this is not TOML: Cannot overwrite a value."),
        ("rules.toml", "\nfields: {}", "line 2: this is not TOML: "),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_a_line(name: str, text: str, sentence: str) -> None:
    assert mistakes(text, name)[0].startswith(sentence)


def test_names_of_connections_are_checked_only_where_they_are_known() -> None:
    assert parse_rules("sources: [anything]", "rules.yaml").source_order == ("anything",)
    assert parse_rules("sources: [app]", "rules.yaml", ()).source_order == ("app",)


def test_a_file_is_read_and_none_means_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "RULES.YML"
    file.write_text("\ufeffsources: [магазин]\n", encoding="utf-8")
    assert load_rules(file, ["магазин"]).source_order == ("магазин",)
    (tmp_path / "rules.toml").write_text("\ufeffsources = ['магазин']\n", encoding="utf-8")
    assert load_rules(tmp_path / "rules.toml") == load_rules(file)
    assert load_rules(None) == Rules.default()


def test_a_file_that_is_not_there_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"rules.yaml cannot be read: No such file or directory. Correct CRM_RULES_FILE"):
        load_rules(tmp_path / "rules.yaml")
    (tmp_path / "rules.toml").write_bytes(b"sources = ['\xff']")
    with pytest.raises(UsageError, match=r"is not UTF-8 text\. Save it as UTF-8\."):
        load_rules(tmp_path / "rules.toml")
    with pytest.raises(UsageError, match=r"rules.json is neither YAML nor TOML. Let its name end in .yaml, .yml, .toml."):
        parse_rules("{}", "rules.json")


def test_the_documented_examples_are_valid_and_say_the_same() -> None:
    found = dict(re.findall(r"^```(yaml|toml)\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.S | re.M))
    rules = [parse_rules(found[kind], f"rules.{kind}", ("sales-msk", "portal", "shop")) for kind in ("yaml", "toml")]
    assert rules[0] == rules[1] != Rules.default()
