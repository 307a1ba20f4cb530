"""Bearer tokens: the client puts the access token into a header."""

from weakref import WeakKeyDictionary

from httpx import AsyncClient
from httpx import Response

from tests.credentials import tokens

# Rows of the checklist that are about this kind.
COOKIES: set[str] = set()
ROWS = tokens.ROWS | {
    "E03": "Ids and secrets are random, and the tables hold their digests alone",
    "E09": "What counts, if a request has several credentials, is one rule",
}
ROUTES = tokens.ROUTES
USERS: dict[str, str] = {}
# There are no cookies to get rid of.
EXPIRED_BY_A_REFUSAL: list[str] = []
REFRESH_TOKENS: WeakKeyDictionary[AsyncClient, str] = WeakKeyDictionary()


def present(client: AsyncClient, answer: Response) -> None:
    """Send these credentials with every request from now on."""
    if answer.status_code in {200, 201}:
        REFRESH_TOKENS[client] = answer.json()["refresh_token"]
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


async def keep_up(client: AsyncClient) -> Response:
    """Trade the refresh token for a new pair; returns the answer."""
    answer = await client.post("/refresh", json={"refresh_token": REFRESH_TOKENS[client]})
    present(client, answer)
    return answer


def copy(client: AsyncClient, to: AsyncClient) -> None:
    """Give another client what this one holds."""
    REFRESH_TOKENS[to] = REFRESH_TOKENS[client]
    to.headers["Authorization"] = client.headers["Authorization"]


def make_up(client: AsyncClient, value: str) -> None:
    """Present a credential that the service never issued."""
    client.headers["Authorization"] = f"Bearer {value}".encode().decode("latin-1")


def held(client: AsyncClient) -> str:
    """What it renews its credentials with."""
    return REFRESH_TOKENS[client]
