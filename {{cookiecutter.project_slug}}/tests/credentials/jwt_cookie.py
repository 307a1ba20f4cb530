"""Tokens in cookies: the client keeps and sends them by itself."""

from httpx import AsyncClient
from httpx import Response

from tests.credentials import tokens

COOKIES = {"__Host-access", "__Secure-refresh"}
# How a refusal gets rid of one that opens nothing.
EXPIRED_BY_A_REFUSAL = ['__Host-access=""; HttpOnly; Max-Age=0; Path=/; SameSite=lax; Secure']
# Rows of the checklist that are about this kind.
ROWS = tokens.ROWS | {
    "E03": "Ids and secrets are random, and the tables hold their digests alone",
    "E07": "Cookies are for this host, over TLS, and out of reach of scripts",
    "E09": "What counts, if a request has several credentials, is one rule",
}
ROUTES = tokens.ROUTES
USERS: dict[str, str] = {}


def present(client: AsyncClient, answer: Response) -> None:
    """Send these credentials with every request from now on."""
    assert answer.status_code != 201 or set(client.cookies) == COOKIES


async def keep_up(client: AsyncClient) -> Response:
    """Have the cookies renewed; returns the answer."""
    return await client.post("/refresh")


def copy(client: AsyncClient, to: AsyncClient) -> None:
    """Give another client what this one holds."""
    to.cookies.update(client.cookies)


def make_up(client: AsyncClient, value: str) -> None:
    """Present a credential that the service never issued."""
    client.headers["Cookie"] = f"__Host-access={value}".encode().decode("latin-1")


def held(client: AsyncClient) -> str:
    """What it renews its credentials with."""
    return client.cookies.get("__Secure-refresh") or ""
