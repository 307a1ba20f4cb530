"""The commands about users and their roles: what they print, and what they change."""

import asyncio

import pytest

from app.accounts.commands import DELETED
from tests.cast import Person
from tests.command_line import Operator
from tests.tables import Tables


async def test_users_are_listed_with_their_roles(
    operator: Operator, ada: Person, grace: Person, visitor: Person
) -> None:
    await visitor.register()
    listed = await operator.types("list-users")
    lines = [f"{ada.email}\tactive\tadministrator", f"{grace.email}\tactive\t", f"{visitor.email}\tunverified\t"]
    assert (listed.exit_code, listed.stdout.splitlines(), listed.stderr) == (0, sorted(lines), "")
    for words, found in (
        (("--search", grace.email[:4].upper()), lines[1:2]),
        (("--role", "Administrator"), lines[:1]),
        (("--state", "unverified"), lines[2:]),
        (("--state", "inactive"), []),
    ):
        assert (await operator.types("list-users", *words)).stdout.splitlines() == found


async def test_a_revoked_role_is_gone_and_recorded_once(operator: Operator, grace: Person, tables: Tables) -> None:
    await operator.types("assign-role", "--email", grace.email, "--role", "member")
    for _ in range(2):
        done = await operator.types("revoke-role", "--email", grace.email, "--role", "member")
        assert (done.exit_code, done.output) == (0, f"{grace.email} does not have the role member.\n")
    assert await tables.rows("user_role") == []
    assert (await tables.kinds()).count("role.revoked") == 1


@pytest.mark.parametrize("words", [["deactivate-user"], ["revoke-role", "--role", "administrator"]])
async def test_the_last_administrator_stays(operator: Operator, ada: Person, tables: Tables, words: list[str]) -> None:
    before = [await tables.rows(name) for name in ("user", "user_role")]
    refused = await operator.types(*words, "--email", ada.email)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: This is the last administrator. ")
    assert [await tables.rows(name) for name in ("user", "user_role")] == before


@pytest.mark.usefixtures("grace")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["revoke-role", "--email", "nobody@example.com", "--role", "member"], "No user has the address "),
        (["revoke-role", "--email", "grace@example.com", "--role", "nothing"], "The role nothing does not exist."),
    ],
    ids=["unknown user", "unknown role"],
)
async def test_an_unknown_user_or_role_is_an_error(operator: Operator, words: list[str], message: str) -> None:
    refused = await operator.types(*words)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"Error: {message}")
    assert refused.stderr.endswith("Nothing was changed.\n")


async def test_a_user_who_is_deleted_meanwhile_is_reported_in_one_line(
    operator: Operator, grace: Person, tables: Tables
) -> None:
    async with tables.holding('DELETE FROM "user"'):
        command = asyncio.create_task(operator.types("assign-role", "--role", "member", "--email", grace.email))
    refused = await command
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"Error: {DELETED} Nothing was changed.\n"
