"""Log lines: what they name, what they leave out, and that a machine can read them in production."""

import io
import json
import logging
from collections.abc import AsyncIterator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from litestar import Request
from litestar import get
from litestar import post

from app.database.sessions import request_session
from app.models import User
from app.operations import logs
from app.settings import Environment
from app.settings import Settings
from app.settings.types import Switch
from tests.cast import Person
from tests.cast import Stage
from tests.other_services import another_stage

CANARY = "a canary sings 7f3c in the mine"
OURS = ("app", *logs.TAKEN_OVER)


@contextmanager
def console(settings: Settings, **changes: object) -> Iterator[io.StringIO]:
    """What a service with these settings prints."""
    root, printed = logging.getLogger(), io.StringIO()
    before = {logger: (logger.level, logger.handlers[:]) for logger in (root, *map(logging.getLogger, OURS))}
    changed = settings.model_copy(update=changes)
    root.handlers.clear()
    try:
        logs.configure(changed)
        [handler] = root.handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(printed)
        yield printed
    finally:
        logs.logger.disabled = False
        for logger, (level, handlers) in before.items():
            logger.setLevel(level)
            logger.handlers = handlers


@pytest.fixture
def production(settings: Settings) -> Iterator[io.StringIO]:
    """What is printed in production."""
    with console(settings, environment=Environment.PRODUCTION) as printed:
        yield printed


def lines(printed: io.StringIO, logger: str = "app.requests") -> list[dict[str, Any]]:
    """The lines of a logger, as a machine reads them."""
    return [line for line in map(json.loads, printed.getvalue().splitlines()) if line["logger"] == logger]


@get("/broken", exclude_from_auth=True)
async def broken() -> None:
    """Hold a secret and fail."""
    secret = CANARY
    raise ValueError(len(secret))


@post("/conflict")
async def contradict(request: Request[User, Any, Any]) -> None:
    """Store what contradicts what is there."""
    session = request_session(request)
    session.add(User(email=request.user.email, password_hash="!"))
    await session.flush()


@pytest.fixture
async def with_a_bug(settings: Settings, tables: object) -> AsyncIterator[Stage]:  # noqa: ARG001  # empties them
    """A service with routes that fail."""
    async with another_stage(settings, broken, contradict) as stage:
        yield stage


async def test_an_answer_has_a_line_with_its_request_and_its_user(grace: Person, production: io.StringIO) -> None:
    await grace.sign_in()
    me = (await grace.get("/users/me")).json()
    *_, line = lines(production)
    assert line.pop("milliseconds") > 0
    assert line.pop("timestamp").endswith("Z")
    assert len(line.pop("request_id")) == 32
    shown = {"status": 200, "ip": "192.0.2.1", "user_id": me["id"], "level": "info", "logger": "app.requests"}
    assert line == {"event": "GET /users/me"} | shown


@pytest.mark.checklist("A06")
async def test_lines_show_paths_without_their_queries(visitor: Person, production: io.StringIO) -> None:
    await visitor.get(f"/verify?token={CANARY}")
    await visitor.get(f"/nowhere?token={CANARY}")
    assert [line["event"] for line in lines(production)] == ["GET /verify", "GET /nowhere"]
    assert [line["ip"] for line in lines(production)] == ["192.0.2.1", "192.0.2.1"]
    assert "canary" not in production.getvalue()


async def test_lines_say_which_method_a_request_has(with_a_bug: Stage, production: io.StringIO) -> None:
    visitor = with_a_bug.person("visitor")
    for path in ("/verify", "/nowhere", "/broken"):
        await visitor.client.head(path)
    assert [line["event"] for line in lines(production)] == ["HEAD /verify", "HEAD /nowhere", "HEAD /broken"]


async def test_a_path_cannot_begin_a_line_of_its_own(visitor: Person, settings: Settings) -> None:
    with console(settings) as printed:
        await visitor.get("/no%0Awhere%1b[31m")
    assert "GET /no%0Awhere%1B%5B31m" in printed.getvalue()
    assert len(printed.getvalue().splitlines()) == 1


async def test_those_who_watch_the_process_fill_no_log(visitor: Person, production: io.StringIO) -> None:
    await visitor.get("/health")
    await visitor.get("/health/ready")
    assert lines(production) == []


async def test_lines_for_answers_can_be_turned_off(visitor: Person, settings: Settings) -> None:
    with console(settings, access_log=Switch.OFF) as printed:
        await visitor.get("/users/me")
    assert printed.getvalue() == ""


@pytest.mark.checklist("C06")
@pytest.mark.parametrize("environment", [Environment.PRODUCTION, Environment.DEVELOPMENT])
async def test_a_failure_is_logged_with_its_request_and_without_the_values_of_variables(
    with_a_bug: Stage, settings: Settings, environment: Environment
) -> None:
    with console(settings, environment=environment) as printed:
        assert (await with_a_bug.person("visitor").get("/broken?token=abc")).status_code == 500
    shown = printed.getvalue()
    assert "ValueError: 31" in shown
    assert "in broken" in shown
    assert CANARY not in shown
    assert "token=abc" not in shown
    assert "request_id" in shown


async def test_lines_of_the_same_request_have_the_same_number(with_a_bug: Stage, production: io.StringIO) -> None:
    await with_a_bug.person("visitor").get("/broken")
    [failure], [answer] = lines(production, "app.http.error_responses"), lines(production)
    assert failure["level"] == "error"
    assert failure["request_id"] == answer["request_id"]
    assert answer["status"] == 500


async def test_whose_request_it_was_is_known_after_a_rollback(with_a_bug: Stage, production: io.StringIO) -> None:
    grace = await with_a_bug.verified("grace")
    await grace.sign_in()
    me = (await grace.get("/users/me")).json()
    assert (await grace.post("/conflict")).status_code == 409
    *_, line = lines(production)
    assert (line["event"], line["status"], line["user_id"]) == ("POST /conflict", 409, me["id"])


def test_what_libraries_log_has_the_same_form(production: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info("Started %s", "it", extra={"color_message": "Started [36m%s[0m"})
    logging.getLogger("a.library").info("says what it does")
    logging.getLogger("uvicorn.access").info('%s - "%s"', "127.0.0.1:5", "GET /verify?token=abc")
    [line] = lines(production, "uvicorn.error")
    assert line["event"] == "Started it"
    assert len(production.getvalue().splitlines()) == 1
    assert "color" not in production.getvalue()
