"""Tokens with permissions, and tokens in the hands of administrators."""

from typing import Any

import pytest
from litestar import get
from litestar import post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar_users.guards import roles_accepted

from app.accounts.routes import SERVICE
from app.auth.user_sessions import UserRequest
from app.models import User
from app.permissions import ADMINISTRATOR
from app.permissions import Permission
from app.rbac.user_administration import AdministrationService
from app.settings import Settings
from tests.access_tokens.program import PATH
from tests.access_tokens.program import holding
from tests.access_tokens.program import make
from tests.access_tokens.program import program_of
from tests.access_tokens.program import token_of
from tests.access_tokens.test_requests import DENIED
from tests.access_tokens.test_requests import NOT_ACCEPTED
from tests.access_tokens.test_requests import UNAUTHORIZED
from tests.access_tokens.test_requests import kind_of
from tests.authorization import TABLE
from tests.authorization import TOKENS
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.command_line import Operator
from tests.other_services import another_stage
from tests.rbac.conftest import give
from tests.tables import Tables
from tests.test_authorization import REFUSALS
from tests.test_authorization import call

GUARDED = [route for route in TOKENS if TABLE[route] in set(Permission)]


async def revoke_roles(tables: Tables) -> None:
    """Take every role from everybody, past the service."""
    await tables.execute("DELETE FROM user_role")


@pytest.mark.checklist("L02")
@pytest.mark.parametrize("route", GUARDED)
async def test_a_token_needs_the_permission_itself(ada: Person, stage: Stage, route: str) -> None:
    needed = TABLE[route]
    with_it = await program_of(stage, ada, access="write", permissions=[needed])
    others = await program_of(stage, ada, access="write", permissions=sorted(set(Permission) - {needed}))
    none = await program_of(stage, ada, access="write")
    assert (await call(with_it, route)).status_code not in REFUSALS
    assert kind_of(await call(others, route)) == DENIED
    assert kind_of(await call(none, route)) == DENIED


async def test_a_permission_that_is_gone_from_the_table_is_refused_by_name(grace: Person, tables: Tables) -> None:
    await tables.execute(
        "INSERT INTO role (id, name, created_at, permissions) "
        "VALUES (gen_random_uuid(), 'former', now(), ARRAY['gone:read']::varchar[])"
    )
    await give(tables, grace, "former")
    await grace.sign_in()
    answer = await make(grace, permissions=["gone:read"])
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "permissions")


@pytest.mark.checklist("L02")
async def test_a_token_loses_what_its_owner_loses(ada: Person, stage: Stage, tables: Tables) -> None:
    program = await program_of(stage, ada, permissions=["users:read", "audit:read"])
    assert (await program.get("/users/me")).json()["permissions"] == ["audit:read", "users:read"]
    assert (await program.get("/users")).status_code == 200
    await revoke_roles(tables)
    assert kind_of(await program.get("/users")) == DENIED
    assert (await program.get("/users/me")).json()["permissions"] == []
    await give(tables, ada, "administrator")
    assert (await program.get("/users")).status_code == 200


@pytest.mark.checklist("L02")
@pytest.mark.parametrize("wanted", [["users:read"], ["made:up"], ["x" * 65]])
async def test_a_token_is_given_no_more_than_its_owner_has(grace: Person, wanted: list[str]) -> None:
    await grace.sign_in()
    answer = await make(grace, permissions=wanted)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["permissions"]
    assert (await make(grace, permissions=[])).json()["permissions"] == []


async def test_a_permission_that_is_named_twice_is_stored_once(ada: Person, tables: Tables) -> None:
    await ada.sign_in()
    made = await make(ada, permissions=["users:read", "audit:read", "users:read"])
    assert made.json()["permissions"] == ["audit:read", "users:read"]
    [row] = await tables.rows("access_token")
    assert row["permissions"] == ["audit:read", "users:read"]


@get("/own/role", access_tokens="read", guards=[roles_accepted("administrator")])
async def is_for_a_role() -> None:
    """A route whose guard knows roles and no tokens."""


@pytest.mark.checklist("L02")
async def test_a_guard_by_the_name_of_a_role_admits_no_token(ada: Person, stage: Stage, settings: Settings) -> None:
    program = await program_of(stage, ada)
    async with another_stage(settings, is_for_a_role) as own:
        answer = await holding(own, token_of(program)).get("/own/role")
    assert kind_of(answer) == NOT_ACCEPTED


def administrators_only(connection: ASGIConnection[Any, User, Any, Any], _: BaseRouteHandler) -> None:
    """A guard of an owner that judges the names of roles."""
    if ADMINISTRATOR not in connection.user.role_names:
        raise PermissionDeniedException


@get("/own/role-name", access_tokens="read", guards=[administrators_only])
async def is_for_the_name_of_a_role() -> None:
    """A route that is open to tokens, with that guard."""


@pytest.mark.checklist("L02")
async def test_a_token_has_no_roles(ada: Person, stage: Stage, settings: Settings, tables: Tables) -> None:
    program = await program_of(stage, ada)
    async with another_stage(settings, is_for_the_name_of_a_role) as own:
        assert (await own.copy_of(ada).get("/own/role-name")).status_code == 200
        assert kind_of(await holding(own, token_of(program)).get("/own/role-name")) == DENIED
    shown = (await program.get("/users/me")).json()
    assert (shown["roles"], shown["permissions"]) == ([], [])
    program = await program_of(stage, ada, permissions=["users:read"])
    await give(tables, await stage.verified("grace"), "administrator")
    # Those of other users are shown.
    listed = {user["email"]: user["roles"] for user in (await program.get("/users")).json()["items"]}
    assert listed == {ada.email: [], "grace@example.com": ["administrator"]}


