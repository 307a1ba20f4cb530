"""Refused acts are in the trail: who, what, from where, and at most once a minute; no answer depends on it."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID
from uuid import uuid4

import pytest
from advanced_alchemy.exceptions import IntegrityError
from advanced_alchemy.exceptions import NotFoundError
from litestar import Request
from litestar import delete
from litestar import get
from litestar.exceptions import HTTPException
from litestar.exceptions import NotAuthorizedException
from litestar.exceptions import PermissionDeniedException
from litestar.exceptions import ValidationException
from litestar.params import FromPath
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError

from app.accounts import audit
from app.accounts import refused_acts
from app.accounts.attempt_counters import Limit
from app.accounts.audit import Event
from app.accounts.throttle import LIMITS
from app.accounts.throttle import Action
from app.database.sessions import request_session
from app.http.errors import Conflict
from app.http.errors import InvalidToken
from app.http.errors import RecentSignInRequired
from app.http.errors import TooBusy
from app.http.errors import TooManyAttempts
from app.models import User
from app.settings import Settings
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.other_services import DATABASE_AWAY
from tests.other_services import another_stage
from tests.tables import Tables
from tests.work import counting

A_MINUTE = timedelta(minutes=1)
RECORDED: dict[str, tuple[Exception, str]] = {
    "denied": (PermissionDeniedException(), "permission-denied"),
    "a rule": (Conflict("This is the last one."), "conflict"),
    "a limit": (TooManyAttempts(60), "too-many-attempts"),
    "an owner's 403": (HTTPException(status_code=403), "forbidden"),
    "an owner's 409": (HTTPException(status_code=409), "conflict"),
    "one of several": (ExceptionGroup("", [Conflict()]), "conflict"),
}
STATUS = {"permission-denied": 403, "forbidden": 403, "conflict": 409, "too-many-attempts": 429}
NOT_RECORDED: dict[str, Exception] = {
    "not signed in": NotAuthorizedException(),
    "not found": NotFoundError(),
    "invalid": ValidationException(),
    "a used link": InvalidToken(),
    "not fresh": RecentSignInRequired(),
    "another request": IntegrityError(),
    "a row that is gone": StaleDataError(),
    "busy": TooBusy(),
    "the database": OperationalError("", None, Exception()),
    "a bug": RuntimeError(),
}
ERRORS = {name: error for name, (error, _) in RECORDED.items()} | NOT_RECORDED


@get("/refuses/{name:str}", sync_to_thread=False)
def refuse(name: FromPath[str]) -> None:
    """Refuse a user."""
    raise ERRORS[name]


@get("/refuses-anybody/{name:str}", sync_to_thread=False, exclude_from_auth=True)
def refuse_anybody(name: FromPath[str]) -> None:
    """Refuse a caller who has not signed in."""
    raise ERRORS[name]


@delete("/refuses-about/{user_id:uuid}/{name:str}", sync_to_thread=False)
def refuse_about(user_id: FromPath[UUID], name: FromPath[str]) -> None:
    """Refuse what is done to a user."""
    raise ERRORS[name] from ValueError(user_id)


@get("/refuses-after-work", exclude_from_auth=True)
async def refuse_after_work(request: Request[Any, Any, Any]) -> None:
    """Refuse after a row was added."""
    request_session(request).add(User(email="lost@example.com", password_hash=""))
    await request_session(request).flush()
    raise Conflict


@get("/refuses-with-an-entry", exclude_from_auth=True)
async def refuse_with_an_entry(request: Request[Any, Any, Any]) -> None:
    """Refuse what has an entry of its own."""
    await audit.record_refusal(request_session(request), Event.PASSWORD_REFUSED)
    raise Conflict


ROUTES = (refuse, refuse_anybody, refuse_about, refuse_after_work, refuse_with_an_entry)


@pytest.fixture
async def refusing(settings: Settings, stage: Stage) -> AsyncIterator[Stage]:  # noqa: ARG001  # empties the tables
    """A service with the routes above."""
    async with another_stage(settings, *ROUTES) as another:
        yield another


@pytest.fixture
async def caller(refusing: Stage) -> Person:
    """A user of that service, signed in."""
    grace = await refusing.verified("grace")
    await grace.sign_in()
    return grace


@pytest.fixture
def network() -> str:
    """An address of this test alone: services remember what they entered in the last minute."""
    return f"198.51.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


async def refused(tables: Tables) -> list[dict[str, Any]]:
    """The entries about refused acts, oldest first."""
    rows = await tables.trail("act.refused")
    return sorted(rows, key=lambda row: row["created_at"])


@pytest.mark.checklist("H09")
@pytest.mark.parametrize(("name", "type_"), [(name, type_) for name, (_, type_) in RECORDED.items()])
async def test_a_refused_act_is_recorded_with_who_what_and_from_where(
    caller: Person, tables: Tables, name: str, type_: str
) -> None:
    [user] = await tables.rows("user")
    answer = await caller.get(f"/refuses/{name}?token=hidden")
    assert (answer.status_code, answer.json()["type"]) == (STATUS[type_], f"/problems/{type_}")
    [entry] = await refused(tables)
    assert (entry["actor_id"], entry["target_id"], entry["ip"]) == (user["id"], None, "192.0.2.1")
    assert entry["request_id"]
    assert (entry["before"], entry["after"]) == (
        None,
        {"method": "GET", "route": "/refuses/{name}", "type": type_},
    )


@pytest.mark.checklist("H09")
@pytest.mark.parametrize("name", NOT_RECORDED)
async def test_other_errors_are_not_recorded(caller: Person, tables: Tables, name: str) -> None:
    assert (await caller.get(f"/refuses/{name}")).is_error
    assert await refused(tables) == []


@pytest.mark.checklist("H09")
async def test_a_request_from_a_page_of_another_site_is_not_recorded(caller: Person, tables: Tables) -> None:
    answer = await caller.client.post("/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.json()["type"] == "/problems/cross-site-request"
    assert await refused(tables) == []


@pytest.mark.checklist("H09")
async def test_the_entry_names_whom_the_path_names(caller: Person, tables: Tables) -> None:
    target = uuid4()
    await caller.client.delete(f"/refuses-about/{target}/a rule")
    [entry] = await refused(tables)
    assert entry["target_id"] == target
    assert entry["after"]["route"] == "/refuses-about/{user_id}/{name}"


@pytest.mark.checklist("H09")
async def test_an_actor_is_recorded_once_a_minute_for_each_type(
    caller: Person, refusing: Stage, tables: Tables, clock: Clock
) -> None:
    for _ in range(3):
        await caller.get("/refuses/denied")
        await caller.get("/refuses/a rule")
        await caller.client.delete(f"/refuses-about/{uuid4()}/denied")
    assert [entry["after"]["type"] for entry in await refused(tables)] == ["permission-denied", "conflict"]
    mallory = await refusing.verified("mallory")
    await mallory.sign_in()
    await mallory.get("/refuses/denied")
    assert len(await refused(tables)) == 3, "each actor by itself"
    clock.advance(A_MINUTE)
    for _ in range(3):
        await caller.get("/refuses/denied")
    assert len(await refused(tables)) == 4


@pytest.mark.checklist("H09")
async def test_a_caller_who_has_not_signed_in_is_recorded_once_a_minute_for_each_network(
    refusing: Stage, tables: Tables, network: str
) -> None:
    for address in (network, network, "203.0.113.7"):
        assert (await refusing.person("visitor", address).get("/refuses-anybody/a limit")).status_code == 429
    assert [(entry["actor_id"], entry["ip"]) for entry in await refused(tables)] == [
        (None, network),
        (None, "203.0.113.7"),
    ]


@pytest.mark.checklist("H09")
async def test_requests_at_the_same_moment_are_recorded_once_by_several_processes(
    refusing: Stage, settings: Settings, tables: Tables, network: str
) -> None:
    async with another_stage(settings, *ROUTES, password_min_length=16) as another:
        callers = [stage.person("visitor", network) for stage in (refusing, another) for _ in range(5)]
        await asyncio.gather(*(person.get("/refuses-anybody/denied") for person in callers))
    assert len(await refused(tables)) == 1


@pytest.mark.checklist("H09")
async def test_a_flood_costs_the_database_nothing(
    refusing: Stage, tables: Tables, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flooding = refusing.person("visitor", network)
    await flooding.get("/refuses-anybody/denied")
    with counting(refusing.app, monkeypatch) as work:
        for _ in range(20):
            await flooding.get("/refuses-anybody/denied")
    assert (work.statements, work.transactions) == ([], 0)
    assert len(await refused(tables)) == 1


@pytest.mark.checklist("H09")
async def test_a_flood_from_many_networks_takes_bounded_memory_and_is_recorded_once_each(
    refusing: Stage, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_acts, "REMEMBERED", 2)
    [middleware] = [each for each in refusing.app.middleware if isinstance(each, refused_acts.RecordRefusals)]
    for _ in range(2):
        for number in range(5):
            await refusing.person("visitor", f"2001:db8:0:{number}::1").get("/refuses-anybody/denied")
    assert len(await refused(tables)) == 5
    assert len(middleware._remembered) <= 2  # noqa: SLF001  # what is bounded


@pytest.mark.checklist("H09")
async def test_what_the_request_did_is_rolled_back_and_its_refusal_stays(
    refusing: Stage, tables: Tables, network: str
) -> None:
    assert (await refusing.person("visitor", network).get("/refuses-after-work")).status_code == 409
    assert await tables.rows("user") == []
    assert len(await refused(tables)) == 1


@pytest.mark.checklist("H09")
async def test_no_request_holds_two_connections(settings: Settings, tables: Tables, network: str) -> None:
    async with another_stage(settings, *ROUTES, database_pool_size=1) as stage:
        callers = [stage.person("visitor", f"{network.rpartition('.')[0]}.{number}") for number in range(5)]
        answers = await asyncio.gather(*(person.get("/refuses-after-work") for person in callers))
    assert {answer.status_code for answer in answers} == {409}
    assert len(await refused(tables)) == 5


@pytest.mark.checklist("H09", "I05")
async def test_what_has_an_entry_of_its_own_is_recorded_once(refusing: Stage, tables: Tables, network: str) -> None:
    assert (await refusing.person("visitor", network).get("/refuses-with-an-entry")).status_code == 409
    assert await tables.kinds() == ["password.refused"]


@pytest.mark.checklist("H09")
async def test_an_answer_stays_as_it_is_when_it_cannot_be_recorded(
    refusing: Stage, settings: Settings, network: str, caplog: pytest.LogCaptureFixture
) -> None:
    there = await refusing.person("visitor", network).get("/refuses-anybody/a limit")
    async with another_stage(settings, *ROUTES, **DATABASE_AWAY) as stage:
        away = await stage.person("visitor", network).get("/refuses-anybody/a limit")
    assert (away.status_code, away.content, away.headers) == (there.status_code, there.content, there.headers)
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert lines == ["A refusal could not be added to the audit trail: CannotConnect"]


@pytest.mark.checklist("H09")
async def test_a_network_that_has_used_up_its_share_is_recorded(
    stage: Stage, tables: Tables, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = timedelta(minutes=15)
    monkeypatch.setitem(LIMITS, Action.SIGN_IN, (Limit(99, window), Limit(2, window)))
    guessing = stage.person("visitor", network)
    for number in range(5):
        await guessing.post("/login", email=f"somebody{number}@example.com", password="a guess")
    [entry] = await refused(tables)
    assert (entry["actor_id"], entry["target_id"], entry["ip"]) == (None, None, network)
    assert entry["after"] == {"method": "POST", "route": "/login", "type": "too-many-attempts"}


@pytest.mark.checklist("H09", "I08")
async def test_who_leaves_takes_the_address_along(caller: Person, tables: Tables) -> None:
    await caller.get("/refuses/denied")
    assert (await caller.client.delete("/users/me")).status_code == 204
    [entry] = await refused(tables)
    assert entry["ip"] == ""
