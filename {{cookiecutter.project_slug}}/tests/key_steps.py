"""The steps in which SECRET_KEY is replaced (docs/secrets.md), and instances at each of them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from typing import Any
from typing import NamedTuple

from pydantic import SecretStr

from app.settings import Settings
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.other_services import another_stage

OLD = SecretStr("the key that is replaced, which is long enough")
NEW = SecretStr("the key that takes its place, which is long enough")
# Before the first step, and after each.
STEPS: list[dict[str, Any]] = [
    {"secret_key": OLD, "secret_key_previous": None},
    {"secret_key": OLD, "secret_key_previous": NEW},
    {"secret_key": NEW, "secret_key_previous": OLD},
    {"secret_key": NEW, "secret_key_previous": None},
]
# Instances that run at the same moment while a step is taken: what one begins, the other goes on with.
PAIRS = [(before, after) for step in (1, 2, 3) for before, after in ((step - 1, step), (step, step - 1))]


class Pair(NamedTuple):
    """Two instances; each sends mails of its own."""

    first: Stage
    second: Stage


@asynccontextmanager
async def running_at(settings: Settings, *steps: dict[str, Any]) -> AsyncIterator[list[Stage]]:
    """One instance for each of these steps."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(another_stage(settings, **step)) for step in steps]


def moved(person: Person, to: Stage) -> Person:
    """The same person with the same credentials, led to another instance."""
    there = to.person("grace")
    there.email, there.password = person.email, person.password
    kind.copy(person.client, there.client)
    return there


async def keeps_up(person: Person) -> bool:
    """Whether the credentials could be kept working, and work."""
    answer = await kind.keep_up(person.client)
    return (answer is None or answer.is_success) and await is_signed_in(person)


async def is_signed_in(person: Person) -> bool:
    """Whether a request is answered."""
    return (await person.get("/users/me")).status_code == 200
