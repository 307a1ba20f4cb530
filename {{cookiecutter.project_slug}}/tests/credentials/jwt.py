"""Bearer tokens: the client puts the access token into a header."""

from weakref import WeakKeyDictionary

from httpx import AsyncClient
from httpx import Response

# Rows of the checklist that are about this kind.
ROWS = {
    "E03": "Ids and secrets are random, and the tables hold their digests alone",
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
REFRESH_TOKENS: WeakKeyDictionary[AsyncClient, str] = WeakKeyDictionary()


def present(client: AsyncClient, answer: Response) -> None:
    """Send these credentials with every request from now on."""
    if answer.status_code in {200, 201}:
        REFRESH_TOKENS[client] = answer.json()["refresh_token"]
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


async def keep_up(client: AsyncClient) -> None:
    """Trade the refresh token for a new pair."""
    present(client, await client.post("/refresh", json={"refresh_token": REFRESH_TOKENS[client]}))
