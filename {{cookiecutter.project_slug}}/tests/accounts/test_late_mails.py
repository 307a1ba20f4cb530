"""A mail may leave days after it was asked for: its link works as long as the mail says, counted from then."""

from collections.abc import Awaitable
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import NamedTuple
from typing import cast

import pytest
from litestar import Litestar
from litestar_users.utils import get_user_service
from sqlalchemy.exc import DBAPIError

from app.accounts import one_time_tokens
from app.accounts.one_time_tokens import MAX_WAIT
from app.accounts.one_time_tokens import Purpose
from app.accounts.registration import RegistrationService
from app.clock import now
from app.database.transactions import new_transaction
from app.operations.expired_rows import remove_expired_rows
from app.settings import Settings
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Stage
from tests.cast import text_of
from tests.cast import token_in
from tests.tables import Tables

NEW = "hopper@example.com"
SECOND = timedelta(seconds=1)
LONG_AFTER_GIVING_UP = timedelta(days=30)
REFUSE = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$"
NOTHING_IS_DELETED = """
    CREATE CONSTRAINT TRIGGER refuse AFTER DELETE ON outgoing_mail
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
"""


class Closed(Outbox):
    """A mail server that accepts nothing until it is opened."""

    is_open = False

    async def send(self, message: EmailMessage) -> None:
        """Keep it, or refuse the connection."""
        if not self.is_open:
            raise ConnectionRefusedError
        await super().send(message)


@pytest.fixture
def server(app: Litestar, stage: Stage) -> Closed:
    """The service sends through this server now."""
    server = app.state.mailer = stage.outbox = Closed()
    return server


async def sign_up(stage: Stage) -> None:
    """Ask for an account."""
    await stage.person("grace").register()


async def sign_up_again(stage: Stage) -> None:
    """Ask for an account with an address that has one."""
    grace = await stage.verified("grace")
    await grace.register()


async def accept_invitation(stage: Stage) -> None:
    """Be invited."""
    async with new_transaction(stage.app) as session:
        service = cast("RegistrationService", get_user_service(stage.app, session))
        await service.invite("grace@example.com")
    await stage.deliver()


async def forget_password(stage: Stage) -> None:
    """Ask for a new password."""
    grace = await stage.verified("grace")
    await grace.post("/forgot-password", email=grace.email)


async def change_address(stage: Stage) -> None:
    """Ask for another address."""
    grace = await stage.verified("grace")
    await grace.sign_in()
    await grace.post("/users/me/email", email=NEW, password=PASSWORD)


class Link(NamedTuple):
    """How a link is requested, its recipient and its purpose."""

    ask: Callable[[Stage], Awaitable[None]]
    recipient: str
    purpose: Purpose
    path: str
    body: dict[str, str]


RESET = ("/reset-password", {"password": ANOTHER_PASSWORD})
LINKS = {
    "verify": Link(sign_up, "grace@example.com", Purpose.VERIFY, "/verify", {}),
    "already-registered": Link(sign_up_again, "grace@example.com", Purpose.RESET_PASSWORD, *RESET),
    "invitation": Link(accept_invitation, "grace@example.com", Purpose.ACCEPT_INVITATION, *RESET),
    "reset-password": Link(forget_password, "grace@example.com", Purpose.RESET_PASSWORD, *RESET),
    "confirm-email": Link(change_address, NEW, Purpose.CHANGE_EMAIL, "/users/me/email/confirm", {}),
    "email-changing": Link(change_address, "grace@example.com", Purpose.UNDO_EMAIL_CHANGE, "/users/me/email/undo", {}),
}


def tokens_to(server: Closed, recipient: str) -> list[str]:
    """The tokens in the mails to this address; some mails have none."""
    return [token_in(mail) for mail in server.to_address(recipient) if "?token=" in text_of(mail)]


@pytest.mark.checklist("D13")
@pytest.mark.parametrize("waited", [MAX_WAIT - SECOND, LONG_AFTER_GIVING_UP], ids=["retried", "all down"])
@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
async def test_a_link_works_for_its_lifetime_from_when_the_server_accepts_its_mail(  # noqa: PLR0913, PLR0917  # fixtures
    stage: Stage, server: Closed, app: Litestar, settings: Settings, clock: Clock, link: Link, waited: timedelta
) -> None:
    await link.ask(stage)
    clock.advance(waited)
    await remove_expired_rows(app)
    server.is_open = True
    await stage.deliver()
    [token] = tokens_to(server, link.recipient)
    clock.advance(one_time_tokens.lifetime(settings, link.purpose) - timedelta(seconds=30))
    await remove_expired_rows(app)
    answer = await stage.person("grace").post(link.path, token=token, **link.body)
    assert answer.is_success, answer.text


@pytest.mark.checklist("D13", "D02")
@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
async def test_a_link_of_a_late_mail_works_no_longer_than_the_mail_says(
    stage: Stage, server: Closed, settings: Settings, clock: Clock, link: Link
) -> None:
    await link.ask(stage)
    clock.advance(MAX_WAIT - SECOND)
    server.is_open = True
    await stage.deliver()
    [token] = tokens_to(server, link.recipient)
    clock.advance(one_time_tokens.lifetime(settings, link.purpose))
    answer = await stage.person("grace").post(link.path, token=token, **link.body)
    assert answer.json()["type"] == "/problems/invalid-token"


