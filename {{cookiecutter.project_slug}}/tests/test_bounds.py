"""What callers send is measured before it is worked on."""

from ipaddress import IPv4Address
from ipaddress import IPv6Address
from ipaddress import ip_address
from ipaddress import ip_network
from typing import Any

import pytest
from litestar import Request
from litestar.types import HTTPScope

from app import email_address
from app.http import client_address
from app.http.cookies import single_cookie
from app.settings import Settings
from tests.cast import Person


def request_with(*headers: tuple[str, str]) -> Request[Any, Any, Any]:
    """A request with these headers, from this machine."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    # The rest of a scope is not looked at.
    scope: HTTPScope = {"type": "http", "client": ("127.0.0.1", 1), "headers": raw}  # type: ignore[typeddict-item]
    return Request(scope)


@pytest.mark.checklist("I13")
@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([], None),
        (["name=value"], "value"),
        (["other=1;name=value;  another=2"], "value"),
        (["\tname = a=b "], "a=b"),
        (["name=a=b="], "a=b="),
        (['name="\\"\\041%41"'], '"\\"\\041%41"'),
        (["xname=1; name2=2; name"], ""),
        (["name=value", "other=1"], "value"),
        (["name=value; name=planted"], None),
        (["name=value", "name=planted"], None),
    ],
)
def test_a_cookie_is_taken_as_it_is_if_it_is_the_only_one_of_its_name(headers: list[str], value: str | None) -> None:
    assert single_cookie(request_with(*(("Cookie", header) for header in headers)), "name") == value


@pytest.mark.checklist("I13")
async def test_nothing_is_decoded_or_kept_of_the_cookies_of_a_request(
    grace: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    monkeypatch.setattr("litestar.connection.base.parse_cookie_string", parsed.append)
    await grace.sign_in()
    assert (await grace.get("/users/me")).status_code == 200
    for path in ("/users/me", "/users/me/sessions", "/health"):
        await grace.client.get(path, headers={"Cookie": 'other="' + '\\"' * 1_000 + '"'})
    assert parsed == []


@pytest.mark.checklist("I13", "B07")
def test_of_a_list_of_hops_as_many_are_read_as_there_can_be_proxies(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def count(address: str) -> IPv4Address | IPv6Address:
        read.append(address)
        return ip_address(address)

    monkeypatch.setattr(client_address, "ip_address", count)
    trusting = settings.model_copy(update={"trusted_proxies": (ip_network("127.0.0.1"),)})
    request = request_with(("X-Forwarded-For", "192.0.2.1, " + "127.0.0.1, " * 5_000 + "127.0.0.1"))
    assert client_address.client_network(request, trusting) == "127.0.0.1"
    assert len(read) <= client_address.MAX_HOPS + 2


@pytest.mark.checklist("I13", "A09")
def test_an_address_that_is_too_long_is_neither_parsed_nor_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(email_address, "_normalised", parsed.append)
    for address in ("<" * 250_000, "a" * 243 + "@example.com"):
        with pytest.raises(ValueError, match="at most 254 characters"):
            email_address.normalise_email(address)
    email_address.normalise_email(f" {'a' * 242}@example.com ")
    assert [len(address) for address in parsed] == [254]
