"""Making an account ready to be written to: the field our marker is kept in, and what has to be known of it before.

The marker is a text field of contacts, companies and deals with the golden id; products have a field for it (EXTERNAL_ID).
"""

from crm_pipeline.connectors import Link
from crm_pipeline.connectors.amocrm.client import Client
from crm_pipeline.connectors.amocrm.custom_values import MARKER_CODE
from crm_pipeline.connectors.amocrm.holders import MARKER, Holders, definitions, forget, holders_of
from crm_pipeline.connectors.amocrm.payloads import PLURAL_OF, named
from crm_pipeline.connectors.amocrm.scans import product_catalogs_if_offered
from crm_pipeline.errors import AccessDenied, RequestRefused
from crm_pipeline.model.cleaning import text
from crm_pipeline.model.records import Payload

FIELD: Payload = {"name": "CRM Pipeline ID", "type": "text", "code": MARKER_CODE, "is_api_only": True}
SPELLINGS: tuple[Payload, ...] = (FIELD, {key: value for key, value in FIELD.items() if key != "is_api_only"})
"""With what hides it from people, and without where that is not taken."""


def prepare(link: Link) -> Payload:
    """Provide the marker where it is missing. Returns `marker_fields`, `held`, `loss_reasons`, `name_order`, `minor_units`."""
    client = Client(link)
    fields = {entity: _with_marker(client, entity, plural) for entity, plural in PLURAL_OF.items()}
    for catalog in product_catalogs_if_offered(client) or ():
        fields.setdefault("products", holders_of("products", definitions(client, f"catalogs/{catalog}")))
    return {
        "marker_fields": {entity: _marker_of(fields[entity]) for entity in PLURAL_OF if fields[entity].get(MARKER)},
        "held": {entity: _held(held) for entity, held in fields.items()},
        "loss_reasons": _loss_reasons(client),
        **_minor_units(client),
        "name_order": client.account()[0].get("contact_name_display_order"),
    }


def _marker_of(held: Holders) -> str:
    return str(held[MARKER][0].field_id)


def _held(held: Holders) -> dict[str, str]:
    return {column: str(several[0].field_id) for column, several in held.items()}


def _with_marker(client: Client, entity: str, plural: str) -> Holders:
    """Return a list's holders, the marker among them where the token may make it."""
    forget(client, plural)
    held = holders_of(entity, definitions(client, plural))
    if held.get(MARKER):
        return held
    if not any(_made(client, plural, spelling) for spelling in SPELLINGS):
        return held
    return holders_of(entity, definitions(client, plural))


def _made(client: Client, plural: str, spelling: Payload) -> bool:
    """Make the field; False when it is refused: the token's user is no administrator, or somebody was faster."""
    try:
        answer = client.write("POST", f"/api/v4/{plural}/custom_fields", [spelling], lane="bulk")
    except RequestRefused:
        return False
    return bool(answer.json)


def _loss_reasons(client: Client) -> dict[str, str]:
    try:
        rows = client.sure_page("/api/v4/leads/loss_reasons", "loss_reasons").rows
    except (AccessDenied, RequestRefused):
        return {}
    return {named(row): name for row in rows if (name := text(row.get("name")))}


def _minor_units(client: Client) -> Payload:
    """Return whether deals tell their price with minor units; nothing while there is no deal (facts: amocrm 4.1)."""
    rows = client.sure_page("/api/v4/leads", "leads", limit=1).rows
    return {"minor_units": "price_with_minor_units" in rows[0]} if rows else {}
