"""The IP address of a client, and the network that its attempts are counted for."""

import logging
import re
from functools import cache
from functools import lru_cache
from ipaddress import IPv4Address
from ipaddress import IPv6Address
from ipaddress import ip_address
from ipaddress import ip_network
from typing import Any
from typing import TypeAlias

from litestar import Request

from app.settings import Settings
from app.settings.types import UNIX

logger = logging.getLogger(__name__)

IPAddress: TypeAlias = IPv4Address | IPv6Address
# One IPv6 subscriber has a network of this size.
IPV6_PREFIX_LENGTH = 64
# The network of a client without a known address. Unrelated clients share it, so nothing may be counted for it.
UNKNOWN = "unknown"
# No request passes more proxies than this; further entries of a header were written by clients.
MAX_HOPS = 10
# `192.0.2.1:443`, `[2001:db8::1]:443`, `[2001:db8::1]`; quoted in RFC 7239.
WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::\d{1,5})?", re.ASCII)
# Other headers by which a proxy may name the client. A client can send them through a proxy that does not know them.
NOT_READ = ("forwarded", "x-real-ip", "cf-connecting-ip")


def client_network(request: Request[Any, Any, Any], settings: Settings) -> str:
    """The network to count attempts for: an IPv4 address, the /64 of an IPv6 address, or `UNKNOWN`."""
    address = client_ip(request, settings)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_PREFIX_LENGTH), strict=False))
    return str(address or UNKNOWN)


def client_ip(request: Request[Any, Any, Any], settings: Settings) -> IPAddress | None:
    """The address of the client; None if it is not known.

    Clients can write any header, so `X-Forwarded-For` is read from its end, and only as far as the proxies that
    `TRUSTED_PROXIES` names have written it.
    """
    forwarded_for = ",".join(request.headers.getall("x-forwarded-for", []))
    hops = forwarded_for.rsplit(",", MAX_HOPS)[-MAX_HOPS:] if forwarded_for else []
    address = _peer(request)
    if not hops and _is_trusted(address, settings):
        _warn_of_other_headers(request)
    while hops and _is_trusted(address, settings):
        address = parse_address(hops.pop())
    return None if isinstance(address, str) else address


def is_from_trusted_proxy(request: Request[Any, Any, Any], settings: Settings) -> bool:
    """Whether the connection comes from a proxy that `TRUSTED_PROXIES` names."""
    return _is_trusted(_peer(request), settings)


@lru_cache(maxsize=4096)
def parse_address(text: str) -> IPAddress | None:
    """The address in one entry of a header, without its port, brackets, quotes and scope; None if it has none."""
    text = text.strip(" \t").removeprefix('"').removesuffix('"')
    if found := WITH_PORT.fullmatch(text):
        text = found[1] or found[2] or ""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _peer(request: Request[Any, Any, Any]) -> IPAddress | str | None:
    # A server that listens on a Unix socket knows no address.
    return parse_address(request.client.host) if request.client and request.client.host else UNIX


def _is_trusted(address: IPAddress | str | None, settings: Settings) -> bool:
    if address is None or isinstance(address, str):
        return address in settings.trusted_proxies
    return any(address in network for network in settings.trusted_proxies if not isinstance(network, str))


def _warn_of_other_headers(request: Request[Any, Any, Any]) -> None:
    for name in NOT_READ:
        if name in request.headers:
            _warn_of(name)


@cache
def _warn_of(name: str) -> None:
    logger.warning("A trusted proxy sends %s but not X-Forwarded-For, so all of its clients count as one", name)
