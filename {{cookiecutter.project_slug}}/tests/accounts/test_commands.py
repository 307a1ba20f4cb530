"""`litestar users create-user`: what it prints is what is stored, and it fails when nothing is."""

import pytest

from app.settings import Settings
from tests.cast import PASSWORD
from tests.cast import Person
from tests.command_line import Operator
from tests.tables import Tables


@pytest.fixture
def operator(settings: Settings) -> Operator:
    """Somebody with a shell on the server."""
    return Operator(settings)


async def test_a_made_user_signs_in_at_once(operator: Operator, visitor: Person) -> None:
    made = await operator.types("create-user", "--email", visitor.email.upper(), stdin=f"{visitor.password}\n")
    assert (made.exit_code, made.output) == (0, f"Made {visitor.email}, verified and active.\n")
    assert (await visitor.sign_in()).status_code == 201


async def test_without_a_password_one_is_made_and_shown_once(operator: Operator, visitor: Person) -> None:
    made = await operator.types("create-user", "--email", visitor.email, stdin="\n")
    assert made.exit_code == 0
    [_, shown] = made.output.splitlines()
    label, _, visitor.password = shown.rpartition(" ")
    assert label == "Password, shown this once:"
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.usefixtures("grace")
@pytest.mark.parametrize(
    ("email", "password", "message"),
    [
        ("visitor@example.com", "short", "Use 15 to 128 characters."),
        ("visitor@example.com", "x" * 129, "Use 15 to 128 characters."),
        ("Grace@example.com", PASSWORD[::-1], "grace@example.com has an account already. Nothing was changed."),
    ],
    ids=["short", "long", "known"],
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
