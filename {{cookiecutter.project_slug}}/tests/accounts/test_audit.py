"""The audit trail: everything that happened is in it once, nothing else is, and it cannot be changed."""

import re
from datetime import timedelta

import pytest
from litestar import Litestar
from sqlalchemy.exc import DBAPIError

from app.accounts.attempt_counters import Limit
from app.accounts.throttle import LIMITS
from app.accounts.throttle import Action
from app.operations.expired_rows import remove_expired_rows
from app.settings import PROJECT_ROOT
from app.settings import Settings
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import token_in
from tests.other_services import ALLOWED
from tests.other_services import another_stage
from tests.tables import Tables

WRONG = "wrong donkey socket paperclip"
# Their kind can be changed later, and the guide stays.
OF_SOME_CREDENTIALS = {"sign-in.copy-used"}
OLD_ENTRY = (
    "INSERT INTO audit_event (id, kind, created_at) "
    "VALUES (gen_random_uuid(), 'user.registered', now() - interval '{days} days')"
)


LIFE = [
    "user.registered",
    "user.registered-again",
    "user.verified",
    "sign-in.failed",
    "sign-in.succeeded",
    "password.refused",
    "password.shown",
    "password.changed",
    "user.exported",
    "email.change-asked",
    "email.changed",
    "email.restored",
    "password.reset",
    "sign-in.succeeded",
    "sign-in.ended",
]


async def lead_a_life(visitor: Person, outbox: Outbox) -> None:
    """Do what can be done with an account."""
    await visitor.register()
    await visitor.post("/register", email=visitor.email, password=PASSWORD)
    await visitor.verify()
    await visitor.post("/login", email=visitor.email, password=WRONG)
    await visitor.sign_in()
    await visitor.post("/reauthenticate", password=WRONG)
    await visitor.post("/reauthenticate", password=PASSWORD)
    await visitor.post("/users/me/password", current_password=PASSWORD, new_password=ANOTHER_PASSWORD)
    await visitor.get("/users/me/export")
    await visitor.post("/users/me/email", email="new@example.com", password=ANOTHER_PASSWORD)
    undo = token_in(outbox.to(visitor)[-1])
    await visitor.post("/users/me/email/confirm", token=token_in(outbox.to_address("new@example.com")[-1]))
    await visitor.post("/users/me/email/undo", token=undo)
    await visitor.post("/reset-password", token=outbox.token_for(visitor), password=PASSWORD)
    await visitor.sign_in()
    await visitor.sign_out()


@pytest.mark.checklist("I05")
async def test_what_happens_to_an_account_is_recorded_once(visitor: Person, outbox: Outbox, tables: Tables) -> None:
    await lead_a_life(visitor, outbox)
    assert await tables.kinds() == LIFE
    [user] = await tables.rows("user")
    trail = await tables.trail()
    assert {entry["target_id"] for entry in trail} == {user["id"]}
    assert {entry["ip"] for entry in trail} == {"192.0.2.1"}
    assert len({entry["request_id"] for entry in trail}) == len(trail), "each request has a number of its own"
    unproven = {entry["kind"] for entry in trail if entry["actor_id"] is None}
    assert unproven == {"user.registered", "user.registered-again", "sign-in.failed"}
    [moved] = [entry for entry in trail if entry["kind"] == "email.changed"]
    assert (moved["before"], moved["after"]) == ({"email": visitor.email}, {"email": "new@example.com"})


def test_every_kind_is_in_the_guide() -> None:
    guide = (PROJECT_ROOT / "docs/trail.md").read_text("utf-8")
    listed = re.findall(r"^\| (`.*`) \|", guide, re.MULTILINE)
    modules = [path.read_text("utf-8") for path in (PROJECT_ROOT / "app").rglob("*.py")]
    events = [text for text in modules if "Event(StrEnum):" in text]
    kinds = {kind for text in events for kind in re.findall(r'^    [A-Z_]+ = "([a-z-]+\.[a-z-]+)"', text, re.MULTILINE)}
    assert {kind for row in listed for kind in re.findall(r"`(\S+?)`", row)} ^ kinds <= OF_SOME_CREDENTIALS


