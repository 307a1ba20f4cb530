"""Passwords, hashes and tokens show in no answer, log line, representation or example."""

import logging
import re
from typing import Any

import msgspec
import pytest
from litestar import Litestar

from app.accounts import schemas
from app.settings import Settings
from tests.cast import ANOTHER_PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import token_in
from tests.tables import Tables

CANARY = "a canary sings 7f3c in the mine"


@pytest.mark.checklist("C06")
async def test_no_answer_and_no_log_line_holds_a_secret(
    visitor: Person, outbox: Outbox, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    visitor.password = CANARY
    shown = [await visitor.register()]
    tokens = [outbox.token_for(visitor)]
    hashes = [row["password_hash"] for row in await tables.rows("user")]
    shown += [await visitor.verify(), await visitor.post("/verify", token=tokens[0])]
    shown += [await visitor.post("/login", email=visitor.email, password=f"{CANARY}!"), await visitor.sign_in()]
    credentials = [value for value in visitor.client.cookies.values() if value]
    shown += [await visitor.get("/users/me"), await visitor.get("/users/me/export")]
    shown += [await visitor.post("/users/me/email", email="new@example.com", password=CANARY)]
    tokens += [token_in(outbox.to_address("new@example.com")[-1]), outbox.token_for(visitor)]
    shown += [await visitor.post("/users/me/password", current_password=CANARY, new_password=CANARY[:12])]
    shown += [await visitor.post("/users/me/password", current_password=CANARY, new_password=ANOTHER_PASSWORD)]
    shown += [await visitor.post("/register", email=visitor.email, password=[CANARY])]
    shown += [await visitor.post("/reset-password", token=tokens[-1], password=CANARY, extra=CANARY)]
    hashes += [row["password_hash"] for row in await tables.rows("user")]
    text = caplog.text + "".join(answer.text for answer in shown)
    for secret in (CANARY, ANOTHER_PASSWORD, *hashes, *tokens):
        assert secret not in text
    assert not any(secret in caplog.text for secret in credentials)
    assert "$argon2" not in text


@pytest.mark.checklist("C06")
def test_no_body_shows_its_values() -> None:
    values: dict[str, Any] = {"email": CANARY, "display_name": CANARY, "token": CANARY}
    values |= {"password": CANARY, "current_password": CANARY, "new_password": CANARY}
    bodies = [each for each in vars(schemas).values() if isinstance(each, type) and issubclass(each, schemas.Body)]
    assert len(bodies) > 5
    for body in bodies:
        names = {field.name for field in msgspec.structs.fields(body)}
        assert CANARY not in repr(body(**{name: value for name, value in values.items() if name in names}))


@pytest.mark.checklist("C06")
def test_no_setting_that_is_secret_shows(settings: Settings) -> None:
    assert settings.secret_key.get_secret_value() not in f"{settings} {settings!r}"


@pytest.mark.checklist("C06")
def test_the_document_has_no_example_of_a_secret(app: Litestar) -> None:
    document = str(app.openapi_schema.to_schema())
    assert not re.search(r"\$argon2|correct horse", document)
    assert "password_hash" not in document
