"""What people do on the pages of a service: they press what has this name, and fill in what has this label."""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.projects import Project
from tests.server import Server
from tests_system.accounts import PASSWORD
from tests_system.browser import ELEMENT
from tests_system.browser import Browser
from tests_system.browser import until

FIND = """
const place = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
const named = (each) => each.textContent.replace(/\\s+/g, " ").trim();
const seen = (selector) => [...place.querySelectorAll(selector)].filter((each) => each.checkVisibility());
"""
BUTTON = FIND + "return seen('button, a, summary').find((each) => named(each) === NAME) ?? null;"
FIELD = (
    FIND + "const label = seen('label').find((each) => named(each).startsWith(NAME));"
    "return label?.querySelector('input, select, textarea') ?? null;"
)
IS_IDLE = """
const isBusy = document.querySelector("[aria-busy=true]") && !document.querySelector("dialog[open]");
return document.readyState === "complete" && !isBusy;
"""
# A page is refused what it may not do, and shows that; the browser enters each in its console.
REFUSAL = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
AGE = """
import asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from app.database import embedded_postgres

async def run(statement):
    engine = create_async_engine(embedded_postgres.url().replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
"""


@dataclass(frozen=True)
class Service:
    """A service with pages, and the project that it runs from."""

    kind: str
    project: Project
    server: Server
    administrator: str

    @property
    def url(self) -> str:
        """The address that it calls its own."""
        return self.server.url.replace("127.0.0.1", "localhost")

    def change(self, statement: str) -> None:
        """Let something happen in the database that takes long or cannot be done from outside."""
        self.project.run("python", "-c", f"{AGE}\nasyncio.run(run({statement!r}))")


@dataclass(frozen=True)
class Visitor:
    """Somebody at a browser."""

    browser: Browser
    service: Service

    def open(self, path: str) -> None:
        """Go to a page, and wait until it shows what it shows."""
        self.browser.open(f"{self.service.url}{path}")
        self.waits()

    def waits(self) -> None:
        """Until nothing is under way; while a dialog is open, what opened it is."""
        until(lambda: bool(self.browser.run(IS_IDLE)))

    def _find(self, script: str, name: str) -> str:
        # What is under way may replace what is found.
        self.waits()
        found: list[Any] = []

        def is_there() -> bool:
            element = self.browser.run(script.replace("NAME", json.dumps(name)))
            found[:] = [element] if element else []
            return bool(found)

        until(is_there)
        return f"element/{found[0][ELEMENT]}"

    def press(self, name: str) -> None:
        """The button or the link with this name, in the dialog that is on top."""
        self.browser.call("POST", f"{self._find(BUTTON, name)}/click")

    def fill(self, label: str, text: str) -> None:
        """The field with this label."""
        field = self._find(FIELD, label)
        self.browser.call("POST", f"{field}/clear")
        self.browser.call("POST", f"{field}/value", text=text)

    def choose(self, label: str) -> None:
        """The box or the button beside this label."""
        self.browser.call("POST", f"{self._find(FIELD, label)}/click")

    def agrees(self) -> None:
        """To the question of the browser itself."""
        self.browser.call("POST", "alert/accept")

    def sees(self, text: str) -> None:
        """This text, on the page or in the dialog on top."""
        script = FIND + "return (place.body ?? place).innerText.includes(NAME);"
        until(lambda: bool(self.browser.run(script.replace("NAME", json.dumps(text)))))

    def is_told(self, text: str) -> None:
        """What a screen reader announces at once."""
        script = (
            FIND + "return [...place.querySelectorAll('[role=alert]')].some((each) => each.textContent.includes(NAME));"
        )
        until(lambda: bool(self.browser.run(script.replace("NAME", json.dumps(text)))))

    def is_at(self, path: str) -> None:
        """This page."""
        until(lambda: self.browser.address.partition("?")[0] == f"{self.service.url}{path}")
        self.waits()

    def signs_in(self, email: str, password: str = PASSWORD) -> None:
        """With a password."""
        self.open("/sign-in")
        self.fill("E-mail address", email)
        self.fill("Password", password)
        self.press("Sign in")

    def has_authenticator(self) -> None:
        """The browser has a place for passkeys, and its owner agrees to everything."""
        options = {"protocol": "ctap2", "transport": "internal", "isUserConsenting": True}
        abilities = dict.fromkeys(("hasResidentKey", "hasUserVerification", "isUserVerified"), True)
        self.browser.call("POST", "webauthn/authenticator", **options, **abilities)

    def complaints(self) -> list[str]:
        """What the browser says, refusals aside."""
        return [line for line in self.browser.complaints() if not REFUSAL.search(line)]
