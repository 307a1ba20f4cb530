"""`litestar users create-user`: what it prints is what is stored, and it fails when nothing is."""

from datetime import timedelta

import pytest

from app.accounts.calibration import measure
from app.accounts.passwords.policy import EASY_TO_GUESS
from app.settings import Settings
from tests.cast import GUESSABLE
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.command_line import Operator
from tests.tables import Tables


async def test_a_made_user_signs_in_at_once(operator: Operator, visitor: Person) -> None:
    made = await operator.types("create-user", "--email", visitor.email.upper(), stdin=f"{visitor.password}\n")
    assert (made.exit_code, made.output) == (0, f"Created {visitor.email}: verified, active.\n")
    assert (await visitor.sign_in()).status_code == 201


async def test_without_a_password_one_is_made_and_shown_once(operator: Operator, visitor: Person) -> None:
    made = await operator.types("create-user", "--email", visitor.email, stdin="\n")
    assert made.exit_code == 0
    [_, shown] = made.output.splitlines()
    label, _, visitor.password = shown.rpartition(" ")
    assert label == "Generated password, shown only once:"
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.usefixtures("grace")
@pytest.mark.parametrize(
    ("email", "password", "message"),
    [
        ("visitor@example.com", "short", "Use 15 to 128 characters."),
        ("visitor@example.com", "x" * 129, "Use 15 to 128 characters."),
        ("visitor@example.com", GUESSABLE[0], EASY_TO_GUESS),
        ("Grace@example.com", PASSWORD[::-1], "grace@example.com has an account already. Nothing was changed."),
    ],
    ids=["short", "long", "guessable", "known"],
)
async def test_what_cannot_be_stored_is_refused_and_changes_nothing(
    operator: Operator, tables: Tables, email: str, password: str, message: str
) -> None:
    before = await tables.rows("user")
    refused = await operator.types("create-user", "--email", email, stdin=f"{password}\n")
    assert (refused.exit_code, refused.stdout, refused.stderr) == (1, "", f"Error: {message}\n")
    assert await tables.rows("user") == before


async def test_what_is_no_address_is_refused(operator: Operator, tables: Tables) -> None:
    refused = await operator.types("create-user", "--email", "nowhere", stdin=f"{PASSWORD}\n")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.endswith("An email address must have an @-sign.\n")
    assert await tables.rows("user") == []


@pytest.mark.checklist("C03")
async def test_an_invited_user_chooses_a_password_by_mail(
    operator: Operator, visitor: Person, stage: Stage, clock: Clock
) -> None:
    made = await operator.types("invite-user", "--email", visitor.email.upper())
    assert (made.exit_code, made.output) == (0, f"Invited {visitor.email}.\n")
    assert (await visitor.sign_in()).status_code == 401
    [mail] = stage.outbox.to(visitor)
    assert "You are invited" in mail["Subject"]
    clock.advance(timedelta(days=7) - timedelta(seconds=5))
    token = stage.outbox.token_for(visitor)
    assert (await visitor.post("/verify", token=token)).status_code == 400
    for refused in ("short", "visitor for a long time", *GUESSABLE):
        assert (await visitor.post("/reset-password", token=token, password=refused)).status_code == 400
    assert (await visitor.post("/reset-password", token=token, password=PASSWORD)).status_code == 204
    assert (await visitor.sign_in()).status_code == 201


async def test_an_invitation_ends(operator: Operator, visitor: Person, stage: Stage, clock: Clock) -> None:
    await operator.types("invite-user", "--email", visitor.email)
    await stage.deliver()
    clock.advance(timedelta(days=7))
    answer = await visitor.post("/reset-password", token=stage.outbox.token_for(visitor), password=PASSWORD)
    assert answer.json()["type"] == "/problems/invalid-token"


async def test_who_has_an_account_is_not_invited(operator: Operator, grace: Person, outbox: Outbox) -> None:
    before = len(outbox.messages)
    refused = await operator.types("invite-user", "--email", grace.email)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"Error: {grace.email} has an account already. Nothing was changed.\n"
    await grace.get("/health")
    assert len(outbox.messages) == before


async def test_the_cost_of_a_hash_is_measured_and_proposed(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(memory_kib: int, iterations: int, _settings: Settings) -> float:
        return memory_kib * iterations / 1000

    monkeypatch.setattr("app.accounts.calibration.measure", measured)
    proposed = await operator.types("calibrate-hash", "--target-ms", "150")
    assert proposed.exit_code == 0
    assert "HASH_MEMORY_KIB=131072\nHASH_ITERATIONS=1\nHASH_PARALLELISM=1\n" in proposed.output
    proposed = await operator.types("calibrate-hash", "--target-ms", "40")
    assert "HASH_MEMORY_KIB=19456\nHASH_ITERATIONS=2\nHASH_PARALLELISM=1\n" in proposed.output
    refused = await operator.types("calibrate-hash", "--target-ms", "20")
    assert (refused.exit_code, "Allow more" in refused.stderr) == (1, True)


def test_a_hash_is_really_computed_to_measure_it(settings: Settings) -> None:
    assert 0 < measure(19_456, 2, settings) < measure(19_456, 20, settings)


async def test_a_bug_is_not_called_an_account_that_exists(operator: Operator, tables: Tables) -> None:
    await tables.execute('ALTER TABLE "user" ADD COLUMN of_this_test integer NOT NULL DEFAULT 0')
    await tables.execute('ALTER TABLE "user" ALTER COLUMN of_this_test DROP DEFAULT')
    try:
        made = await operator.types("create-user", "--email", "grace@example.com", stdin=f"{PASSWORD}\n")
    finally:
        await tables.execute('ALTER TABLE "user" DROP COLUMN of_this_test')
    assert made.exit_code == 1
    assert "has an account" not in made.output
    assert "of_this_test" in str(made.exception)
