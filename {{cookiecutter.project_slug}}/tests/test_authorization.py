"""Every route of the OpenAPI document responds to every kind of caller as the table says."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from httpx import Response

from app.asgi import create_app
from app.settings import Settings
from tests.authorization import TABLE
from tests.authorization import Access
from tests.cast import Clock
from tests.cast import Person
from tests.credentials import kind
from tests.tables import Tables

UNAUTHORIZED = (401, "/problems/not-authenticated")
NOT_FRESH = (403, "/problems/reauthentication-required")
REFUSALS = {401, 403}
CLOSED = [route for route, access in TABLE.items() if access != Access.PUBLIC]
# A public route that answers 401 to callers that present nothing.
TELLS_BY_401 = set(kind.ROUTES)
OPEN_TO_USERS = [route for route, access in TABLE.items() if access in set(Access) and route not in TELLS_BY_401]


async def call(person: Person, route: str) -> Response:
    """Call the route with an id that does not exist, and an empty body."""
    method, path = route.split()
    body: dict[str, str] | None = None if method in {"GET", "DELETE"} else {}
    return await person.client.request(method, re.sub(r"{\w+}", str(UUID(int=0)), path), json=body)


def kind_of(answer: Response) -> tuple[int, str]:
    """The status of a refusal and its type."""
    return answer.status_code, answer.json()["type"]


@pytest.mark.checklist("H02")
def test_the_table_has_every_route_and_no_other(settings: Settings) -> None:
    # Other tests give the one of the whole run routes of their own.
    paths = create_app(settings).openapi_schema.to_schema()["paths"]
    assert {f"{method.upper()} {path}" for path, item in paths.items() for method in item} == set(TABLE)


@pytest.mark.checklist("H02")
async def test_requests_without_credentials_are_refused(visitor: Person) -> None:
    answers = {route: kind_of(await call(visitor, route)) for route in CLOSED}
    assert answers == dict.fromkeys(CLOSED, UNAUTHORIZED)


@pytest.mark.checklist("H02", "E11")
@pytest.mark.parametrize("state", ["is_active = false", "is_verified = false"])
async def test_a_user_who_may_not_sign_in_is_refused_everywhere(grace: Person, tables: Tables, state: str) -> None:
    await grace.sign_in()
    await tables.execute(f'UPDATE "user" SET {state}')  # noqa: S608  # written above
    answers = {route: kind_of(await call(grace, route)) for route in CLOSED}
    assert answers == dict.fromkeys(CLOSED, UNAUTHORIZED)


@pytest.mark.checklist("H02")
async def test_anybody_is_let_in_to_what_is_public(visitor: Person) -> None:
    public = set(TABLE) - set(CLOSED) - TELLS_BY_401
    answers = {route: (await call(visitor, route)).status_code for route in public}
    assert not {route: status for route, status in answers.items() if status in REFUSALS or status >= 500}


@pytest.mark.checklist("H02")
@pytest.mark.parametrize("route", OPEN_TO_USERS)
async def test_an_ordinary_user_is_let_in_to_what_is_theirs(grace: Person, route: str) -> None:
    await grace.sign_in()
    answer = await call(grace, route)
    assert answer.status_code not in REFUSALS
    assert answer.status_code < 500


@pytest.mark.checklist("H02", "D10")
@pytest.mark.parametrize("route", OPEN_TO_USERS)
async def test_a_sign_in_that_is_ten_minutes_old_is_fresh_no_longer(grace: Person, clock: Clock, route: str) -> None:
    await grace.sign_in()
    clock.advance(timedelta(minutes=10))
    await kind.keep_up(grace.client)
    answer = await call(grace, route)
    if TABLE[route] == Access.FRESH:
        assert kind_of(answer) == NOT_FRESH
    else:
        assert answer.status_code not in REFUSALS


@pytest.mark.checklist("H03")
@pytest.mark.parametrize("path", ["/private/schema", "/users/me/schema", "/schema-x", "/health/x", "/login/x"])
async def test_a_path_that_contains_the_word_of_an_open_one_is_not_open(visitor: Person, path: str) -> None:
    assert (await visitor.get(path)).status_code == 404
