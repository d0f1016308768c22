"""Which catalog a product is in: a link to it has to name it (facts: amocrm 4.9), and where there are several, one has to ask."""

from collections.abc import Sequence
from dataclasses import fields, replace

from crm_pipeline.connectors import Write
from crm_pipeline.connectors.amocrm.client import Client
from crm_pipeline.connectors.amocrm.linking import Placed
from crm_pipeline.connectors.amocrm.payloads import named
from crm_pipeline.model.records import MappingContext
from crm_pipeline.model.writing import LinkTo


def with_catalogs(client: Client, writes: Sequence[Write], context: MappingContext) -> Sequence[Write]:
    """Return the writes, their links to products with the catalog of each."""
    catalogs = context.facts.get("product_catalogs") or ()
    ids = sorted({link.external_id for one in writes for link in one.links if link.entity == "products"})
    if len(catalogs) < 2 or not ids:
        return writes
    placed: dict[str, str] = {}
    for catalog in catalogs:
        params = [("filter[id][]", one) for one in ids]
        rows = client.sure_page(f"/api/v4/catalogs/{catalog}/elements", "elements", params, tries=1).rows
        placed |= {named(row): str(catalog) for row in rows if named(row) in ids}
    return [replace(one, links=tuple(_placed(link, placed) for link in one.links)) for one in writes]


def _placed(link: LinkTo, placed: dict[str, str]) -> LinkTo:
    if link.entity != "products":
        return link
    return Placed(**{field.name: getattr(link, field.name) for field in fields(LinkTo)}, catalog=placed.get(link.external_id))
