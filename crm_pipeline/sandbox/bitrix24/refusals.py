"""Every way Bitrix24 says no: HTTP status, code and text of each error body (facts: bitrix24 1.4, 2.3).

Here: the bodies. When one of them is due is decided where the call is served.
"""

from typing import Any


class Refusal(Exception):
    """Stop a call with an error body; carries the HTTP status, the code (text, digits or int) and the description."""

    def __init__(self, status: int, error: str | int, description: str | None = None):
        super().__init__(f"{status} {error} {description}")
        self.status, self.error, self.description = status, error, description

    def body(self) -> dict[str, Any]:
        """Return the body; `error_description` is absent when there is none."""
        said = {} if self.description is None else {"error_description": self.description}
        return {"error": self.error, **said}


def missing_parameter(name: str) -> Refusal:
    """Refuse a call that lacks a required parameter of a controller method."""
    return Refusal(400, "100", f"Could not find value for parameter {{{name}}}")


def classic(text: str) -> Refusal:
    """Refuse the classic way: HTTP 400 and an empty code."""
    return Refusal(400, "", text)


def core(text: str) -> Refusal:
    """Refuse a value the classic CRM does not take; the text may hold `<br>`."""
    return Refusal(400, "ERROR_CORE", text)


def item_not_found() -> Refusal:
    """Refuse an unknown id of `crm.item.*`."""
    return Refusal(400, "NOT_FOUND", "Item not found")


def bad_argument(text: str) -> Refusal:
    """Refuse a filter, order or value of a controller method."""
    return Refusal(400, "INVALID_ARG_VALUE", text)


def bad_value(field: str) -> Refusal:
    """Refuse a field's value in `crm.item.*`."""
    return Refusal(400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", f"Invalid value of field {field}")


def value_required(field: str) -> Refusal:
    """Refuse an item without a required field."""
    return Refusal(400, "CRM_FIELD_ERROR_REQUIRED", f"Field {field} is required")


HTTPS_REQUIRED = Refusal(400, "INVALID_REQUEST", "Https required.")
NO_AUTH = Refusal(401, "NO_AUTH_FOUND", "Wrong authorization data")
EXPIRED = Refusal(401, "expired_token", "The access token provided has expired.")
UNKNOWN_TOKEN = Refusal(401, "invalid_token", "Unable to get application by token")
WRONG_AUTH_TYPE = Refusal(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")
ADMIN_NEEDED = Refusal(403, "ACCESS_DENIED", "Access denied! Administrator rights are required.")
COMMERCIAL_PLAN = Refusal(403, "ACCESS_DENIED", "REST API is available only on commercial plans")
WRONG_LICENSE = Refusal(403, "WRONG_LICENSE", "The feature is not available on the current plan")
RATE = Refusal(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
OVERLOAD = Refusal(503, "OVERLOAD_LIMIT", "REST API is blocked due to overload.")
OPERATION_TIME = Refusal(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
BATCH_LENGTH = Refusal(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
BATCH_NESTED = Refusal(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
NOT_FOUND = classic("Not found")
ID_UNDEFINED = classic("ID is not defined or invalid.")
FIELDS_NOT_ARRAY = classic("Parameter 'fields' must be array.")
TYPE_UNSUPPORTED = Refusal(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
OWNER_NOT_FOUND = Refusal(400, "OWNER_NOT_FOUND", "Owner not found")


def method_not_found(status: int) -> Refusal:
    """Refuse an unknown method; 404 or 400, the sources differ (facts: bitrix24 12.2)."""
    return Refusal(status, "ERROR_METHOD_NOT_FOUND", "Method not found!")


def bad_webhook(status: int) -> Refusal:
    """Refuse a wrong webhook secret; 401 or 403, the docs differ (facts: bitrix24 1.6)."""
    return Refusal(status, "INVALID_CREDENTIALS", "Invalid request credentials")


def scope_missing(webhook: bool) -> Refusal:
    """Refuse a method outside the credential's scopes."""
    holder = "webhook token" if webhook else "access token"
    return Refusal(403, "insufficient_scope", f"The request requires higher privileges than provided by the {holder}")
