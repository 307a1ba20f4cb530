"""Session cookies: the client keeps and sends them by itself."""

from httpx import AsyncClient
from httpx import Response

COOKIES = {"__Host-session"}
# How a refusal gets rid of one that opens nothing.
EXPIRED_BY_A_REFUSAL = ['__Host-session=""; HttpOnly; Max-Age=0; Path=/; SameSite=lax; Secure']
# Rows of the checklist that are about this kind.
ROWS = {
    "E03": "Ids and secrets are random, and the tables hold their digests alone",
    "E07": "Cookies are for this host, over TLS, and out of reach of scripts",
    "E09": "What counts, if a request has several credentials, is one rule",
}
# Who may call the routes that only this kind has.
ROUTES: dict[str, str] = {}
USERS: dict[str, str] = {}


def present(client: AsyncClient, answer: Response) -> None:
    """Send these credentials with every request from now on."""
    assert answer.status_code != 201 or set(client.cookies) == COOKIES


async def keep_up(_client: AsyncClient) -> Response | None:
    """A session cookie keeps working by itself, so no request is sent."""
    return None


def copy(client: AsyncClient, to: AsyncClient) -> None:
    """Give another client what this one holds."""
    to.cookies.update(client.cookies)


def make_up(client: AsyncClient, value: str) -> None:
    """Present a credential that the service never issued."""
    client.headers["Cookie"] = f"__Host-session={value}".encode().decode("latin-1")


def held(client: AsyncClient) -> str:
    """What it holds."""
    return client.cookies["__Host-session"]
