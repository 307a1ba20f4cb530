"""Problem details (RFC 9457): every refusal has one shape, and what breaks shows nothing but that it broke."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import Response
from litestar import Request
from litestar import get
from litestar.exceptions import HTTPException
from litestar.exceptions import NotAuthorizedException
from litestar.exceptions import NotFoundException
from litestar.exceptions import ValidationException
from litestar.params import FromPath
from litestar.params import FromQuery
from sqlalchemy import text

from app.asgi import create_app
from app.database.sessions import engine_of
from app.database.sessions import request_session
from app.http.errors import Conflict
from app.models import User
from app.repositories import UserRepository
from app.settings import Environment
from app.settings import Settings
from app.settings import SettingsError
from tests.cast import Person
from tests.other_services import DATABASE_AWAY
from tests.other_services import another_stage

# As deep as fits into a body.
DEEP = 10_000
PUBLIC = ["/register", "/verify", "/verify/resend", "/login", "/forgot-password", "/reset-password"]
PUBLIC += ["/users/me/email/confirm", "/users/me/email/undo"]
CLOSED = ["/users/me/password", "/users/me/email", "/reauthenticate"]
ODD_BODIES = {
    "nothing": b"",
    "half a body": b"{",
    "null": b"null",
    "an array": b"[]",
    "a number": b"1",
    "a huge number": b"9" * 5_000,
    "fields of the wrong type": b'{"email": 1, "password": {}, "token": []}',
    "a field too many": b'{"email": "a@b.example", "password": "long enough for this", "token": "a", "more": 1}',
    "half a character": b'{"email": "\xff", "password": "\xff", "token": "\xff"}',
    "half a surrogate": rb'{"email": "\ud800", "password": "\ud800", "token": "\ud800"}',
    "arrays in arrays": b"[" * DEEP + b"]" * DEEP,
    "objects in objects": b'{"email":' * DEEP,
}


@get("/conflicts", exclude_from_auth=True, sync_to_thread=False)
def conflict() -> None:
    """Refuse with a reason."""
    raise Conflict("Another request was faster.")


@get("/collides", exclude_from_auth=True)
async def collide(request: Request[Any, Any, Any]) -> None:
    """Break a constraint of the database."""
    session = request_session(request)
    session.add_all(User(email="hidden@example.com", password_hash="") for _ in range(2))
    await session.flush()


@get("/loses", exclude_from_auth=True)
async def lose(request: Request[Any, Any, Any]) -> None:
    """Change a row that another transaction deletes meanwhile."""
    session = request_session(request)
    session.add(user := User(email="hidden@example.com", password_hash=""))
    await session.flush()
    await session.execute(text('DELETE FROM "user"'))
    user.display_name = "Somebody"


@get("/loses-in-repository", exclude_from_auth=True)
async def lose_in_repository(request: Request[Any, Any, Any]) -> None:
    """The same, through a repository, which wraps the error of the database."""
    users = UserRepository(session=request_session(request))
    user = await users.add(User(email="hidden@example.com", password_hash=""))
    await users.session.execute(text('DELETE FROM "user"'))
    user.display_name = "Somebody"
    await users.update(user)


@get("/breaks", exclude_from_auth=True, sync_to_thread=False)
def break_down() -> None:
    """Fail with an unexpected error."""
    raise RuntimeError("hidden reason")


@get("/locks", exclude_from_auth=True)
async def lock_and_fail(request: Request[Any, Any, Any]) -> None:
    """Lock a table, and fail."""
    # Kept, since the garbage collector would release its connection, sooner or later.
    session = request.app.state.kept = request_session(request)
    await session.execute(text('LOCK TABLE "user" IN EXCLUSIVE MODE'))
    raise RuntimeError


@pytest.fixture
async def outsider(settings: Settings) -> AsyncIterator[Person]:
    """A visitor of a service with the routes above."""
    async with another_stage(settings, conflict, collide, lose, lose_in_repository, break_down) as stage:
        yield stage.person("outsider")


def problem_of(answer: Response, status: int, kind: str) -> dict[str, object]:
    """The body of a refusal, which has this status and type."""
    problem: dict[str, object] = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["type"]) == (status, status, f"/problems/{kind}")
    assert problem["title"]
    return problem


async def test_an_invalid_field_is_named_and_its_value_is_not_repeated(visitor: Person) -> None:
    answer = await visitor.post("/register", email=visitor.email, password="hidden word")
    assert problem_of(answer, 400, "invalid-request")["errors"] == [
        {"field": "password", "message": "Use 15 to 128 characters."}
    ]
    assert "hidden" not in answer.text


async def test_what_only_the_service_can_judge_is_named_too(visitor: Person) -> None:
    answer = await visitor.post("/register", email="nowhere", password=visitor.password)
    assert problem_of(answer, 400, "invalid-request")["errors"] == [
        {"field": "email", "message": "An email address must have an @-sign."}
    ]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/users/me", 401, "not-authenticated"),
        ("GET", "/nowhere", 404, "not-found"),
        ("PUT", "/login", 405, "method-not-allowed"),
    ],
)
async def test_a_request_that_leads_nowhere_is_a_problem(
    visitor: Person, method: str, path: str, status: int, kind: str
) -> None:
    problem_of(await visitor.client.request(method, path), status, kind)


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
async def test_an_odd_body_is_the_mistake_of_its_sender(visitor: Person, body: bytes) -> None:
    for path in PUBLIC:
        answer = await visitor.client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert (path, answer.status_code) == (path, 400)
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
async def test_a_body_that_makes_no_sense_is_the_mistake_of_its_sender_who_is_signed_in_too(
    grace: Person, body: bytes
) -> None:
    await grace.sign_in()
    for path in CLOSED:
        answer = await grace.client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert (path, answer.status_code) == (path, 400)


@pytest.mark.parametrize("odd", ["\0", "\0" * 64, "\u202e" * 20, "e\u0301" * 64, "\U0010ffff" * 128])
async def test_odd_characters_in_any_field_are_no_mistake_of_ours(grace: Person, odd: str) -> None:
    await grace.sign_in()
    words = ("email", "password", "token", "display_name", "current_password", "new_password")
    for path, names in (
        ("/register", words[:2]),
        ("/register", (*words[:2], words[3])),
        ("/verify", words[2:3]),
        ("/verify/resend", words[:1]),
        ("/login", words[:2]),
        ("/forgot-password", words[:1]),
        ("/reset-password", words[1:3]),
        ("/users/me/email", words[:2]),
        ("/users/me/password", words[4:]),
        ("/reauthenticate", words[1:2]),
    ):
        for email in (odd, "barbara@example.com"):
            body = {name: email if name == "email" else odd for name in names}
            assert (path, (await grace.post(path, **body)).status_code < 500) == (path, True), body


@pytest.mark.parametrize(
    "body",
    [
        rb'{"display_name": "a\u0000b"}',
        rb'{"display_name": "\ud800"}',
        b'{"display_name": "' + b"a" * 101 + b'"}',
        b'{"display_name": "\xff"}',
        b'{"display_name": ' + b"[" * DEEP,
    ],
    ids=["NUL", "half a surrogate", "too long", "half a character", "arrays in arrays"],
)
async def test_a_name_that_cannot_be_stored_is_the_mistake_of_its_sender(grace: Person, body: bytes) -> None:
    await grace.sign_in()
    answer = await grace.client.patch("/users/me", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert (await grace.get("/users/me")).json()["display_name"] == ""


@pytest.mark.checklist("I09")
@pytest.mark.parametrize(
    "host",
    [
        "service.example:",
        "service.example:a",
        "service.example:99999",
        "[::1",
        "",
        "service.example/a:b",
        "service.example?:b",
        "service.example#:b",
        "service.example:8\t0",
    ],
)
async def test_an_odd_host_is_no_mistake_of_ours(visitor: Person, host: str) -> None:
    for path, status in (("/register", 400), ("/reauthenticate", 401), ("/nowhere", 404), ("/health", 405)):
        answer = await visitor.client.post(path, json={}, headers={"Host": host})
        assert (path, answer.status_code) == (path, status)


@pytest.mark.checklist("I09")
async def test_an_error_that_cannot_be_answered_keeps_no_connection_and_no_lock(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An answer cannot be made without it.
    monkeypatch.delattr("app.http.error_responses._invalid_parts")
    async with another_stage(settings, lock_and_fail) as stage:
        assert (await stage.person("visitor").get("/locks")).status_code == 500
        assert engine_of(stage.app).pool.checkedout() == 0  # type: ignore[attr-defined]  # the service's pool counts


async def test_a_conflict_says_its_reason(outsider: Person) -> None:
    assert problem_of(await outsider.get("/conflicts"), 409, "conflict")["detail"] == "Another request was faster."


@get("/refuses", exclude_from_auth=True, sync_to_thread=False)
def refuse(kind: FromQuery[str], detail: FromQuery[str] = "") -> None:
    """Refuse as Litestar documents it."""
    raise {"404": NotFoundException, "401": NotAuthorizedException, "400": ValidationException}[kind](detail)


@get("/teapot", exclude_from_auth=True, sync_to_thread=False)
def brew() -> None:
    """Refuse with a status of one's own."""
    raise HTTPException("Only tea.", status_code=418)


