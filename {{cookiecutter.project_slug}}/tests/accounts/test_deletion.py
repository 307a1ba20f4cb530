"""A deleted account leaves no address and no name behind, in requests under way and in mails."""

import asyncio
from datetime import timedelta
from email.message import EmailMessage

import pytest
from aiosmtplib import SMTPRecipientRefused
from aiosmtplib import SMTPRecipientsRefused
from litestar import Litestar

from app.accounts.mail.delivery import deliver_next
from app.accounts.one_time_tokens import MAX_WAIT
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import token_in
from tests.tables import Tables

FORMER, NEXT = "amazing@example.com", "murray@example.net"
# In any part of an address, and in the name.
TRACES = ("grace", "amazing", "murray", "hopper", "brewster")
AN_HOUR = timedelta(hours=1)


class Server(Outbox):
    """A mail server that a test closes."""

    error: Exception | None = None

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def send(self, message: EmailMessage) -> None:
        """Keep it, or refuse it and quote its recipient."""
        self.is_asked.set()
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        await super().send(message)

    def refuse(self, code: int) -> None:
        """Refuse all recipients from now on."""
        quoting = f"{str(code)[0]}.1.1 <{FORMER}>, <{NEXT}>, grace@example.com: refused"
        self.error = SMTPRecipientsRefused([SMTPRecipientRefused(code, quoting, "Grace@example.com")])


@pytest.fixture
def server(app: Litestar, stage: Stage) -> Server:
    """The service sends through this server now."""
    server = app.state.mailer = stage.outbox = Server()
    return server


async def lead_a_life(stage: Stage, server: Server) -> Person:
    """Have a name, a former address, another device, and a next address that waits to be confirmed."""
    grace = await stage.verified("amazing")
    grace.outbox = server
    await grace.sign_in()
    await grace.client.patch("/users/me", json={"display_name": "Grace Brewster Hopper"})
    await grace.post("/users/me/email", email="grace@example.com", password=PASSWORD)
    await grace.post("/users/me/email/confirm", token=token_in(server.to_address("grace@example.com")[-1]))
    grace.email = "grace@example.com"
    elsewhere = stage.person("grace", "198.51.100.7")
    for person in (grace, elsewhere):
        await person.post("/login", email=grace.email, password="wrong")
        await person.sign_in()
    return grace


async def ask_for_mails(grace: Person) -> None:
    """Ask for a mail of each kind, to the present, the former and the next address."""
    await grace.post("/users/me/email", email=NEXT, password=PASSWORD)
    for email in (grace.email, FORMER):
        await grace.post("/forgot-password", email=email)
        await grace.post("/verify/resend", email=email)
    await grace.register()


async def traces(tables: Tables) -> dict[str, list[str]]:
    """The rows that name the person, by table."""
    found = {}
    for table in tables.names:
        rows = [str(row) for row in await tables.rows(table)]
        if named := [row for row in rows if any(trace in row.lower() for trace in TRACES)]:
            found[table] = named
    return found


@pytest.mark.checklist("I08")
async def test_nothing_is_left_while_mails_are_refused_for_good(stage: Stage, server: Server, tables: Tables) -> None:
    grace = await lead_a_life(stage, server)
    server.refuse(550)
    await ask_for_mails(grace)
    assert await traces(tables)
    assert (await grace.client.delete("/users/me")).status_code == 204
    assert await traces(tables) == {}


@pytest.mark.checklist("I08")
async def test_while_no_server_answers_the_farewell_alone_is_left_until_it_is_given_up(
    stage: Stage, server: Server, tables: Tables, clock: Clock
) -> None:
    grace = await lead_a_life(stage, server)
    server.refuse(451)
    await ask_for_mails(grace)
    assert (await grace.client.delete("/users/me")).status_code == 204
    clock.advance(AN_HOUR)
    await stage.deliver()
    assert {name: len(rows) for name, rows in (await traces(tables)).items()} == {"outgoing_mail": 1}
    [farewell] = await tables.rows("outgoing_mail")
    assert (farewell["letter"], farewell["recipient"]) == ("account-deleted", grace.email)
    clock.advance(MAX_WAIT)
    await stage.deliver()
    assert await traces(tables) == {}


@pytest.mark.checklist("I08")
@pytest.mark.parametrize("code", [451, 550])
async def test_a_mail_that_is_being_sent_meanwhile_leaves_nothing(  # noqa: PLR0913, PLR0917  # fixtures
    stage: Stage, server: Server, app: Litestar, tables: Tables, clock: Clock, code: int
) -> None:
    grace = await lead_a_life(stage, server)
    stage.delivers = False
    await grace.post("/forgot-password", email=grace.email)
    server.refuse(code)
    server.may_answer.clear()
    server.is_asked.clear()
    sending = asyncio.create_task(deliver_next(app))
    await server.is_asked.wait()
    assert (await grace.client.delete("/users/me")).status_code == 204
    server.may_answer.set()
    await sending
    server.error = None
    stage.delivers = True
    clock.advance(AN_HOUR)
    await stage.deliver()
    assert "is deleted" in server.to(grace)[-1]["Subject"]
    assert await traces(tables) == {}


@pytest.mark.checklist("I08")
async def test_an_account_that_was_never_proven_leaves_nothing_either(
    stage: Stage, server: Server, tables: Tables
) -> None:
    # These mails name an address and no user.
    server.refuse(550)
    await stage.person("grace").register()
    await stage.person("grace").post("/verify/resend", email="grace@example.com")
    await tables.execute('DELETE FROM "user"')
    assert [row["recipient"] for row in await tables.rows("outgoing_mail")] == ["", ""]
    assert await traces(tables) == {}
