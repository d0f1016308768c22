"""The fields of contact, company and deal: one table line per field, both spellings and the type (facts: bitrix24 4.3–4.8).

Here: what fields exist. How a value is written in each face is in faces.py.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .camel import camel_uf

ENTITY_TYPES = {"deal": 2, "contact": 3, "company": 4}
KIND_OF_TYPE = {number: kind for kind, number in ENTITY_TYPES.items()}
SHORT_CODES = {"deal": "D", "contact": "C", "company": "CO"}
MULTI = ("PHONE", "EMAIL", "WEB", "IM", "LINK")


@dataclass(frozen=True)
class Field:
    """One field: classic name, crm.item name, type; `mark` holds r (read-only), q (required), i (immutable)."""

    name: str
    item: str
    type: str
    mark: str = ""
    status: str = ""
    multiple: bool = False
    label: str = ""
    items: tuple[tuple[int, str], ...] = ()
    default: Any = None
    id: int = 0

    @property
    def custom(self) -> bool:
        return self.name.startswith("UF_")

    @property
    def read_only(self) -> bool:
        return "r" in self.mark

    @cached_property
    def labels(self) -> dict[str, int]:
        """Label → id of an enumeration."""
        return {label: number for number, label in self.items}


_WHO_WHEN = """
ID id integer r
ASSIGNED_BY_ID assignedById user
CREATED_BY_ID createdBy user r
MODIFY_BY_ID updatedBy user r
DATE_CREATE createdTime datetime r
DATE_MODIFY updatedTime datetime r
OPENED opened char
COMMENTS comments string
LAST_ACTIVITY_TIME lastActivityTime datetime r
LAST_ACTIVITY_BY lastActivityBy user r
ORIGINATOR_ID originatorId string
ORIGIN_ID originId string
UTM_SOURCE utmSource string
UTM_MEDIUM utmMedium string
UTM_CAMPAIGN utmCampaign string
UTM_CONTENT utmContent string
UTM_TERM utmTerm string
"""
_ADDRESS = (
    "ADDRESS ADDRESS_2 ADDRESS_CITY ADDRESS_POSTAL_CODE ADDRESS_REGION ADDRESS_PROVINCE ADDRESS_COUNTRY ADDRESS_LOC_ADDR_ID"
)
_REACHABLE = """
HAS_PHONE hasPhone char r
HAS_EMAIL hasEmail char r
HAS_IMOL hasImol char r
LEAD_ID leadId integer
ORIGIN_VERSION originVersion string
"""
_CONTACT = """
NAME name string
LAST_NAME lastName string
SECOND_NAME secondName string
POST post string
HONORIFIC honorific crm_status - HONORIFIC
BIRTHDATE birthdate date
PHOTO photo file
TYPE_ID typeId crm_status - CONTACT_TYPE
SOURCE_ID sourceId crm_status - SOURCE
SOURCE_DESCRIPTION sourceDescription string
COMPANY_ID companyId reference
EXPORT export char
FACE_ID faceId integer
PARENT_ID_1042 parentId1042 integer
"""
_COMPANY = """
TITLE title string q
COMPANY_TYPE typeId crm_status - COMPANY_TYPE
LOGO logo file
BANKING_DETAILS bankingDetails string
INDUSTRY industry crm_status - INDUSTRY
EMPLOYEES employees crm_status - EMPLOYEES
REVENUE revenue double
CURRENCY_ID currencyId string
IS_MY_COMPANY isMyCompany char
ADDRESS_LEGAL addressLegal string
LAST_COMMUNICATION_TIME lastCommunicationTime string r
"""
_DEAL = """
TITLE title string
TYPE_ID typeId crm_status - DEAL_TYPE
CATEGORY_ID categoryId integer i
STAGE_ID stageId crm_status - DEAL_STAGE
STAGE_SEMANTIC_ID stageSemanticId string r
PROBABILITY probability integer
CURRENCY_ID currencyId string
OPPORTUNITY opportunity double
IS_MANUAL_OPPORTUNITY isManualOpportunity char
TAX_VALUE taxValue double
LEAD_ID leadId integer
COMPANY_ID companyId reference
CONTACT_ID contactId reference
QUOTE_ID quoteId integer r
BEGINDATE begindate date
CLOSEDATE closedate date
CLOSED closed char
IS_NEW isNew char r
IS_RECURRING isRecurring char r
IS_RETURN_CUSTOMER isReturnCustomer char r
IS_REPEATED_APPROACH isRepeatedApproach char r
SOURCE_ID sourceId crm_status - SOURCE
SOURCE_DESCRIPTION sourceDescription string
ADDITIONAL_INFO additionalInfo string
LOCATION_ID locationId integer
MOVED_BY_ID movedBy user r
MOVED_TIME movedTime datetime r
"""
CLASSIC_ONLY = frozenset({*_ADDRESS.split(), "FACE_ID", "PARENT_ID_1042", "LAST_COMMUNICATION_TIME"})
ITEM_LEFTOVERS = {
    "contact": ("dateCreateShort", "shortName", "address", "login", "webformId"),
    "company": ("dateCreateShort", "address", "webformId"),
    "deal": ("dateCreateShort", "productId", "isWon", "orderStage", "webformId"),
}


def _lines(text: str) -> list[Field]:
    return [_line(*line.split()) for line in text.strip().splitlines()]


def _line(name: str, item: str, kind: str, mark: str = "", status: str = "") -> Field:
    return Field(name, item, kind, mark.replace("-", ""), status)


def _address(prefix: str = "") -> list[Field]:
    return [Field(f"{prefix}{name}", "", "string") for name in _ADDRESS.split()]


STANDARD: dict[str, list[Field]] = {
    "contact": _lines(_WHO_WHEN) + _lines(_REACHABLE) + _lines(_CONTACT) + _address(),
    "company": _lines(_WHO_WHEN) + _lines(_REACHABLE) + _lines(_COMPANY) + _address() + _address("REG_"),
    "deal": _lines(_WHO_WHEN) + _lines(_DEAL),
}


def custom(number: int, type: str, label: str, *values: str, multiple: bool = False) -> Field:
    """Define a user field; ids of enumeration items follow from its number."""
    name = f"UF_CRM_{1_790_000_000_000 + number}"
    items = tuple((number * 10 + place, value) for place, value in enumerate(values, start=1))
    return Field(name, camel_uf(name), type, multiple=multiple, label=label, items=items, id=number)


CUSTOM: dict[str, list[Field]] = {
    "contact": [
        custom(1, "string", "Customer code"),
        custom(2, "enumeration", "Tier", "Gold", "Silver", "Bronze"),
        custom(3, "enumeration", "Interests", "Mail", "Web", "Shop", "Fair", multiple=True),
        custom(4, "date", "Customer since"),
        custom(5, "boolean", "Newsletter"),
        custom(6, "string", "Nicknames", multiple=True),
    ],
    "company": [
        custom(11, "string", "ИНН"),
        custom(12, "integer", "Employees"),
        custom(13, "string", "Sector"),
        custom(14, "enumeration", "Segment", "Small", "Medium", "Large"),
        custom(15, "enumeration", "Channels", "Direct", "Partner", "Online", multiple=True),
    ],
    "deal": [
        custom(21, "string", "Opportunity ID"),
        custom(22, "enumeration", "Channel", "Site", "Phone", "Partner"),
        custom(23, "enumeration", "Options", "Delivery", "Training", "Support", multiple=True),
        custom(24, "date", "Engage date"),
        custom(25, "boolean", "Urgent"),
        custom(26, "double", "Margin"),
        custom(27, "money", "List price"),
    ],
}