@pytest.mark.checklist("I04", "I09")
async def test_a_handler_says_its_reason_with_an_exception_of_litestar(settings: Settings) -> None:
    async with another_stage(settings, refuse, brew) as stage:
        visitor = stage.person("visitor")
        for path, status, kind in (
            ("/refuses?kind=404&detail=Gone+fishing.", 404, "not-found"),
            ("/refuses?kind=401&detail=Only+on+weekdays.", 401, "not-authenticated"),
            ("/refuses?kind=400&detail=It+ends+before+it+starts.", 400, "invalid-request"),
            ("/teapot", 418, "i-m-a-teapot"),
        ):
            detail = path.partition("detail=")[2].replace("+", " ") or "Only tea."
            assert problem_of(await visitor.get(path), status, kind)["detail"] == detail
        # Without a reason it repeats nothing; reasons of Litestar itself quote its inside.
        for path in ("/refuses?kind=404", "/refuses?kind=401", "/refuses", "/nowhere", "/users/me"):
            assert "detail" not in (await visitor.get(path)).json(), path


@pytest.mark.checklist("I04", "I09")
async def test_a_broken_constraint_is_a_conflict_that_shows_no_data(
    outsider: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")
    answer = await outsider.get("/collides")
    problem_of(answer, 409, "conflict")
    assert "hidden" not in answer.text
    assert "GET /collides answered 409: constraint uq_user_email_lower of the table user (23505)" in caplog.messages
    assert "hidden" not in caplog.text


@pytest.mark.parametrize("path", ["/loses", "/loses-in-repository"])
async def test_a_row_that_is_gone_by_the_time_it_is_changed_is_a_conflict(outsider: Person, path: str) -> None:
    problem_of(await outsider.get(path), 409, "conflict")


@pytest.mark.checklist("I04")
async def test_an_unexpected_error_shows_nothing_and_is_logged_with_its_traceback(
    outsider: Person, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await outsider.get("/breaks")
    assert problem_of(answer, 500, "internal-error").keys() == {"type", "title", "status"}
    assert "hidden" not in answer.text
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "GET /breaks failed"
    assert "RuntimeError: hidden reason" in caplog.text
    assert "in break_down" in caplog.text


async def test_without_the_database_callers_are_asked_to_come_again(settings: Settings) -> None:
    async with another_stage(settings, **DATABASE_AWAY) as stage:
        visitor = stage.person("visitor")
        for answer in (await visitor.register(), await visitor.sign_in()):
            problem_of(answer, 503, "unavailable")
            assert answer.headers["Retry-After"] == "5"


@pytest.mark.checklist("I04")
async def test_production_refuses_to_debug(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"environment": Environment.PRODUCTION}))
    app.debug = True
    with pytest.RaisesGroup(pytest.RaisesExc(SettingsError, match="Debugging must be off in production")):
        async with app.lifespan():
            pytest.fail("It serves.")


