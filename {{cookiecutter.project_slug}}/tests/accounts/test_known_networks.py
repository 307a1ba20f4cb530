"""Networks that an account knows are those of its owner: a thief's are forgotten when the owner takes it back."""

from collections.abc import Awaitable
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tests.accounts.test_address_conflicts import NEW
from tests.accounts.test_address_conflicts import move
from tests.accounts.test_throttle import few_for_an_account as few_for_an_account  # noqa: PLC0414  # the fixture
from tests.accounts.test_throttle import guess
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Person
from tests.cast import Stage
from tests.command_line import Operator
from tests.tables import Tables

HERE, THERE, ELSEWHERE = "192.0.2.1", "198.51.100.66", "203.0.113.7"
TakeBack = Callable[[Person, Stage], Awaitable[None]]


async def reset(owner: Person, stage: Stage) -> None:
    """Choose another password by mail."""
    await owner.post("/forgot-password", email=owner.email)
    owner.password = ANOTHER_PASSWORD
    token = stage.outbox.token_for(owner)
    assert (await owner.post("/reset-password", token=token, password=owner.password)).status_code == 204


async def undo(owner: Person, stage: Stage) -> None:
    """Take back the address that a thief has changed, and choose a password."""
    thief = stage.person("grace", THERE)
    await thief.sign_in()
    token = await move(thief, NEW)
    assert (await owner.post("/users/me/email/undo", token=token)).status_code == 200
    owner.password = ANOTHER_PASSWORD
    token = stage.outbox.token_for(owner)
    assert (await owner.post("/reset-password", token=token, password=owner.password)).status_code == 204


async def sign_in_from(network: str, owner: Person, stage: Stage) -> int:
    """Sign in there; how many mails the owner gets of it."""
    before = len(stage.outbox.to(owner))
    person = stage.person("grace", network)
    person.email, person.password = owner.email, owner.password
    assert (await person.sign_in()).status_code == 201
    return len(stage.outbox.to(owner)) - before


@pytest.mark.checklist("B11", "D12")
@pytest.mark.parametrize("take_back", [reset, undo])
async def test_an_owner_who_took_the_account_back_is_told_of_a_sign_in_from_a_thiefs_network(
    grace: Person, stage: Stage, take_back: TakeBack
) -> None:
    assert [await sign_in_from(THERE, grace, stage) for _ in range(2)] == [1, 0]
    await take_back(grace, stage)
    assert await sign_in_from(HERE, grace, stage) == 0, "the new password was chosen there"
    assert [await sign_in_from(THERE, grace, stage) for _ in range(2)] == [1, 0]


@pytest.mark.checklist("B06", "D12")
@pytest.mark.usefixtures("few_for_an_account")
async def test_a_thiefs_network_has_no_attempts_of_its_own_any_more(grace: Person, stage: Stage) -> None:
    await sign_in_from(THERE, grace, stage)
    await reset(grace, stage)
    assert [await guess(stage, ELSEWHERE, grace.email) for _ in range(3)] == [401, 401, 401]
    assert await guess(stage, THERE, grace.email) == 429
    assert await sign_in_from(HERE, grace, stage) == 0


@pytest.mark.checklist("B11")
async def test_the_first_sign_in_of_a_user_whom_a_command_created_is_expected_anywhere(
    operator: Operator, stage: Stage
) -> None:
    made = await operator.types("create-user", "--email", "grace@example.com", stdin=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    grace = stage.person("grace")
    assert [await sign_in_from(place, grace, stage) for place in (HERE, HERE, THERE, THERE)] == [0, 0, 1, 0]


@pytest.mark.checklist("B11", "D12")
async def test_after_a_reset_no_first_sign_in_is_expected_any_more(operator: Operator, stage: Stage) -> None:
    await operator.types("create-user", "--email", "grace@example.com", stdin=f"{PASSWORD}\n")
    grace = stage.person("grace", HERE)
    await reset(grace, stage)
    assert await sign_in_from(THERE, grace, stage) == 1


@pytest.mark.checklist("D09")
async def test_a_new_address_brings_no_networks_of_the_account_that_had_it_before(
    signed_in: Person, stage: Stage, tables: Tables
) -> None:
    hopper = await stage.verified("hopper")
    assert await sign_in_from(THERE, hopper, stage) == 1
    # The change of address removes an account that is not verified.
    await tables.execute(f"UPDATE \"user\" SET is_verified = false WHERE email = '{NEW}'")  # noqa: S608  # a constant
    await move(signed_in, NEW)
    assert await sign_in_from(THERE, signed_in, stage) == 1


async def delete(owner: Person, _stage: Stage) -> None:
    """Delete the account."""
    assert (await owner.client.delete("/users/me")).status_code == 204


async def move_away(owner: Person, _stage: Stage) -> None:
    """Move the account to another address."""
    await move(owner, NEW)


@pytest.mark.checklist("B11")
@pytest.mark.parametrize("leave", [delete, move_away])
async def test_an_imported_user_has_no_networks_of_the_account_that_had_the_address_before(
    signed_in: Person, stage: Stage, operator: Operator, tmp_path: Path, leave: TakeBack
) -> None:
    await leave(signed_in, stage)
    newcomer, file = stage.person("grace"), tmp_path / "users.csv"
    former = PasswordHasher(1, 64, 1).hash(PASSWORD)
    file.write_text(f'email,password_hash,is_verified\n{newcomer.email},"{former}",true\n')
    imported = await operator.types("import-users", str(file))
    assert imported.exit_code == 0, imported.output
    assert await sign_in_from(HERE, newcomer, stage) == 1
