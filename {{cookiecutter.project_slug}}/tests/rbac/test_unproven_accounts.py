"""An unproven account with a role is kept, however it got the role."""

from datetime import timedelta

import pytest
from litestar import Litestar

from app.operations.expired_rows import remove_expired_rows
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.rbac.conftest import give
from tests.rbac.test_users import id_of
from tests.tables import Tables

LONG = timedelta(days=365)


async def invite(ada: Person, person: Person, *roles: str) -> None:
    """Invite a user with these roles."""
    assert (await ada.post("/users", email=person.email, roles=[*roles])).status_code == 201


@pytest.mark.checklist("A11")
@pytest.mark.parametrize("way", ["invited", "assigned", "revoked later", "by SQL", "invited after a sign-up", "none"])
async def test_an_account_with_a_role_stays(  # noqa: PLR0913, PLR0917  # fixtures and parameters
    app: Litestar, ada: Person, visitor: Person, clock: Clock, tables: Tables, way: str
) -> None:
    if way == "invited after a sign-up":
        await visitor.register()
    await invite(ada, visitor, *(["member"] if way.startswith("invited") else []))
    if way in {"assigned", "revoked later"}:
        roles = {role["name"]: role["id"] for role in (await ada.get("/users/roles")).json()}
        body = {"user_id": await id_of(visitor, tables), "role_id": roles["member"]}
        for act in ("assign", "revoke") if way == "revoked later" else ("assign",):
            assert (await ada.client.put(f"/users/roles/{act}", json=body)).status_code == 200
    if way == "by SQL":
        await give(tables, visitor, "member")
    clock.advance(LONG)
    await remove_expired_rows(app)
    left = {row["email"] for row in await tables.rows("user")}
    assert left == ({ada.email} if way == "none" else {ada.email, visitor.email})


@pytest.mark.checklist("A11")
async def test_an_account_whose_proof_an_administrator_has_taken_back_stays(  # noqa: PLR0913, PLR0917  # fixtures
    app: Litestar, ada: Person, grace: Person, clock: Clock, tables: Tables, outbox: Outbox
) -> None:
    answer = await ada.client.patch(f"/users/{await id_of(grace, tables)}", json={"is_verified": False})
    assert answer.status_code == 200
    await ada.post("/users", email=grace.email, roles=[])
    clock.advance(LONG)
    await remove_expired_rows(app)
    assert grace.email in {row["email"] for row in await tables.rows("user")}
    await grace.post("/forgot-password", email=grace.email)
    reset = {"token": outbox.token_for(grace), "password": PASSWORD}
    assert (await grace.post("/reset-password", **reset)).status_code == 204
