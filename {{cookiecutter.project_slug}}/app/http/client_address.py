"""The IP address of a client, and the network that its attempts are counted for."""

from ipaddress import IPv4Address
from ipaddress import IPv6Address
from ipaddress import ip_address
from ipaddress import ip_network
from typing import Any

from litestar import Request

from app.settings import Settings

IPV6_PREFIX_LENGTH = 64


# More than proxies stand behind one another; the others in a header were written by callers.
MAX_HOPS = 10


def client_network(request: Request[Any, Any, Any], settings: Settings) -> str:
    """What is counted together: an IPv4 address, or the /64 that one IPv6 subscriber has."""
    parsed = client_ip(request, settings)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, IPV6_PREFIX_LENGTH), strict=False))
    return str(parsed or "unknown")


def client_ip(request: Request[Any, Any, Any], settings: Settings) -> IPv4Address | IPv6Address | None:
    """The address of the caller, if it can be told.

    Headers say what their sender likes, so `X-Forwarded-For` is read from its end and only as far as proxies vouch that
    `TRUSTED_PROXIES` names.
    """
    forwarded_for = ",".join(request.headers.getall("x-forwarded-for", []))
    hops = forwarded_for.rsplit(",", MAX_HOPS)[-MAX_HOPS:] if forwarded_for else []
    address = request.client.host if request.client else ""
    while hops and _is_trusted(address, settings):
        address = hops.pop().strip()
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (isinstance(parsed, IPv6Address) and parsed.ipv4_mapped) or parsed


def _is_trusted(address: str, settings: Settings) -> bool:
    try:
        return any(ip_address(address) in network for network in settings.trusted_proxies)
    except ValueError:
        return False
