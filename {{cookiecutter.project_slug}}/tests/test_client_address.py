"""The address of the client: from trusted proxies only, in every form that they write."""

import logging
from typing import Any

import pytest
from litestar import Request
from litestar.types import HTTPScope
from pydantic import SecretStr
from pydantic import ValidationError

from app.http import client_address
from app.http.client_address import UNKNOWN
from app.http.client_address import client_ip
from app.http.client_address import client_network
from app.http.client_address import is_from_trusted_proxy
from app.settings import Environment
from app.settings import Settings
from tests.cast import Stage
from tests.other_services import another_stage
from tests.tables import Tables

OTHER_HEADERS = {"forwarded": "for=192.0.2.99", "x-real-ip": "192.0.2.99", "cf-connecting-ip": "192.0.2.99"}


def trusting(*proxies: str) -> Settings:
    """Settings that trust these proxies."""
    return Settings(
        environment=Environment.TEST,
        secret_key=SecretStr("a secret key that opens nothing else"),
        trusted_proxies=",".join(proxies),
    )


def request_from(peer: str | None, headers: dict[str, str]) -> Request[Any, Any, Any]:
    """A request of this peer, or one through a Unix socket."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items() if value]
    # The rest of a scope is not looked at.
    scope: HTTPScope = {"type": "http", "client": peer and (peer, 1), "headers": raw}  # type: ignore[typeddict-item]
    return Request(scope)


@pytest.mark.checklist("B07", "B12")
@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "198.51.100.66, 198.51.100.1, 10.0.0.3", "198.51.100.1"),
        ("10.0.0.2", "10.0.0.3, 10.0.0.4", "10.0.0.3"),
        ("10.0.0.2", "anything at all", UNKNOWN),
        ("10.0.0.2", "", "10.0.0.2"),
        ("2001:DB8::1", "", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::2", "", "2001:db8::/64"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
    ],
)
def test_headers_count_as_far_as_trusted_proxies_vouch(peer: str, forwarded: str, network: str) -> None:
    request = request_from(peer, {"x-forwarded-for": forwarded, **OTHER_HEADERS})
    assert client_network(request, trusting("10.0.0.0/24")) == network


@pytest.mark.checklist("B12")
@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("198.51.100.1:50123", "198.51.100.1"),
        ("198.51.100.1:0", "198.51.100.1"),
        ('"198.51.100.1"', "198.51.100.1"),
        ('"198.51.100.1:50123"', "198.51.100.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:50123", "2001:db8::1"),
        ('"[2001:db8::1]:50123"', "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("[::ffff:198.51.100.1]:50123", "198.51.100.1"),
        ("::ffff:c633:6401", "198.51.100.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:50123", "fe80::1"),
        ("\t198.51.100.1 ", "198.51.100.1"),
        ("198.51.100.1:50123, [::ffff:10.0.0.3]:443", "198.51.100.1"),
        ("198.51.100.66,198.51.100.1:50123 ,10.0.0.3:443,  10.0.0.4", "198.51.100.1"),
        ("unknown", None),
        ("_hidden", None),
        ("198.51.100.1, unknown", None),
        ("198.51.100.1,", None),
        ("", "10.0.0.2"),
        ("198.51.100.1:", None),
        ("198.51.100.1:123456", None),
        ("198.51.100.1:port", None),
        ("[198.51.100.1", None),
        ("[]:50123", None),
        ("198.51.100.01", None),
        ("3325256705", None),
        ("²²²", None),
        ("unix:/run/service.sock", None),
        ("unix", None),
    ],
)
def test_proxies_write_addresses_in_many_forms(forwarded: str, address: str | None) -> None:
    found = client_ip(request_from("10.0.0.2", {"x-forwarded-for": forwarded}), trusting("10.0.0.0/24", "unix"))
    assert (str(found) if found else None) == address


@pytest.mark.checklist("B12")
@pytest.mark.parametrize(
    ("peer", "proxies", "is_trusted"),
    [
        ("127.0.0.1", ["127.0.0.1"], True),
        ("::ffff:127.0.0.1", ["127.0.0.1"], True),
        ("127.0.0.1", ["::ffff:127.0.0.0/104"], True),
        ("127.0.0.1", ["::ffff:127.0.0.1"], True),
        ("203.0.113.9", ["::ffff:127.0.0.0/104"], False),
        ("203.0.113.9", ["::/8"], False),
        ("::1", ["127.0.0.1"], False),
        ("::1", ["127.0.0.1", "::1"], True),
        ("fe80::1%eth0", ["fe80::/10"], True),
        ("10.0.0.1", ["unix"], False),
        (None, ["unix"], True),
        (None, ["10.0.0.0/8", "unix"], True),
        (None, ["0.0.0.0/0", "::/0"], False),
        ("", ["unix"], True),
        ("unix", ["unix"], False),
    ],
)
def test_a_proxy_is_trusted_in_each_form_of_its_address(
    peer: str | None, proxies: list[str], *, is_trusted: bool
) -> None:
    settings, request = trusting(*proxies), request_from(peer, {"x-forwarded-for": "198.51.100.1"})
    assert is_from_trusted_proxy(request, settings) == is_trusted
    assert (client_network(request, settings) == "198.51.100.1") == is_trusted


def test_a_socket_that_is_not_trusted_is_an_unknown_network() -> None:
    assert client_network(request_from(None, {"x-forwarded-for": "198.51.100.1"}), trusting()) == UNKNOWN
    assert client_network(request_from(None, {}), trusting("unix")) == UNKNOWN


@pytest.mark.parametrize("wrong", ["unix:/run/service.sock", "10.0.0.1/8", "proxy", "10.0.0.0/33"])
def test_a_wrong_proxy_is_refused_with_what_to_write(wrong: str) -> None:
    with pytest.raises(ValidationError, match=r"10\.0\.0\.0/8"):
        trusting(wrong)


@pytest.mark.checklist("B12")
def test_a_proxy_that_names_clients_in_another_header_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    client_address._warn_of.cache_clear()  # noqa: SLF001  # a test before may have met it
    settings = trusting("10.0.0.0/24")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert client_network(request_from("10.0.0.2", OTHER_HEADERS), settings) == "10.0.0.2"
        client_network(request_from("203.0.113.9", OTHER_HEADERS), settings)
        client_network(request_from("10.0.0.2", OTHER_HEADERS | {"x-forwarded-for": "198.51.100.1"}), settings)
    said = "A trusted proxy sends {} but not X-Forwarded-For, so all of its clients count as one"
    assert caplog.messages == [said.format(name) for name in OTHER_HEADERS]


@pytest.mark.checklist("B12")
async def test_devices_and_the_trail_show_the_address_and_mails_are_about_its_network(
    settings: Settings, tables: Tables
) -> None:
    proxies = trusting("10.0.0.0/24").trusted_proxies
    async with another_stage(settings, trusted_proxies=proxies) as stage:
        await shows_the_address(stage, tables)


async def shows_the_address(stage: Stage, tables: Tables) -> None:
    """Sign in behind a proxy, and look where the address turns up."""
    grace = await stage.verified("grace")
    behind = stage.person("grace", "::ffff:10.0.0.2")
    behind.client.headers["X-Forwarded-For"] = '"[2001:db8::7]:50123", 10.0.0.3:443'
    assert (await behind.sign_in()).status_code == 201
    [device] = (await behind.get("/users/me/sessions")).json()
    assert device["ip"] == "2001:db8::7"
    [entry] = await tables.trail("sign-in.succeeded")
    assert entry["ip"] == "2001:db8::7"
    for address, notices in (("[2001:db8::8]:50124", 1), ("[2001:db8:1::7]:50123", 2)):
        behind.client.headers["X-Forwarded-For"] = address
        assert (await behind.sign_in()).status_code == 201
        assert len(stage.outbox.to(grace)) == notices
