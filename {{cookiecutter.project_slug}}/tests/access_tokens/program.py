"""A program that acts for a user with a token."""

from typing import Any

from httpx import Response

from tests.cast import Person
from tests.cast import Stage

PATH = "/users/me/access-tokens"
READ = {"name": "nightly job", "access": "read", "expires_in_days": 30}
WRITE = READ | {"access": "write"}


async def make(owner: Person, **changes: Any) -> Response:
    """Make a token that may read; `owner` has just signed in."""
    return await owner.client.post(PATH, json=READ | changes)


async def program_of(stage: Stage, owner: Person, address: str = "192.0.2.1", **changes: Any) -> Person:
    """A program with a token of this owner, who is signed in now."""
    await owner.sign_in()
    answer = await make(owner, **changes)
    assert answer.status_code == 201, answer.text
    return holding(stage, answer.json()["token"], address)


def holding(stage: Stage, token: str, address: str = "192.0.2.1") -> Person:
    """A program with this token."""
    program = stage.person("program", address)
    program.client.headers["Authorization"] = f"Bearer {token}"
    return program


def token_of(program: Person) -> str:
    """What the program sends."""
    return program.client.headers["Authorization"].removeprefix("Bearer ")
