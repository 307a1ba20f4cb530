"""Requests cost the same with and without an account: hashes, statements, and rows in the outbox."""

import pytest
from advanced_alchemy.extensions.litestar import SQLAlchemyInitPlugin
from litestar import Litestar

from app.database.transactions import new_transaction
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Person
from tests.tables import Tables
from tests.work import Work

STATES = ["is_verified = false", "is_active = false", "password_hash = '!'", "password_hash = 'corrupt'"]


async def sign_in(person: Person, email: str, password: str) -> None:
    """Try to."""
    assert (await person.post("/login", email=email, password=password)).status_code == 401


@pytest.mark.checklist("B01")
async def test_a_sign_in_costs_the_same_for_known_and_unknown_addresses(
    grace: Person, visitor: Person, work: Work
) -> None:
    await sign_in(visitor, "nobody@example.com", "a wrong password")
    unknown = work.take()
    await sign_in(visitor, grace.email, "a wrong password")
    assert work.take() == unknown
    assert unknown[1] == 1


@pytest.mark.checklist("B03", "A08")
@pytest.mark.parametrize("state", STATES)
async def test_a_sign_in_costs_the_same_whatever_is_wrong(
    grace: Person, visitor: Person, tables: Tables, work: Work, state: str
) -> None:
    await tables.execute(f'UPDATE "user" SET {state}')  # noqa: S608  # written above
    for password in (PASSWORD, "a wrong password"):
        await sign_in(visitor, "nobody@example.com", password)
        unknown = work.take()
        await sign_in(visitor, grace.email, password)
        assert work.take() == unknown
    assert await tables.rows("user_session") == []


@pytest.mark.checklist("B02")
@pytest.mark.parametrize(("path", "letter"), [("/forgot-password", "reset-password"), ("/verify/resend", "verify")])
async def test_asking_for_a_mail_costs_the_same_for_known_and_unknown_addresses(  # noqa: PLR0913, PLR0917  # fixtures
    grace: Person, visitor: Person, tables: Tables, work: Work, path: str, letter: str
) -> None:
    await visitor.post(path, email="nobody@example.com")
    unknown = work.take()
    await visitor.post(path, email=grace.email)
    assert work.take() == unknown
    mails = {(row["recipient"], row["letter"]) for row in await tables.rows("outgoing_mail")}
    assert mails == {("nobody@example.com", letter), (grace.email, letter)}


@pytest.mark.checklist("A01")
@pytest.mark.parametrize("state", ["is_active = true", "unproven_until = now()", *STATES])
@pytest.mark.parametrize("password", [PASSWORD, ANOTHER_PASSWORD])
async def test_a_registration_costs_the_same_for_new_and_known_addresses(  # noqa: PLR0913, PLR0917  # fixtures
    grace: Person, visitor: Person, tables: Tables, work: Work, state: str, password: str
) -> None:
    unproven = ", is_verified = false" if "is_verified" not in state else ""
    await tables.execute(f'UPDATE "user" SET {state}{unproven if "active" not in state else ""}')  # noqa: S608  # above
    await visitor.post("/register", email="nobody@example.com", password=password)
    new = work.take()
    await visitor.post("/register", email=grace.email, password=password)
    assert work.take() == new
    assert len(await tables.rows("outgoing_mail")) == 2


@pytest.mark.checklist("A01")
async def test_asking_for_another_address_costs_the_same_for_known_and_unknown_ones(
    grace: Person, mallory: Person, tables: Tables, work: Work
) -> None:
    await mallory.sign_in()
    # The first time, there is no older link to end, and the look-up is not prepared.
    for email in ("first@example.com", "nobody@example.com"):
        work.take()
        await mallory.post("/users/me/email", email=email, password=PASSWORD)
    unknown = work.take()
    await mallory.post("/users/me/email", email=grace.email, password=PASSWORD)
    assert sorted(work.take()[0]) == sorted(unknown[0])
    await tables.execute(f"UPDATE \"user\" SET is_verified = false WHERE email = '{grace.email}'")  # noqa: S608  # above
    await mallory.post("/users/me/email", email=grace.email, password=PASSWORD)
    assert sorted(work.take()[0]) == sorted(unknown[0])


@pytest.mark.checklist("A01")
async def test_a_registration_that_is_not_admitted_costs_the_same_too(
    grace: Person, visitor: Person, app: Litestar, work: Work
) -> None:
    async with new_transaction(app) as session:
        closed = session.info["settings"].model_copy(update={"registration": frozenset({"invite"})})
    info = app.plugins.get(SQLAlchemyInitPlugin).config[0].session_config.info
    assert isinstance(info, dict)
    before = info["settings"]
    info["settings"] = closed
    try:
        await visitor.post("/register", email="nobody@example.com", password=PASSWORD)
        unknown = work.take()
        await visitor.post("/register", email=grace.email, password=PASSWORD)
        assert work.take() == unknown
    finally:
        info["settings"] = before
