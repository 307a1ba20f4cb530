"""Session cookies: the client keeps and sends them by itself."""

from httpx import AsyncClient
from httpx import Response

from tests.mutation import Mutant

COOKIES = {"__Host-session"}
# Rows of the checklist that are about this kind.
ROWS = {
    "E01": "What a caller presents before signing in is never adopted; cookies change with every proof",
    "E03": "Ids and secrets are random, and the tables hold their digests alone",
    "E07": "Cookies are for this host, over TLS, and out of reach of scripts",
    "E09": "What counts, if a request has several credentials, is one rule",
}
# Who may call the routes that only this kind has.
ROUTES: dict[str, str] = {}
MUTANTS = [
    Mutant(
        "What a caller brought along is never adopted",
        "app/auth/session.py",
        """    secret = secrets.token_urlsafe(32)
    await start_session(""",
        """    secret = request.cookies.get("__Host-session") or secrets.token_urlsafe(32)
    await start_session(""",
        "auth/test_session.py::test_an_id_that_the_caller_brought_is_never_adopted",
    ),
    Mutant(
        "The table holds digests",
        "app/auth/sign_ins.py",
        "    return sha256(secret).digest()",
        "    return secret if sha256 else b''",
        "auth/test_session.py::test_the_table_holds_the_digest_alone",
    ),
    Mutant(
        "The cookie is out of reach of scripts",
        "app/auth/session.py",
        "httponly=True",
        "httponly=False",
        "auth/test_session.py::test_the_answer_is_the_user_and_a_cookie_for_this_host_alone",
    ),
    Mutant(
        "The cookie changes with every proof",
        "app/auth/session.py",
        "    await rotate_session(",
        "    assert rotate_session or (",
        "auth/test_session.py::test_the_cookie_changes_with_every_proof",
    ),
]


def present(client: AsyncClient, answer: Response) -> None:
    """Send these credentials with every request from now on."""
    assert answer.status_code != 201 or set(client.cookies) == COOKIES


async def keep_up(client: AsyncClient) -> None:
    """Nothing has to be done for a cookie to go on working."""
    assert client


def copy(client: AsyncClient, to: AsyncClient) -> None:
    """Give another client what this one holds."""
    to.cookies.update(client.cookies)


def held(client: AsyncClient) -> str:
    """What it holds."""
    return client.cookies["__Host-session"]
