"""The commands that list, deactivate and activate users: what they print, and what they change."""

import asyncio

import pytest

from app.accounts.commands import DELETED
from tests.cast import Person
from tests.command_line import Operator
from tests.tables import Tables


async def test_users_are_listed_by_address_with_their_state(operator: Operator, grace: Person, visitor: Person) -> None:
    await visitor.register()
    listed = await operator.types("list-users")
    assert (listed.exit_code, listed.stderr) == (0, "")
    lines = listed.stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines] == sorted([[grace.email, "active"], [visitor.email, "unverified"]])
    of_grace = [line for line in lines if line.startswith(grace.email)]
    for words, found in (
        (("--search", grace.email[:4].upper()), of_grace),
        (("--state", "active"), of_grace),
        (("--state", "inactive"), []),
    ):
        assert (await operator.types("list-users", *words)).stdout.splitlines() == found


@pytest.mark.usefixtures("grace")
async def test_a_list_that_is_cut_off_says_so(operator: Operator, visitor: Person) -> None:
    await visitor.register()
    listed = await operator.types("list-users", "--limit", "1")
    assert (listed.exit_code, len(listed.stdout.splitlines())) == (0, 1)
    assert listed.stderr.startswith("More than 1 users match. ")


async def test_a_deactivated_user_is_signed_out_and_cannot_sign_in(
    operator: Operator, grace: Person, tables: Tables
) -> None:
    await grace.sign_in()
    for _ in range(2):
        done = await operator.types("deactivate-user", "--email", grace.email)
        assert (done.exit_code, done.output) == (0, f"{grace.email} is deactivated and signed out everywhere.\n")
    assert (await grace.get("/users/me")).status_code == 401
    assert (await grace.sign_in()).status_code == 401
    events = await tables.trail("user.changed")
    assert [(event["actor_id"], event["after"]) for event in events] == [(None, {"is_active": False})]


async def test_an_activated_user_signs_in_again(operator: Operator, grace: Person, tables: Tables) -> None:
    await operator.types("deactivate-user", "--email", grace.email)
    for _ in range(2):
        done = await operator.types("activate-user", "--email", grace.email)
        assert (done.exit_code, done.output) == (0, f"{grace.email} is no longer deactivated.\n")
    assert (await grace.sign_in()).status_code == 201
    assert (await tables.kinds()).count("user.changed") == 2


@pytest.mark.parametrize("command", ["deactivate-user", "activate-user"])
async def test_an_unknown_user_is_an_error(operator: Operator, command: str) -> None:
    refused = await operator.types(command, "--email", "unknown@example.com")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "Error: No user has the address unknown@example.com. Nothing was changed.\n"


async def test_a_user_who_is_deleted_meanwhile_is_reported_in_one_line(
    operator: Operator, grace: Person, tables: Tables
) -> None:
    async with tables.holding('DELETE FROM "user"'):
        command = asyncio.create_task(operator.types("deactivate-user", "--email", grace.email))
    refused = await command
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"Error: {DELETED} Nothing was changed.\n"
