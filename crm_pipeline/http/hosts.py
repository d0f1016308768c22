"""Which addresses may be contacted: the vendor's own hosts and those an operator has allowed. No request is made here.

Names are compared, never what they resolve to: a listed name that somebody points at an inner address (DNS rebinding) does not
get through TLS, for its certificate is checked, and http is for addresses of this machine only.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from crm_pipeline.errors import HostNotAllowed

_CONFUSING = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?|[0-9a-f:]+", re.IGNORECASE)
"""A name or an address; what else may stand there (percent signs, zones, stray dots) different programs read differently."""
_WHAT_TO_DO = "Use the CRM's own address, or add the host to CRM_ALLOWED_HOSTS if it is a self-hosted portal."


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """Suffixes such as `.amocrm.ru` (a leading dot: any subdomain; none: exactly that host) and allowed `host` or `host:port`."""

    vendor_hosts: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()

    def check(self, url: str) -> None:
        """Raise HostNotAllowed unless the address may be contacted: https (http on loopback only), no credentials in it."""
        parts = _split(url)
        if not parts or not parts.hostname or not _HOST.fullmatch(parts.hostname):
            raise HostNotAllowed("The address cannot be read.", what_to_do=_WHAT_TO_DO)
        host = _host(parts)
        if not self._is_listed(host, parts.port):
            raise HostNotAllowed(f"{host} is not a host this CRM may be contacted at.", what_to_do=_WHAT_TO_DO)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
            raise HostNotAllowed(f"{host} must be contacted over https.", what_to_do="Write the address with https://.")

    def are_kin(self, one: str, other: str) -> bool:
        """Return whether what authorises at one address may be shown to the other: the same host, or both the vendor's own."""
        hosts = {_host(urlsplit(one)), _host(urlsplit(other))}
        return len(hosts) == 1 or all(_matches(host, self.vendor_hosts) for host in hosts)

    def _is_listed(self, host: str, port: int | None) -> bool:
        if _matches(host, self.allowed_hosts) or (_matches(host, self.vendor_hosts) and port in (None, 443)):
            return True
        return port is not None and f"{host}:{port}" in self.allowed_hosts


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult | None:
    """Split an address; None when different readers could take it for different hosts."""
    if _CONFUSING.search(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if "@" in parts.netloc else parts


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".").lower()


def _matches(host: str, listed: tuple[str, ...]) -> bool:
    return any(host == name.lower() or (name.startswith(".") and host.endswith(name.lower())) for name in listed)