async def test_the_date_of_a_mail_is_that_of_sending_it(stage: Stage, server: Closed, clock: Clock) -> None:
    await sign_up(stage)
    clock.advance(timedelta(hours=4))
    server.is_open = True
    before = now()
    await stage.deliver()
    [mail] = server.messages
    assert before - SECOND < mail["Date"].datetime <= now()


async def deliver_and_crash(stage: Stage, tables: Tables) -> None:
    """Have a server accept a mail, and fail to store that it did."""
    await tables.execute(REFUSE)
    await tables.execute(NOTHING_IS_DELETED)
    try:
        with pytest.raises(DBAPIError):
            await stage.deliver()
    finally:
        await tables.execute("DROP FUNCTION refuse CASCADE")


@pytest.mark.checklist("D13", "I07")
async def test_a_crash_after_the_server_accepts_repeats_the_mail_and_the_link_works(
    stage: Stage, server: Closed, settings: Settings, tables: Tables, clock: Clock
) -> None:
    await forget_password(stage)
    clock.advance(timedelta(hours=2))
    server.is_open = True
    await deliver_and_crash(stage, tables)
    await stage.deliver()
    first, second = server.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert token_in(first) == token_in(second)
    clock.advance(one_time_tokens.lifetime(settings, Purpose.RESET_PASSWORD) - timedelta(seconds=30))
    answer = await stage.person("grace").post("/reset-password", token=token_in(first), password=ANOTHER_PASSWORD)
    assert answer.status_code == 204


@pytest.mark.checklist("D13")
async def test_a_link_lives_while_its_mail_is_tried_again(
    stage: Stage, server: Closed, tables: Tables, clock: Clock
) -> None:
    await forget_password(stage)
    clock.advance(timedelta(hours=2))
    server.is_open = True
    await deliver_and_crash(stage, tables)
    # The reader has the mail, and the service does not know that yet.
    stage.delivers = False
    clock.advance(timedelta(hours=2))
    token = token_in(server.messages[0])
    answer = await stage.person("grace").post("/reset-password", token=token, password=ANOTHER_PASSWORD)
    assert answer.status_code == 204


@pytest.mark.checklist("D13", "D02")
async def test_a_link_that_was_used_before_the_crash_was_noticed_stays_dead(
    stage: Stage, server: Closed, tables: Tables
) -> None:
    await forget_password(stage)
    server.is_open = True
    await tables.execute("UPDATE outgoing_mail SET next_attempt_at = now()")
    await deliver_and_crash(stage, tables)
    stage.delivers = False
    token = token_in(server.messages[0])
    grace = stage.person("grace")
    assert (await grace.post("/reset-password", token=token, password=ANOTHER_PASSWORD)).status_code == 204
    stage.delivers = True
    await stage.deliver()
    assert [message["Subject"].split()[0] for message in server.messages] == ["Choose", "Your"]
    assert (await grace.post("/reset-password", token=token, password=ANOTHER_PASSWORD)).status_code == 400


@pytest.mark.checklist("D13", "A07")
async def test_a_newer_link_ends_an_older_one_whose_mail_waits(stage: Stage, server: Closed, clock: Clock) -> None:
    await forget_password(stage)
    clock.advance(timedelta(minutes=1))
    grace = stage.person("grace")
    await grace.post("/forgot-password", email=grace.email)
    clock.advance(timedelta(minutes=5))
    server.is_open = True
    await stage.deliver()
    [mail] = server.to(grace)
    assert (await grace.post("/reset-password", token=token_in(mail), password=ANOTHER_PASSWORD)).status_code == 204


@pytest.mark.checklist("D13")
async def test_an_account_stays_while_its_first_mail_waits_and_its_link_lives(  # noqa: PLR0913, PLR0917  # fixtures
    stage: Stage, server: Closed, app: Litestar, settings: Settings, tables: Tables, clock: Clock
) -> None:
    await sign_up(stage)
    await tables.execute("UPDATE \"user\" SET unproven_until = now() + interval '1 hour'")
    clock.advance(MAX_WAIT - SECOND)
    await remove_expired_rows(app)
    server.is_open = True
    await stage.deliver()
    clock.advance(one_time_tokens.lifetime(settings, Purpose.VERIFY) - timedelta(seconds=30))
    await remove_expired_rows(app)
    grace = stage.person("grace")
    assert (await grace.verify()).status_code == 200


async def test_an_account_that_no_mail_waits_for_goes_when_its_time_is_over(
    stage: Stage, server: Closed, app: Litestar, tables: Tables, clock: Clock
) -> None:
    server.is_open = True
    await sign_up(stage)
    await tables.execute("UPDATE \"user\" SET unproven_until = now() + interval '1 hour'")
    clock.advance(timedelta(hours=1))
    await remove_expired_rows(app)
    assert await tables.rows("user") == []
