"""Permissions that want a strong sign-in, and the removal of a user's factors by an administrator."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from httpx import Response

from app.permissions import ADMINISTRATOR
from app.permissions import Permission
from app.settings import Environment
from app.settings import Settings
from app.settings.factors import SecondFactor
from app.settings.factors import second_factor_of
from tests.access_tokens.program import holding
from tests.access_tokens.program import make
from tests.cast import Person
from tests.cast import Stage
from tests.command_line import Operator
from tests.credentials import kind
from tests.factors.steps import add_totp
from tests.factors.steps import first_step
from tests.factors.steps import second_step
from tests.factors.steps import type_of
from tests.other_services import another_stage
from tests.rbac.conftest import give
from tests.rbac.feature import ROUTES
from tests.tables import Tables
from tests.test_authorization import call
from tests.test_doctor import ask

WEAK = (403, "strong-sign-in-required")


@pytest.fixture
async def strict(settings: Settings, tables: Tables) -> AsyncIterator[Stage]:
    """A service that asks administrators for a factor."""
    del tables
    async with another_stage(settings, second_factor=SecondFactor.PRIVILEGED) as stage:
        yield stage


@pytest.fixture
async def admin(strict: Stage, tables: Tables) -> Person:
    """An administrator without a factor, signed in there."""
    admin = await strict.verified("ada")
    await give(tables, admin, ADMINISTRATOR)
    await admin.sign_in()
    return admin


@pytest.mark.checklist("K12")
async def test_an_administrator_without_a_factor_is_led_to_one(admin: Person) -> None:
    answers = {route: await call(admin, route) for route in ROUTES}
    assert {type_of(answer) for answer in answers.values()} == {WEAK}
    assert {answer.json()["enrol"] for answer in answers.values()} == {"/users/me/factors"}
    assert (await admin.get("/users/me")).status_code == 200
    await add_totp(admin)
    assert (await admin.get("/users")).status_code == 200


@pytest.mark.checklist("K12")
@pytest.mark.skipif(not kind.COOKIES, reason="The client keeps its token, and the factor makes it strong.")
async def test_a_copy_of_the_former_cookies_is_not_strong(admin: Person, strict: Stage) -> None:
    copy = strict.copy_of(admin)
    await add_totp(admin)
    assert (await copy.get("/users")).status_code in {401, 403}


@pytest.mark.checklist("K12", "L02")
async def test_no_token_is_strong_without_a_factor(admin: Person, strict: Stage) -> None:
    await add_totp(admin)
    program = holding(strict, (await make(admin, permissions=["users:read"])).json()["token"])
    assert (await program.get("/users")).status_code == 200
    assert (await admin.client.delete("/users/me/totp")).status_code == 204
    assert type_of(await program.get("/users")) == WEAK
    assert (await program.get("/users/me")).status_code == 200


@pytest.mark.checklist("K12")
async def test_without_the_permission_a_factor_plays_no_part(strict: Stage) -> None:
    grace = await strict.verified("grace")
    await grace.sign_in()
    assert type_of(await grace.get("/users")) == (403, "permission-denied")


@pytest.mark.checklist("K12", "H07")
async def test_an_act_is_judged_on_the_strength_that_the_sign_in_has_by_then(
    admin: Person, tables: Tables, strict: Stage
) -> None:
    await add_totp(admin)
    grace = await strict.verified("grace")
    del grace
    user_id = next(row["id"] for row in await tables.rows("user") if row["email"] == "grace@example.com")

    async def deactivate() -> Response:
        return await admin.client.patch(f"/users/{user_id}", json={"is_active": False})

    at_once = """WITH weaker AS (UPDATE user_session SET amr = '{pwd}') UPDATE "user" SET display_name = display_name"""
    async with tables.changing(at_once):
        acting = asyncio.create_task(deactivate())
        await tables.somebody_waits()
    answer = await acting
    assert type_of(answer) == WEAK


@pytest.mark.checklist("K12")
def test_production_asks_administrators_by_default(settings: Settings) -> None:
    production = settings.model_copy(update={"environment": Environment.PRODUCTION})
    assert second_factor_of(production) is SecondFactor.PRIVILEGED
    assert second_factor_of(settings) is SecondFactor.OPTIONAL
    assert second_factor_of(production.model_copy(update={"second_factor": SecondFactor.OPTIONAL})) == "optional"
    administration = {*ROUTES.values()}
    assert {permission for permission in Permission if permission.is_strong} == administration
    assert Permission("users:read") is Permission.USERS_READ


@pytest.mark.checklist("K10", "H06")
async def test_an_administrator_removes_the_factors_of_a_user(
    ada: Person, signed_in: Person, stage: Stage, tables: Tables
) -> None:
    path = f"/users/{await signed_in.id()}/factors"
    await signed_in.post("/users/me/totp")
    assert (await ada.client.delete(path)).status_code == 404
    await add_totp(signed_in)
    program = holding(stage, (await make(signed_in)).json()["token"])
    assert (await ada.client.delete(path)).status_code == 204
    assert (await signed_in.get("/users/me")).status_code == 401
    assert (await program.get("/users/me")).status_code == 401
    assert str(signed_in.outbox.to(signed_in)[-1]["Subject"]).endswith("was removed")
    [entry] = await tables.trail("factor.all-removed")
    assert str(entry["actor_id"]) == await ada.id()
    assert (await signed_in.sign_in()).status_code == 201
    assert (await ada.client.delete(path)).status_code == 404


@pytest.mark.checklist("K10")
async def test_nobody_removes_their_own_or_those_of_an_administrator_above(
    ada: Person, stage: Stage, tables: Tables
) -> None:
    assert (await ada.client.delete(f"/users/{await ada.id()}/factors")).status_code == 409
    await tables.execute(
        "INSERT INTO role (id, name, created_at, permissions) "
        "VALUES (gen_random_uuid(), 'help', now(), ARRAY['users:manage']::varchar[])"
    )
    helper = await stage.verified("helper")
    await give(tables, helper, "help")
    await helper.sign_in()
    await add_totp(ada)
    assert (await helper.client.delete(f"/users/{await ada.id()}/factors")).status_code == 403


@pytest.mark.checklist("K12", "H05")
async def test_the_first_administrator_is_told_what_comes_next(settings: Settings, tables: Tables) -> None:
    del tables
    strict = settings.model_copy(update={"second_factor": SecondFactor.PRIVILEGED})
    told = await Operator(strict).types("create-admin", "--email", "ada@example.com")
    assert "needs a second factor" in told.output
    told = await Operator(settings).types("create-admin", "--email", "eve@example.com")
    assert "second factor" not in told.output


@pytest.mark.checklist("K12")
async def test_a_recovery_code_opens_administration(admin: Person) -> None:
    _, codes = await add_totp(admin)
    asked = await first_step(admin)
    kind.present(admin.client, await second_step(admin, asked["challenge"], recovery_code=codes[0]))
    assert (await admin.get("/users")).status_code == 200


@pytest.mark.checklist("K12")
async def test_the_doctor_counts_privileged_users_without_a_factor(
    settings: Settings, ada: Person, grace: Person
) -> None:
    del grace
    strict = settings.model_copy(update={"second_factor": SecondFactor.PRIVILEGED})
    assert "without a second factor: 1." in (await ask(settings)).output
    assert "They cannot use these." in (await ask(strict)).output
    await add_totp(ada)
    assert "second factor" not in (await ask(settings)).output


@pytest.mark.checklist("K12", "L02")
async def test_a_token_is_as_strong_as_the_sign_in_that_makes_it(admin: Person, strict: Stage, tables: Tables) -> None:
    refused = await make(admin, permissions=["users:read"])
    assert type_of(refused) == WEAK
    assert await tables.rows("access_token") == []
    weak = holding(strict, (await make(admin, permissions=[])).json()["token"])
    await add_totp(admin)
    assert (await weak.get("/users/me")).status_code == 200
    strong = holding(strict, (await make(admin, permissions=["users:read"])).json()["token"])
    assert (await strong.get("/users")).status_code == 200
    await tables.execute("UPDATE access_token SET is_strong = false")
    assert type_of(await strong.get("/users")) == WEAK
