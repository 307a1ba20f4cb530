"""`litestar users create-admin`, `create-role`, `assign-role`: repeating is harmless, and a failure changes nothing."""

import pytest
from litestar_users.cli import create_role as library_create_role

from tests.cast import Outbox
from tests.cast import Person
from tests.command_line import Operator
from tests.tables import Tables


async def roles_of(person: Person) -> list[str]:
    """What this person sees of their roles after signing in."""
    assert (await person.sign_in()).status_code == 201
    roles: list[str] = (await person.get("/users/me")).json()["roles"]
    return roles


@pytest.mark.checklist("H05")
async def test_there_is_no_account_at_the_start(tables: Tables) -> None:
    assert (await tables.rows("user"), await tables.rows("user_role")) == ([], [])


@pytest.mark.checklist("H05")
async def test_a_sign_up_with_the_address_of_an_administrator_gains_nothing(
    operator: Operator, visitor: Person, mallory: Person, outbox: Outbox
) -> None:
    planted = "a password of mallory's"
    await mallory.post("/register", email=visitor.email, password=planted)
    made = await operator.types("create-admin", "--email", visitor.email, stdin=f"{visitor.password}\n")
    assert (made.exit_code, made.output) == (0, f"{visitor.email} is an administrator.\n")
    assert (await visitor.post("/verify", token=outbox.token_for(visitor))).status_code == 400
    assert (await mallory.post("/login", email=visitor.email, password=planted)).status_code == 401
    assert await roles_of(visitor) == ["administrator"]


@pytest.mark.checklist("H05")
async def test_a_deactivated_user_is_made_no_administrator(operator: Operator, grace: Person, tables: Tables) -> None:
    await tables.execute('UPDATE "user" SET is_active = false')
    refused = await operator.types("create-admin", "--email", grace.email, stdin=f"{grace.password}\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"Error: {grace.email} is deactivated. Nothing was changed.\n"
    assert await tables.rows("user_role") == []


@pytest.mark.checklist("H05")
async def test_an_unverified_user_is_given_no_role(operator: Operator, visitor: Person, tables: Tables) -> None:
    await visitor.register()
    refused = await operator.types("assign-role", "--email", visitor.email, "--role", "member")
    assert refused.exit_code == 1
    assert refused.stderr == "Error: The user has not confirmed the address yet. Nothing was changed.\n"
    assert await tables.rows("user_role") == []


@pytest.mark.checklist("H05")
async def test_an_administrator_is_made_and_made_again(operator: Operator, visitor: Person) -> None:
    for _ in range(2):
        made = await operator.types("create-admin", "--email", visitor.email, stdin=f"{visitor.password}\n")
        assert (made.exit_code, made.output) == (0, f"{visitor.email} is an administrator.\n")
    assert await roles_of(visitor) == ["administrator"]


async def test_the_password_of_a_new_administrator_is_shown_once(operator: Operator, visitor: Person) -> None:
    made = await operator.types("create-admin", "--email", visitor.email)
    visitor.password = made.output.rpartition(" ")[2].strip()
    assert await roles_of(visitor) == ["administrator"]


async def test_a_user_who_becomes_an_administrator_keeps_the_password(operator: Operator, grace: Person) -> None:
    made = await operator.types("create-admin", "--email", grace.email, stdin="another password altogether\n")
    assert (made.exit_code, made.output) == (0, f"{grace.email} is an administrator.\n")
    assert await roles_of(grace) == ["administrator"]


async def test_a_password_that_is_too_short_makes_no_administrator(operator: Operator, tables: Tables) -> None:
    refused = await operator.types("create-admin", "--email", "visitor@example.com", stdin="short\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert await tables.rows("user") == []


async def test_a_role_is_made_and_given_and_given_again(operator: Operator, grace: Person) -> None:
    made = await operator.types("create-role", "--role", "auditor", "--permission", "roles:read")
    assert (made.exit_code, made.output) == (0, "Created the role auditor: roles:read.\n")
    for _ in range(2):
        given = await operator.types("assign-role", "--email", grace.email, "--role", "auditor")
        assert (given.exit_code, given.output) == (0, f"{grace.email} has the role auditor.\n")
    assert await roles_of(grace) == ["auditor"]


@pytest.mark.usefixtures("grace")
@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (
            ["assign-role", "--email", "grace@example.com", "--role", "nothing"],
            1,
            "Error: The role nothing does not exist. Create it: litestar users create-role\n",
        ),
        (
            ["assign-role", "--email", "nobody@example.com", "--role", "administrator"],
            1,
            "Error: No user has the address nobody@example.com. Create one: litestar users create-user\n",
        ),
        (
            ["create-role", "--role", "administrator"],
            1,
            "Error: The role administrator already exists. Nothing was changed.\n",
        ),
        (["create-role", "--role", "auditor", "--permission", "fly"], 2, "'fly' is not one of"),
        (["create-role", "--role", "administr\u0430tor"], 1, "Error: Use letters from a to z and digits, "),
    ],
    ids=["unknown role", "unknown user", "known role", "unknown permission", "name like another"],
)
async def test_what_cannot_be_done_is_refused_and_changes_nothing(
    operator: Operator, tables: Tables, words: list[str], status: int, message: str
) -> None:
    before = [await tables.rows(name) for name in ("role", "user_role")]
    refused = await operator.types(*words)
    assert (refused.exit_code, refused.stdout) == (status, "")
    assert message in refused.stderr
    assert [await tables.rows(name) for name in ("role", "user_role")] == before


async def test_a_role_is_created_with_the_options_of_litestar_users(operator: Operator, tables: Tables) -> None:
    options = [option for parameter in library_create_role.params for option in parameter.opts]
    assert options == ["--name", "--description"]
    made = await operator.types("create-role", "--name", "editors", "--description", "They edit.")
    assert made.exit_code == 0
    [role] = [row for row in await tables.rows("role") if row["name"] == "editors"]
    assert role["description"] == "They edit."


async def test_a_bug_is_not_called_a_role_that_exists(operator: Operator, tables: Tables) -> None:
    await tables.execute("ALTER TABLE role ADD COLUMN forgotten integer NOT NULL DEFAULT 0")
    await tables.execute("ALTER TABLE role ALTER COLUMN forgotten DROP DEFAULT")
    try:
        made = await operator.types("create-role", "--name", "editors")
    finally:
        await tables.execute("ALTER TABLE role DROP COLUMN forgotten")
    assert made.exit_code == 1
    assert "already exists" not in made.output
    assert "forgotten" in str(made.exception and made.exception.__cause__)
