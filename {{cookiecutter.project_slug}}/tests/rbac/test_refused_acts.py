"""What administrators are refused is in the trail, with whom it was about."""

from typing import Any

import pytest

from tests.cast import Person
from tests.cast import Stage
from tests.rbac.conftest import give
from tests.rbac.test_trail import trail
from tests.tables import Tables


async def refused(ada: Person) -> list[tuple[str, ...]]:
    """What was refused, the latest first: method, route, type, target and actor."""
    names = ("method", "route", "type")
    entries = await trail(ada, kind="act.refused")
    return [(*(entry["after"][name] for name in names), entry["target_id"], entry["actor_id"]) for entry in entries]


@pytest.mark.checklist("H09")
async def test_an_ordinary_user_who_tries_what_administrators_do_is_recorded(ada: Person, grace: Person) -> None:
    await grace.sign_in()
    grace_id, ada_id = await grace.id(), await ada.id()
    assert (await grace.client.delete(f"/users/{ada_id}")).status_code == 403
    assert (await grace.get("/users")).status_code == 403
    entry = {"method": "DELETE", "route": "/users/{user_id}", "type": "permission-denied"}
    [stored] = await trail(ada, kind="act.refused")
    assert (stored["actor_id"], stored["target_id"], stored["after"]) == (grace_id, ada_id, entry)
    assert stored["ip"] == "192.0.2.1"
    assert stored["request_id"]


@pytest.mark.checklist("H09", "H04")
@pytest.mark.parametrize(
    ("method", "path", "body", "route"),
    [
        ("DELETE", "/users/{ada}", None, "/users/{user_id}"),
        ("PATCH", "/users/{ada}", {"is_active": False}, "/users/{user_id}"),
        ("DELETE", "/users/roles/{role}", None, "/users/roles/{role_id}"),
        ("PATCH", "/users/roles/{role}", {"name": "others"}, "/users/roles/{role_id}"),
        ("PUT", "/users/roles/revoke", {"user_id": "{ada}", "role_id": "{role}"}, "/users/roles/revoke"),
        ("PUT", "/users/roles/assign", {"user_id": "{ada}", "role_id": "{role}"}, "/users/roles/assign"),
    ],
)
async def test_an_act_against_a_rule_is_recorded_with_its_target(  # noqa: PLR0913, PLR0917  # the cast and the table
    ada: Person, administrators: dict[str, Any], method: str, path: str, body: dict[str, Any] | None, route: str
) -> None:
    ids = {"ada": await ada.id(), "role": administrators["id"]}
    sent = {name: value.format(**ids) if isinstance(value, str) else value for name, value in (body or {}).items()}
    answer = await ada.client.request(method, path.format(**ids), json=sent if body else None)
    assert answer.status_code == 409, answer.text
    target = ids["role"] if "{role}" in path else ids["ada"]
    assert await refused(ada) == [(method, route, "conflict", target, ids["ada"])]


@pytest.mark.checklist("H09")
async def test_an_act_beyond_the_reach_of_the_caller_is_recorded(ada: Person, stage: Stage, tables: Tables) -> None:
    await tables.execute("UPDATE role SET permissions = ARRAY['users:manage'] WHERE name = 'member'")
    barbara = await stage.verified("barbara")
    await give(tables, barbara, "member")
    await barbara.sign_in()
    ada_id = await ada.id()
    assert (await barbara.client.patch(f"/users/{ada_id}", json={"is_active": False})).status_code == 403
    expected = ("PATCH", "/users/{user_id}", "permission-denied", ada_id, await barbara.id())
    assert await refused(ada) == [expected]
