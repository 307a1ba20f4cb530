"""What people do without a browser."""

import re
from urllib.parse import urlsplit

import httpx

from tests.server import Server

PASSWORD = "correct horse battery staple"  # noqa: S105 - opens nothing but a service that lives for a minute


def post(server: Server, path: str, **body: str) -> int:
    """The status of the answer."""
    return httpx.post(f"{server.url}{path}", json=body).status_code


def link_in_newest_mail(server: Server, address: str, page: str) -> str:
    """The whole link, on the port that the service happens to have here; mails leave after the answer."""
    link = re.compile(rf"^http://localhost:\d+({page}\?token=\S+)$", re.MULTILINE)
    found = server.until(lambda: link.search(newest(server, address)))
    return f"{server.url}{found[1]}"


def newest(server: Server, address: str) -> str:
    """The newest mail, or nothing yet."""
    return (server.mails_to(address) or [""])[-1]


def register_and_verify(server: Server, address: str) -> None:
    """Without the page."""
    post(server, "/register", email=address, password=PASSWORD)
    link = link_in_newest_mail(server, address, "/verify")
    assert post(server, "/verify", token=urlsplit(link).query.removeprefix("token=")) == httpx.codes.OK