@pytest.mark.checklist("I04")
async def test_debugging_shows_callers_nothing_either(settings: Settings) -> None:
    async with another_stage(settings, break_down) as stage:
        stage.app.debug = True
        answer = await stage.person("visitor").get("/breaks")
    assert problem_of(answer, 500, "internal-error").keys() == {"type", "title", "status"}
    assert not any(word in answer.text for word in ("hidden", "Traceback", "break_down"))


@get("/odd/{status:int}", exclude_from_auth=True, sync_to_thread=False)
def answer_oddly(status: FromPath[int]) -> None:
    """Refuse with a status that no standard has."""
    raise HTTPException("Oddly.", status_code=status)


@pytest.mark.parametrize("status", [499, 599])
async def test_a_status_that_no_standard_has_is_kept(settings: Settings, status: int) -> None:
    async with another_stage(settings, answer_oddly) as stage:
        answer = await stage.person("visitor").get(f"/odd/{status}")
    assert (answer.status_code, answer.json()["type"], answer.json()["title"]) == (status, "/problems/error", "Error")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"3", b"{"])
async def test_a_missing_or_odd_body_is_no_field(visitor: Person, body: bytes) -> None:
    answer = await visitor.client.post("/verify", content=body, headers={"Content-Type": "application/json"})
    errors = answer.json()["errors"]
    assert (answer.status_code, [error["field"] for error in errors]) == (400, [""])
    assert (errors[0]["message"] == "Send a JSON body.") is (body == b"")
