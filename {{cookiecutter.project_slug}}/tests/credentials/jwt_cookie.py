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
    "F01": "A token for one purpose is nothing for another",
    "F02": "What is not exactly an access token of ours is nothing, and never an error of ours",
    "F03": "Each purpose has a key of its own, and no key can be guessed",
    "F04": "A new key takes the place of the old one without signing anybody out",
    "F05": "Signing out ends access and renewal at once",
    "F06": "An access token lives for 15 minutes; a copy of a used refresh token ends the sign-in for good",
    "F07": "Refreshes at the same moment get the same successor, and nobody is signed out",
    "F08": "A token is for a person, not for an address",
}


def present(client: AsyncClient, answer: Response) -> None:
    """Send these credentials with every request from now on."""
    assert answer.status_code != 201 or set(client.cookies) == COOKIES


async def keep_up(client: AsyncClient) -> None:
    """Have the cookies renewed."""
    await client.post("/refresh")
