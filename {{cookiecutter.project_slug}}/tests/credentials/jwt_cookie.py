"""Tokens in cookies: the client keeps and sends them by itself."""

from httpx import AsyncClient
from httpx import Response

from tests.credentials import tokens
from tests.mutation import Mutant

COOKIES = {"__Host-access", "__Secure-refresh"}
# Rows of the checklist that are about this kind.
ROWS = tokens.ROWS | {
    "E01": "What a caller brought along before signing in is never adopted; ids change with every proof",
    "E03": "Ids and secrets are random, and the tables hold their digests alone",
    "E07": "Cookies are for this host, over TLS, and out of reach of scripts",
    "E09": "What counts, if a request has several credentials, is one rule",
}
ROUTES = tokens.ROUTES
MUTANTS = [
    *tokens.mutants("auth/test_jwt_cookie.py"),
    Mutant(
        "The access cookie is out of reach of scripts",
        "app/auth/jwt_cookie.py",
        '        httponly=True,\n        secure=settings.serves_https,\n        samesite="lax"',
        '        httponly=False,\n        secure=settings.serves_https,\n        samesite="lax"',
        "auth/test_jwt_cookie.py::test_the_answer_is_the_user_and_two_cookies",
    ),
    Mutant(
        "The refresh cookie travels to one path",
        "app/auth/jwt_cookie.py",
        'path="/refresh"',
        'path="/"',
        "auth/test_jwt_cookie.py::test_the_answer_is_the_user_and_two_cookies",
    ),
    Mutant(
        "Both cookies change with every proof",
        "app/auth/jwt_cookie.py",
        "return _cookies(request, await refresh.rename(request))",
        "return [] if request else _cookies(request, await refresh.rename(request))",
        "auth/test_jwt_cookie.py::test_both_cookies_change_with_every_proof",
    ),
]


def present(client: AsyncClient, answer: Response) -> None:
    """Send these credentials with every request from now on."""
    assert answer.status_code != 201 or set(client.cookies) == COOKIES


async def keep_up(client: AsyncClient) -> None:
    """Have the cookies renewed."""
    await client.post("/refresh")


def copy(client: AsyncClient, to: AsyncClient) -> None:
    """Give another client what this one holds."""
    to.cookies.update(client.cookies)


def held(client: AsyncClient) -> str:
    """What it renews its credentials with."""
    return client.cookies["__Secure-refresh"]
