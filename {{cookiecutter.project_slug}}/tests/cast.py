"""The cast, and what they act with: grace is ordinary, mallory attacks."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from httpx import ASGITransport
from httpx import AsyncClient
from httpx import Response
from litestar import Litestar
from sqlalchemy import event

from app import clock
from app.accounts.mail.delivery import deliver_next
from app.accounts.passwords.hasher import hasher_for
from app.database.sessions import engine_of
from app.database.transactions import new_transaction
from app.models import OutgoingMail
from app.models import User
from tests.credentials import kind
from tests.documented import require_documented

BASE_URL = "https://service.example"
PASSWORD = "correct horse battery staple"
ANOTHER_PASSWORD = "wrong donkey socket paperclip"
# Long enough, and among the first that attackers try.
GUESSABLE = ["passwordpassword", "1234567890123456", "qwertyuiopasdfgh"]


# Since mails were delivered last.
written: list[OutgoingMail] = []


@event.listens_for(OutgoingMail, "init")
def note_written(mail: OutgoingMail, *_: Any) -> None:
    """Note that there may be a mail to deliver; to ask the database after each answer takes as long as most answers."""
    written.append(mail)


class Clock:
    """A time that a test moves."""

    def advance(self, shift: timedelta) -> None:
        """Let time pass."""
        clock.shift += shift


class Outbox:
    """A mailer that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def send(self, message: EmailMessage) -> None:
        """Keep it."""
        self.messages.append(message)

    def to(self, person: "Person") -> list[EmailMessage]:
        """The mails that this person got, oldest first."""
        return self.to_address(person.email)

    def to_address(self, email: str) -> list[EmailMessage]:
        """The mails that went to this address, oldest first."""
        return [message for message in self.messages if message["To"] == email]

    def token_for(self, person: "Person") -> str:
        """The token in the newest mail to this person."""
        return token_in(self.to(person)[-1])


def text_of(message: EmailMessage) -> str:
    """What a mail says to people whose program shows text."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def token_in(message: EmailMessage) -> str:
    """The token in a mail, which stands alone on a line."""
    [token] = re.findall(r"^[\w-]{20,}$", text_of(message), re.MULTILINE)
    return str(token)


@dataclass
class Person:
    """A person with a browser or a program."""

    email: str
    client: AsyncClient
    outbox: Outbox
    password: str = PASSWORD

    async def get(self, path: str) -> Response:
        """Ask for something."""
        return await self.client.get(path)

    async def post(self, path: str, **body: object) -> Response:
        """Send something."""
        return await self.client.post(path, json=body)

    async def register(self) -> Response:
        """Ask for an account."""
        return await self.post("/register", email=self.email, password=self.password)

    async def verify(self) -> Response:
        """Follow the link in the mail."""
        return await self.post("/verify", token=self.outbox.token_for(self))

    async def sign_in(self) -> Response:
        """Get credentials, and present them from now on."""
        answer = await self.post("/login", email=self.email, password=self.password)
        kind.present(self.client, answer)
        return answer

    async def id(self) -> str:
        """The id of this user, who is signed in."""
        return str((await self.get("/users/me")).json()["id"])

    async def sign_out(self) -> Response:
        """Give the credentials up."""
        return await self.client.post("/logout")


@dataclass
class Stage:
    """Where the cast acts."""

    app: Litestar
    outbox: Outbox
    clients: list[AsyncClient] = field(default_factory=list)
    delivers: bool = True

    def person(self, name: str, address: str = "192.0.2.1") -> Person:
        """A new person, with their own client at this network address."""
        # httpx and Litestar describe ASGI in different words.
        transport = ASGITransport(self.app, raise_app_exceptions=False, client=(address, 50000))  # type: ignore[arg-type]
        hooks: dict[str, list[Callable[..., Any]]] = {"response": [self.deliver_what_was_written, require_documented]}
        client = AsyncClient(transport=transport, base_url=BASE_URL, event_hooks=hooks)
        self.clients.append(client)
        return Person(f"{name}@example.com", client, self.outbox)

    def copy_of(self, person: Person) -> Person:
        """A thief at another address with a copy of this person's credentials."""
        thief = self.person("mallory", "198.51.100.66")
        kind.copy(person.client, thief.client)
        return thief

    async def verified(self, name: str) -> Person:
        """A person with a verified account. It is stored directly, since registering takes longer than most tests."""
        person = self.person(name)
        password_hash = await hasher_for(self.app.state.settings).digest(person.password, person.email)
        async with new_transaction(self.app) as session:
            session.add(User(email=person.email, password_hash=password_hash, is_active=True, is_verified=True))
        return person

    async def deliver_what_was_written(self, _answer: Response) -> None:
        """Send mails after each answer, if there are new ones, as the service does in the background."""
        if self.delivers and written:
            await self.deliver()

    async def deliver(self) -> None:
        """Send the mails that are due."""
        written.clear()
        while self.delivers and await deliver_next(self.app):
            pass

    async def until_connections_are_used(self, count: int) -> None:
        """Returns once requests hold as many connections to the database."""
        pool = engine_of(self.app).pool
        while pool.checkedout() < count:  # type: ignore[attr-defined]  # noqa: ASYNC110  # the service's pool counts, and sets no event
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Close the client of each person."""
        for client in self.clients:
            await client.aclose()