@post("/own/leaving", access_tokens="write", dependencies=SERVICE)
async def deletes_its_caller(request: UserRequest, service: NamedDependency[AdministrationService]) -> None:
    """A route of an owner that deletes accounts."""
    await service.delete_account(request.user.id)


async def test_the_last_administrator_stays_one_whatever_a_token_does(
    ada: Person, stage: Stage, settings: Settings
) -> None:
    program = await program_of(stage, ada, access="write")
    async with another_stage(settings, deletes_its_caller) as own:
        assert (await holding(own, token_of(program)).post("/own/leaving")).status_code == 409
    assert (await ada.get("/users/me")).json()["roles"] == ["administrator"]


@pytest.mark.checklist("L03")
async def test_a_token_of_an_administrator_gives_and_ends_nothing(ada: Person, stage: Stage, tables: Tables) -> None:
    program = await program_of(stage, ada, access="write", permissions=sorted(Permission))
    grace = await stage.verified("grace")
    await grace.sign_in()
    ids: dict[str, Any] = {"user_id": await grace.id(), "role_id": (await tables.rows("role"))[0]["id"]}
    acts = [
        ("POST", "/users", {"email": "new@example.com", "roles": ["administrator"]}),
        ("PATCH", "/users/{user_id}", {"is_active": False}),
        ("DELETE", "/users/{user_id}", None),
        ("POST", "/users/{user_id}/reset-password", {}),
        ("GET", "/users/{user_id}/sessions", None),
        ("DELETE", "/users/{user_id}/sessions", None),
        ("GET", "/users/{user_id}/access-tokens", None),
        ("PUT", "/users/roles/assign", {key: str(value) for key, value in ids.items()}),
        ("PUT", "/users/roles/revoke", {key: str(value) for key, value in ids.items()}),
        ("POST", "/users/roles", {"name": "new", "permissions": ["users:read"]}),
        ("PATCH", "/users/roles/{role_id}", {"description": "x"}),
        ("DELETE", "/users/roles/{role_id}", None),
    ]
    for method, path, body in acts:
        answer = await program.client.request(method, path.format(**ids), json=body)
        assert kind_of(answer) == NOT_ACCEPTED, path
    assert (await grace.get("/users/me")).status_code == 200


@pytest.mark.checklist("L04", "L05")
async def test_administrators_see_and_end_the_tokens_of_a_user(
    ada: Person, grace: Person, stage: Stage, tables: Tables
) -> None:
    program = await program_of(stage, grace)
    path = f"/users/{await grace.id()}/access-tokens"
    [listed] = (await ada.get(path)).json()
    assert listed == (await grace.get(PATH)).json()[0]
    assert (await ada.client.delete(f"{path}/{listed['id']}")).status_code == 204
    assert (await ada.client.delete(f"{path}/{listed['id']}")).status_code == 404
    assert kind_of(await program.get("/users/me")) == UNAUTHORIZED
    assert "was deleted" in text_of(grace.outbox.to(grace)[-1])
    [entry] = [row for row in await tables.rows("audit_event") if row["kind"] == "access-token.ended"]
    assert str(entry["actor_id"]) == await ada.id()
    assert str(entry["target_id"]) == await grace.id()


async def test_no_one_ends_the_tokens_of_a_user_who_may_do_more(
    ada: Person, mallory: Person, stage: Stage, tables: Tables
) -> None:
    await program_of(stage, ada)
    [token] = (await ada.get(PATH)).json()
    await tables.execute(
        "INSERT INTO role (id, name, created_at, permissions) "
        "VALUES (gen_random_uuid(), 'support', now(), ARRAY['sessions:manage']::varchar[])"
    )
    await give(tables, mallory, "support")
    await mallory.sign_in()
    answer = await mallory.client.delete(f"/users/{await ada.id()}/access-tokens/{token['id']}")
    assert kind_of(answer) == DENIED


@pytest.mark.checklist("L04")
@pytest.mark.parametrize("change", [{"is_active": False}, {"is_verified": False}])
async def test_deactivation_ends_tokens_for_good(
    ada: Person, grace: Person, stage: Stage, change: dict[str, bool]
) -> None:
    program = await program_of(stage, grace)
    path = f"/users/{await grace.id()}"
    for value in (change, dict.fromkeys(change, True)):
        assert (await ada.client.patch(path, json=value)).status_code == 200
        assert kind_of(await program.get("/users/me")) == UNAUTHORIZED


async def test_the_command_line_gives_a_token_permissions_of_its_owner(
    operator: Operator, ada: Person, grace: Person, stage: Stage
) -> None:
    words = ("create-token", "--name", "backup", "--permission", "users:read", "--email")
    done = await operator.types(*words, ada.email)
    program = holding(stage, done.stdout.strip())
    assert (await program.get("/users")).status_code == 200
    assert kind_of(await program.get("/audit-events")) == DENIED
    refused = await operator.types(*words, grace.email)
    assert refused.exit_code == 1
    assert "Not permitted to this user: users:read." in refused.output
