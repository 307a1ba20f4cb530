"""What a request with a token may do."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from httpx import Response
from litestar import Request
from litestar import WebSocket
from litestar import get
from litestar import post
from litestar import websocket
from litestar.config.app import AppConfig
from litestar.params import FromQuery
from litestar.params import JSONBody
from litestar.response import Stream
from sqlalchemy import delete
from sqlalchemy import update

from app import users
from app.accounts.data_export import export_of
from app.accounts.row_locks import lock_user
from app.auth import late_bodies
from app.auth.current_user import current_row
from app.auth.user_sessions import UserRequest
from app.database.sessions import request_session
from app.database.transactions import new_transaction
from app.database.transactions import separate_transaction
from app.http.recent_sign_in import require_recent_sign_in
from app.models import AccessToken
from app.models import User
from app.settings import Settings
from app.settings import SettingsError
from app.users import AccountsPlugin
from tests.access_tokens.program import PATH
from tests.access_tokens.program import holding
from tests.access_tokens.program import make
from tests.access_tokens.program import program_of
from tests.access_tokens.program import token_of
from tests.cast import ANOTHER_PASSWORD
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.cast import token_in
from tests.credentials import kind
from tests.other_services import another_stage
from tests.tables import Tables
from tests.work import Work

NOT_ACCEPTED = (403, "/problems/token-not-accepted")
DENIED = (403, "/problems/permission-denied")
UNAUTHORIZED = (401, "/problems/not-authenticated")


def kind_of(answer: Response) -> tuple[int, str]:
    """The status of a refusal and its type."""
    return answer.status_code, answer.json()["type"]


@get("/own/writing", access_tokens="read")
async def writes_though_it_is_a_get(request: Request[User, Any, Any]) -> None:
    """A route of an owner that breaks the rules of HTTP."""
    await request_session(request).execute(update(User).values(display_name="changed"))


@get("/own/flushing", access_tokens="read")
async def flushes_though_it_is_a_get(request: UserRequest) -> None:
    """The same by a changed model."""
    (await current_row(request)).display_name = "changed"


@get("/own/autocommit", access_tokens="read")
async def writes_without_a_transaction(request: Request[User, Any, Any]) -> None:
    """The same where each statement is stored by itself."""
    session = request_session(request)
    await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    await session.execute(update(User).values(display_name="changed"))


@post("/own/reading", access_tokens="read")
async def says_read_though_it_is_a_post() -> None:
    """A route that may change something and says otherwise."""


@get("/own/closed")
async def says_nothing() -> None:
    """A route that does not speak of tokens."""


@post("/own/saving", access_tokens="write")
async def saves(data: JSONBody[dict[str, str]]) -> None:
    """A route that is open to tokens that may write."""


@get("/own/fresh", access_tokens="read", guards=[require_recent_sign_in])
async def is_for_recent_sign_ins() -> None:
    """A route that asks for more than a token."""


@post("/own/locking", access_tokens="write")
async def locks(request: Request[User, Any, Any], ended: FromQuery[bool]) -> None:
    """A route that judges its caller under a lock; meanwhile the token may have ended."""
    session = request_session(request)
    if ended:
        async with separate_transaction(session) as other:
            await other.execute(delete(AccessToken))
    await lock_user(session, request.user.id)


@get("/own/export", access_tokens="read")
async def exports(request: Request[User, Any, Any]) -> Stream:
    """A route that streams, and whose token ends after its first piece."""
    pieces = await export_of(request.app, request_session(request), request.user.id)

    async def written() -> AsyncIterator[bytes]:
        yield await anext(pieces)
        async with new_transaction(request.app) as session:
            await session.execute(delete(AccessToken))
        async for piece in pieces:
            yield piece

    return Stream(written())


COUNTED = count()


@get("/own/kept", access_tokens="read", cache=True)
async def is_kept(request: Request[User, Any, Any]) -> str:
    """A route whose responses Litestar keeps for a minute."""
    return f"{request.user.email} {next(COUNTED)}"


@websocket("/own/socket")
async def talks(socket: WebSocket[User, Any, Any]) -> None:
    """A route that does not speak of tokens, and cannot."""
    await socket.accept()
    await socket.close()


OWN_ROUTES = (
    exports,
    is_kept,
    locks,
    writes_though_it_is_a_get,
    flushes_though_it_is_a_get,
    writes_without_a_transaction,
    says_read_though_it_is_a_post,
    says_nothing,
    saves,
    is_for_recent_sign_ins,
)


@pytest.fixture
async def own(settings: Settings, tables: Tables) -> AsyncIterator[Stage]:  # noqa: ARG001  # empties them
    """A service with routes of its owner, on the same database."""
    async with another_stage(settings, *OWN_ROUTES) as other:
        yield other


@pytest.mark.checklist("L02")
@pytest.mark.parametrize("path", ["/own/writing", "/own/flushing", "/own/autocommit"])
async def test_a_token_that_may_read_changes_nothing_through_a_get_either(
    own: Stage, grace: Person, stage: Stage, tables: Tables, path: str
) -> None:
    reading, writing = await program_of(stage, grace), await program_of(stage, grace, access="write")
    refused = await holding(own, token_of(reading)).get(path)
    assert (*kind_of(refused), refused.json()["detail"]) == (*DENIED, "This token may only read.")
    assert [row["display_name"] for row in await tables.rows("user")] == [""]
    assert (await holding(own, token_of(writing)).get(path)).status_code == 200
    assert [row["display_name"] for row in await tables.rows("user")] == ["changed"]
    # The connection is as it was before.
    assert (await holding(own, token_of(reading)).get("/users/me")).status_code == 200
    assert (await grace.post("/logout")).status_code == 204


@pytest.mark.checklist("L02")
async def test_a_route_that_does_not_say_so_is_closed_to_tokens(own: Stage, grace: Person, stage: Stage) -> None:
    program = holding(own, token_of(await program_of(stage, grace, access="write")))
    assert kind_of(await program.get("/own/closed")) == NOT_ACCEPTED
    assert kind_of(await program.post("/own/reading")) == NOT_ACCEPTED
    assert (await program.post("/own/saving")).status_code == 201
    reading = holding(own, token_of(await program_of(stage, grace)))
    refused = await reading.post("/own/saving")
    assert (*kind_of(refused), refused.json()["detail"]) == (*DENIED, "This token may only read.")
    assert kind_of(await reading.post("/own/reading")) == NOT_ACCEPTED


@pytest.mark.checklist("L02")
async def test_a_response_that_is_kept_goes_to_the_same_caller_only(own: Stage, grace: Person, stage: Stage) -> None:
    asked = []
    for owner in (grace, await stage.verified("mallory")):
        # Another token of this owner, which may do something else.
        programs = [holding(own, token_of(await program_of(stage, owner))) for _ in range(2)]
        for caller in (own.copy_of(owner), *programs):
            first, second = [(await caller.get("/own/kept")).text for _ in range(2)]
            assert first == second
            assert first.startswith(owner.email)
            asked.append(first)
    assert len({*asked}) == len(asked)
    # Not without credentials either.
    assert kind_of(await own.person("visitor").get("/own/kept")) == UNAUTHORIZED


@pytest.mark.checklist("L03")
@pytest.mark.parametrize("access", ["read", "write"])
def test_an_application_that_opens_every_route_to_tokens_does_not_start(settings: Settings, access: str) -> None:
    with pytest.raises(SettingsError, match='access_tokens="read"'):
        AccountsPlugin(settings, users.config(settings)).on_app_init(AppConfig(opt={"access_tokens": access}))


async def test_several_spaces_may_precede_a_token(grace: Person, stage: Stage) -> None:
    program = await program_of(stage, grace)
    program.client.headers["Authorization"] = f"Bearer   {token_of(program)}"
    assert (await program.get("/users/me")).status_code == 200


async def test_public_pages_do_not_read_credentials(grace: Person, stage: Stage, work: Work) -> None:
    program = await program_of(stage, grace)
    work.take()
    for caller in (program, grace):
        for path in ("/schema", "/schema/openapi.json", "/health"):
            assert (await caller.get(path)).status_code == 200, path
    assert work.take() == ([], 0)


@pytest.mark.checklist("L04")
async def test_a_request_whose_token_ends_on_the_way_changes_nothing(own: Stage, grace: Person, stage: Stage) -> None:
    program = holding(own, token_of(await program_of(stage, grace, access="write")))
    assert (await program.post("/own/locking?ended=false")).status_code == 201
    assert kind_of(await program.post("/own/locking?ended=true")) == UNAUTHORIZED


@pytest.mark.checklist("L04")
async def test_a_stream_breaks_off_once_the_token_has_ended(own: Stage, grace: Person, stage: Stage) -> None:
    answer = await holding(own, token_of(await program_of(stage, grace))).get("/own/export")
    assert answer.text.startswith('{"user":')
    assert not answer.text.endswith("]}")


@pytest.mark.checklist("L02")
async def test_a_token_opens_no_websocket(own: Stage, grace: Person, stage: Stage) -> None:
    token = token_of(await program_of(stage, grace, access="write"))
    own.app.register(talks)
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope: Any = {"type": "websocket", "path": "/own/socket", "raw_path": b"/own/socket", "query_string": b""}
    scope |= {"headers": headers, "client": ("192.0.2.1", 1), "scheme": "wss", "root_path": "", "subprotocols": []}
    scope |= {"server": ("service.example", 443), "http_version": "1.1", "asgi": {"version": "3.0"}, "extensions": {}}
    await own.app(scope, receive, send)  # type: ignore[arg-type]  # ASGI in other words
    assert sent == ["websocket.close"]


@pytest.mark.checklist("L02", "H09")
async def test_a_refusal_of_a_token_is_in_the_trail(grace: Person, stage: Stage, tables: Tables) -> None:
    program = await program_of(stage, grace)
    assert kind_of(await program.get(PATH)) == NOT_ACCEPTED
    [entry] = [row for row in await tables.rows("audit_event") if row["kind"] == "act.refused"]
    assert entry["after"]["type"] == "token-not-accepted"


@pytest.mark.checklist("L03")
@pytest.mark.parametrize("access", ["read", "write"])
async def test_a_token_makes_changes_and_ends_no_credentials(
    grace: Person, stage: Stage, tables: Tables, access: str
) -> None:
    program = await program_of(stage, grace, access=access)
    before = {name: await tables.rows(name) for name in ("user", "user_session")}
    acts = [
        ("POST", PATH, {"name": "more", "access": "write", "expires_in_days": 1}),
        ("GET", PATH, None),
        ("DELETE", f"{PATH}/{(await grace.get(PATH)).json()[0]['id']}", None),
        ("POST", "/users/me/password", {"current_password": grace.password, "new_password": ANOTHER_PASSWORD}),
        ("POST", "/users/me/email", {"email": "mallory@example.com", "password": grace.password}),
        ("POST", "/reauthenticate", {"password": grace.password}),
        ("POST", "/logout", {}),
        ("PATCH", "/users/me", {"display_name": "x"}),
        ("DELETE", "/users/me", None),
        ("DELETE", "/users/me/sessions", None),
        ("GET", "/users/me/sessions", None),
        ("GET", "/users/me/export", None),
    ]
    for method, path, body in acts:
        answer = await program.client.request(method, path, json=body)
        assert kind_of(answer) == NOT_ACCEPTED, path
    assert before == {name: await tables.rows(name) for name in ("user", "user_session")}
    assert len(await tables.rows("access_token")) == 1


@pytest.mark.checklist("L02", "E09")
async def test_with_credentials_beside_it_the_token_is_judged(grace: Person, stage: Stage) -> None:
    program = await program_of(stage, grace)
    # The browser of the owner, with a header added.
    grace.client.headers["Authorization"] = f"Bearer {token_of(program)}"
    assert kind_of(await grace.get(PATH)) == NOT_ACCEPTED
    wrong = token_of(program)[:-1] + "!"
    grace.client.headers["Authorization"] = f"bearer {wrong}"
    answer = await grace.get("/users/me")
    assert kind_of(answer) == UNAUTHORIZED
    # Nothing is wrong with the cookie, which was not judged.
    assert "set-cookie" not in answer.headers


@pytest.mark.checklist("E08")
async def test_pages_of_other_sites_gain_nothing_by_the_form_of_a_token(
    own: Stage, grace: Person, stage: Stage
) -> None:
    token = token_of(await program_of(stage, grace, access="write"))
    browser, program = own.person("grace"), holding(own, token)
    kind.copy(grace.client, browser.client)
    elsewhere = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    forged = elsewhere | {"Authorization": f"Bearer {token[:-1]}!"}
    assert kind_of(await browser.client.post("/own/saving", json={}, headers=forged)) == UNAUTHORIZED
    # Where no token is accepted, none makes a difference, not even one of the attacker's own.
    theirs = elsewhere | {"Authorization": f"Bearer {token}"}
    for path in ("/logout", "/login", "/reauthenticate"):
        answer = await browser.client.post(path, json={}, headers=theirs)
        assert kind_of(answer) == (403, "/problems/cross-site-request"), path
    assert (await program.client.post("/own/saving", json={}, headers=elsewhere)).status_code == 201


@pytest.mark.checklist("L04")
async def test_a_body_that_arrives_after_the_token_has_ended_changes_nothing(
    own: Stage, grace: Person, stage: Stage, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_bodies, "LATE_AFTER_SECONDS", 0)
    program = holding(own, token_of(await program_of(stage, grace, access="write")))

    async def late() -> AsyncIterator[bytes]:
        yield b"{"
        await tables.execute("DELETE FROM access_token")
        yield b"}"

    headers = {"Content-Type": "application/json"}
    assert (await program.client.post("/own/saving", content=b"{}", headers=headers)).status_code == 201
    assert (await program.client.post("/own/saving", content=late(), headers=headers)).status_code == 401


async def test_a_token_never_counts_as_a_recent_sign_in(own: Stage, grace: Person, stage: Stage) -> None:
    program = holding(own, token_of(await program_of(stage, grace, access="write")))
    assert kind_of(await program.get("/own/fresh")) == (403, "/problems/reauthentication-required")


@pytest.mark.checklist("L04")
@pytest.mark.parametrize("state", ["is_active = false", "is_verified = false"])
async def test_a_token_of_a_user_who_may_not_sign_in_is_refused(
    grace: Person, stage: Stage, tables: Tables, state: str
) -> None:
    program = await program_of(stage, grace)
    await tables.execute(f'UPDATE "user" SET {state}')  # noqa: S608  # written above
    assert kind_of(await program.get("/users/me")) == UNAUTHORIZED


@pytest.mark.checklist("L04")
async def test_a_reset_ends_tokens_and_the_mail_says_so(grace: Person, stage: Stage, tables: Tables) -> None:
    program = await program_of(stage, grace)
    await grace.post("/forgot-password", email=grace.email)
    token = grace.outbox.token_for(grace)
    assert (await grace.post("/reset-password", token=token, password=ANOTHER_PASSWORD)).status_code == 204
    assert kind_of(await program.get("/users/me")) == UNAUTHORIZED
    assert "access tokens" in str(grace.outbox.to(grace)[-1])
    assert "access-token.ended" in [row["kind"] for row in await tables.rows("audit_event")]


@pytest.mark.checklist("L04")
async def test_an_undone_change_of_address_ends_tokens(grace: Person, stage: Stage) -> None:
    program = await program_of(stage, grace)
    await grace.post("/users/me/email", email="new@example.com", password=grace.password)
    undo = token_in(grace.outbox.to(grace)[-1])
    confirm = token_in(grace.outbox.to_address("new@example.com")[-1])
    assert (await grace.post("/users/me/email/confirm", token=confirm)).status_code == 200
    assert (await program.get("/users/me")).status_code == 200
    assert (await grace.post("/users/me/email/undo", token=undo)).status_code == 200
    assert kind_of(await program.get("/users/me")) == UNAUTHORIZED


@pytest.mark.checklist("L04")
async def test_deletion_ends_tokens_and_a_change_of_password_keeps_them(grace: Person, stage: Stage) -> None:
    program = await program_of(stage, grace)
    change = {"current_password": grace.password, "new_password": ANOTHER_PASSWORD}
    answer = await grace.post("/users/me/password", **change)
    kind.present(grace.client, answer)
    assert answer.status_code == 204
    assert (await program.get("/users/me")).status_code == 200
    await grace.client.delete(f"{PATH}/{(await grace.get(PATH)).json()[0]['id']}")
    assert kind_of(await program.get("/users/me")) == UNAUTHORIZED
    program = holding(stage, (await make(grace)).json()["token"])
    assert (await grace.client.delete("/users/me")).status_code == 204
    assert kind_of(await program.get("/users/me")) == UNAUTHORIZED


async def test_a_program_outlives_the_sign_in_that_made_its_token(grace: Person, stage: Stage, clock: Clock) -> None:
    program = await program_of(stage, grace)
    await grace.sign_out()
    clock.advance(timedelta(days=20))
    assert (await program.get("/users/me")).status_code == 200
