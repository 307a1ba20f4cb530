"""Session cookies: the client keeps and sends them by itself."""

from httpx import AsyncClient
from httpx import Response

COOKIES = {"__Host-session"}


def present(client: AsyncClient, answer: Response) -> None:
    """Send these credentials with every request from now on."""
    assert answer.status_code != 201 or set(client.cookies) == COOKIES
