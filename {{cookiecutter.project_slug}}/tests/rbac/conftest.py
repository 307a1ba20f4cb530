"""Who administers."""

from typing import Any

import pytest

from app.permissions import ADMINISTRATOR
from tests.cast import Person
from tests.cast import Stage
from tests.rbac.feature import GIVE
from tests.tables import Tables


async def give(tables: Tables, person: Person, role: str) -> None:
    """Give a role past the service."""
    await tables.execute(GIVE.format(email=person.email, role=role))


@pytest.fixture
async def ada(stage: Stage, tables: Tables) -> Person:
    """An administrator, signed in."""
    ada = await stage.verified("ada")
    await give(tables, ada, ADMINISTRATOR)
    await ada.sign_in()
    return ada


@pytest.fixture
async def editors(ada: Person) -> dict[str, Any]:
    """A role that may read roles."""
    answer = await ada.post("/users/roles", name="editors", description="They edit.", permissions=["roles:read"])
    role: dict[str, Any] = answer.json()
    return role


@pytest.fixture
async def administrators(ada: Person) -> dict[str, Any]:
    """The role that the migration makes."""
    roles: list[dict[str, Any]] = (await ada.get("/users/roles")).json()
    return next(role for role in roles if role["name"] == ADMINISTRATOR)
