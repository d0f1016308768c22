"""The two spellings of a field name: UPPER_CASE of the classic API, camelCase of controllers (facts: bitrix24 4.2, 4.3)."""

import re


def camel(name: str) -> str:
    """Spell an UPPER_CASE name in camelCase: `CREATED_BY` → `createdBy`."""
    head, *rest = name.lower().split("_")
    return head + "".join(part.capitalize() for part in rest)


def upper(name: str) -> str:
    """Spell a camelCase name in UPPER_CASE: `createdBy` → `CREATED_BY`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def camel_uf(name: str) -> str:
    """Spell a user field as crm.item does: `UF_CRM_2_16` → `ufCrm2_16`, `UF_CRM_17` → `ufCrm_17`."""
    if type_and_number := re.fullmatch(r"UF_CRM_(\d+)_(\d+)", name):
        return f"ufCrm{type_and_number[1]}_{type_and_number[2]}"
    return re.sub(r"^UF_CRM", "ufCrm", name)