@pytest.mark.checklist("I05")
async def test_the_trail_holds_no_secret(visitor: Person, outbox: Outbox, tables: Tables) -> None:
    await visitor.register()
    token = outbox.token_for(visitor)
    await visitor.verify()
    await visitor.post("/login", email=visitor.email, password=WRONG)
    await visitor.sign_in()
    await visitor.post("/users/me/password", current_password=PASSWORD, new_password=ANOTHER_PASSWORD)
    trail = str(await tables.trail())
    assert not any(secret in trail for secret in (PASSWORD, WRONG, ANOTHER_PASSWORD, token, "$argon2"))


@pytest.mark.checklist("B05", "I05")
async def test_a_sign_in_to_an_unknown_address_is_recorded_without_it(visitor: Person, tables: Tables) -> None:
    assert (await visitor.sign_in()).status_code == 401
    [entry] = await tables.trail()
    assert (entry["kind"], entry["target_id"], visitor.email in str(entry)) == ("sign-in.failed", None, False)


async def test_that_an_account_is_closed_is_recorded_once(
    grace: Person, stage: Stage, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, Action.SIGN_IN, (Limit(2, timedelta(minutes=15)), Limit(99, timedelta(minutes=15))))
    for number in range(6):
        mallory = stage.person("mallory", f"198.51.100.{number}")
        await mallory.post("/login", email=grace.email.upper(), password=WRONG)
    [user] = await tables.rows("user")
    throttled = await tables.trail("sign-in.throttled")
    assert [(entry["target_id"], entry["ip"]) for entry in throttled] == [(user["id"], "198.51.100.2")]


@pytest.mark.checklist("I05")
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "UPDATE audit_event SET kind = 'something.else'",
        "UPDATE audit_event SET actor_id = gen_random_uuid(), ip = '', before = NULL, after = NULL",
        "UPDATE audit_event SET ip = '203.0.113.7'",
        "UPDATE audit_event SET created_at = now() - interval '31 days'",
    ],
)
async def test_an_entry_can_be_neither_changed_nor_removed(visitor: Person, tables: Tables, change: str) -> None:
    await visitor.register()
    before = await tables.trail()
    assert before
    with pytest.raises(DBAPIError, match=r"not changed or removed"):
        await tables.execute(change)
    assert await tables.trail() == before


@pytest.mark.checklist("I08")
async def test_who_leaves_leaves_nothing_personal_in_it(grace: Person, tables: Tables) -> None:
    await grace.sign_in()
    await grace.post("/users/me/email", email="hopper@example.com", password=PASSWORD)
    assert (await grace.client.delete("/users/me")).status_code == 204
    trail = await tables.trail()
    assert trail[-1]["kind"] == "user.deleted"
    assert {(entry["ip"], entry["before"], entry["after"]) for entry in trail} == {("", None, None)}
    assert not any(word in str(trail) for word in ("grace", "hopper", "192.0.2.1"))


async def test_entries_go_when_they_are_as_old_as_the_settings_say(
    app: Litestar, settings: Settings, tables: Tables
) -> None:
    for days in (settings.audit_retention_days - 1, settings.audit_retention_days + 1):
        await tables.execute(OLD_ENTRY.format(days=days))
    await remove_expired_rows(app)
    assert len(await tables.trail()) == 1


@pytest.mark.parametrize(
    ("trusted", "given", "kept"),
    [
        ("192.0.2.0/24", "0123456789abcdef", "0123456789abcdef"),
        ("", "0123456789abcdef", ""),
        ("192.0.2.0/24", "short", ""),
        ("192.0.2.0/24", "0123456789abcdef\tx", ""),
    ],
)
async def test_a_proxy_that_is_trusted_numbers_requests(
    settings: Settings, tables: Tables, trusted: str, given: str, kept: str
) -> None:
    trusting = Settings.model_validate(settings.model_dump() | ALLOWED | {"trusted_proxies": trusted})
    async with another_stage(trusting) as stage:
        visitor = stage.person("visitor")
        body = {"email": visitor.email, "password": PASSWORD}
        await visitor.client.post("/login", json=body, headers={"X-Request-ID": given})
    [entry] = await tables.trail()
    assert kept in entry["request_id"]
    assert (entry["request_id"] == given) is bool(kept)
    assert len(entry["request_id"]) in range(8, 65)
