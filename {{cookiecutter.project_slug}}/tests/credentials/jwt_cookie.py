"""Tokens in cookies: the client keeps and sends them by itself."""

from httpx import AsyncClient
from httpx import Response

COOKIES = {"__Host-access", "__Secure-refresh"}
# Rows of the checklist that are about this kind.
ROWS = {
    "E01": "What a caller brought along before signing in is never adopted; ids change with every proof",
    "E03": "Ids and secrets are random, and the tables hold their digests alone",
    "E07": "Cookies are for this host, over TLS, and out of reach of scripts",
    "E09": "What counts, if a request has several credentials, is one rule",
}


def present(client: AsyncClient, answer: Response) -> None:
    """Send these credentials with every request from now on."""
    assert answer.status_code != 201 or set(client.cookies) == COOKIES


async def keep_up(client: AsyncClient) -> None:
    """Have the cookies renewed."""
    await client.post("/refresh")
