"""Which passwords are good enough, and how they are kept."""

import asyncio
import os
import sys
import threading
import unicodedata
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from sqlalchemy.pool import QueuePool

from app.accounts.passwords import hasher
from app.accounts.passwords import policy
from app.accounts.passwords.hasher import MAX_FOR_ONE_ACCOUNT
from app.accounts.passwords.hasher import MAX_WAITING
from app.accounts.passwords.hasher import NICE
from app.accounts.passwords.hasher import NICEST
from app.accounts.passwords.hasher import Hasher
from app.accounts.passwords.hasher import Verdict
from app.accounts.passwords.hashes import Hashes
from app.accounts.passwords.policy import EASY_TO_GUESS
from app.database.sessions import engine_of
from app.settings import PROJECT_NAME
from app.settings import Settings
from app.settings.types import Switch
from tests.cast import GUESSABLE
from tests.cast import PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.other_services import ALLOWED
from tests.other_services import another_stage
from tests.racing import at_once
from tests.racing import statuses
from tests.tables import Tables

SHORT_ALLOWED = {"password_min_length": 8}
UNUSUAL = "vözbak tjunflüq ærdwim "


@pytest.mark.checklist("C01")
@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("length", [8, 14])
async def test_how_short_a_password_may_be_is_a_setting(settings: Settings, length: int) -> None:
    async with another_stage(settings, password_min_length=length) as stage:
        visitor = stage.person("visitor")
        visitor.password = UNUSUAL[: length - 1]
        assert (await visitor.register()).status_code == 400
        visitor.password = UNUSUAL[:length]
        assert (await visitor.register()).status_code == 202


@pytest.mark.checklist("C03")
@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("password", "changes"),
    [
        *((password, {}) for password in GUESSABLE),
        *((password, SHORT_ALLOWED) for password in ("password1", "PassWord1", "1qaz2wsx3edc", "leavemealone")),
    ],
)
async def test_what_attackers_try_first_is_refused_at_sign_up_and_at_reset(
    settings: Settings, password: str, changes: dict[str, int]
) -> None:
    async with another_stage(settings, **changes) as stage:
        visitor = stage.person("visitor")
        answer = await visitor.post("/register", email=visitor.email, password=password)
        assert (answer.status_code, answer.json()["errors"]) == (400, [{"field": "password", "message": EASY_TO_GUESS}])
        await visitor.register()
        await visitor.post("/forgot-password", email=visitor.email)
        token = stage.outbox.token_for(visitor)
        assert (await visitor.post("/reset-password", token=token, password=password)).status_code == 400
        assert (await visitor.post("/reset-password", token=token, password=PASSWORD)).status_code == 204


@pytest.mark.checklist("C03")
@pytest.mark.parametrize(
    "password",
    [
        "my name is Quuxley.Vroomfondel",
        f"welcome to {PROJECT_NAME}, everybody",
        "vroomfondel 2024",
        "quuxley magrathea",
        "Ixnetaur Zaphodwick",
    ],
)
async def test_the_address_the_name_and_our_name_are_refused_in_it(visitor: Person, password: str) -> None:
    body = {"email": "quuxley.vroomfondel@magrathea.example", "display_name": "Zaphodwick Ixnetaur"}
    answer = await visitor.post("/register", password=password, **body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "password")


@pytest.mark.checklist("C02")
@pytest.mark.parametrize(
    "password",
    [
        "blaue Ziegen lesen Karten",
        "снегирь корова лопата",
        "毎朝六時に犬と海辺を散歩します",
        "🙂🚀🌵🐙🍕🎸🧊🪐🦊🥁🧲🪁🧦🛶🥝",
    ],
)
async def test_any_characters_will_do(visitor: Person, password: str) -> None:
    visitor.password = password
    assert (await visitor.register()).status_code == 202
    await visitor.verify()
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.checklist("C02")
async def test_it_is_the_same_however_the_keyboard_writes_it(visitor: Person) -> None:
    visitor.password = unicodedata.normalize("NFD", "üöä and a few more letters")
    await visitor.register()
    await visitor.verify()
    visitor.password = unicodedata.normalize("NFC", visitor.password)
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.checklist("C02")
async def test_nothing_is_cut_off(visitor: Person) -> None:
    visitor.password = UNUSUAL * 4 + "last1"
    await visitor.register()
    await visitor.verify()
    assert (await visitor.post("/login", email=visitor.email, password=UNUSUAL * 4 + "last2")).status_code == 401
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.checklist("I01")
@pytest.mark.parametrize("character", ["\U0001d160", "\ufb2c"])
async def test_a_password_that_grows_when_it_is_normalised_is_wrong_as_any_other(grace: Person, character: str) -> None:
    # The longest one that is accepted becomes 6,144 bytes.
    await grace.sign_in()
    for email in (grace.email, "unknown@example.com"):
        assert (await grace.post("/login", email=email, password=character * 512)).status_code == 401
    assert (await grace.post("/reauthenticate", password=character * 512)).status_code == 400
    refused = await grace.post("/users/me/password", current_password=character * 512, new_password=UNUSUAL * 2)
    assert refused.json()["errors"][0]["field"] == "current_password"


@pytest.mark.checklist("C04")
async def test_argon2id_is_stored_at_the_cost_of_the_settings(settings: Settings, tables: Tables) -> None:
    async with another_stage(settings, **ALLOWED) as stage:
        grace = await stage.verified("grace")
    [row] = await tables.rows("user")
    assert row["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert grace.password not in row["password_hash"]


@pytest.mark.checklist("C05")
@pytest.mark.parametrize("cost", [(1, 8192, 1), (3, 19_456, 1), (2, 65_536, 1), (2, 19_456, 2)])
async def test_a_hash_of_another_cost_is_replaced_at_the_next_sign_in(
    settings: Settings, tables: Tables, cost: tuple[int, int, int]
) -> None:
    async with another_stage(settings, **ALLOWED) as stage:
        await see_it_replaced(await stage.verified("grace"), tables, cost)


async def see_it_replaced(grace: Person, tables: Tables, cost: tuple[int, int, int]) -> None:
    """Store a hash of another cost than the settings name, and sign in."""
    iterations, memory_kib, lanes = cost
    former = PasswordHasher(iterations, memory_kib, lanes).hash(PASSWORD)
    await tables.execute(f"UPDATE \"user\" SET password_hash = '{former}'")  # noqa: S608  # made above
    assert (await grace.post("/login", email=grace.email, password="a wrong password")).status_code == 401
    assert [row["password_hash"] for row in await tables.rows("user")] == [former]
    assert (await grace.sign_in()).status_code == 201
    [row] = await tables.rows("user")
    assert "m=19456,t=2,p=1" in row["password_hash"]
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("C05")
async def test_no_right_password_is_refused_while_another_request_replaces_the_hash(
    signed_in: Person, stage: Stage, tables: Tables
) -> None:
    former = PasswordHasher(1, 128, 1).hash(PASSWORD)
    await tables.execute(f"UPDATE \"user\" SET password_hash = '{former}'")  # noqa: S608  # made above
    sign_ins = (stage.person("grace", f"192.0.2.{number}").sign_in() for number in range(2, 5))
    answers = await at_once(tables, *sign_ins, signed_in.post("/reauthenticate", password=PASSWORD))
    assert statuses(answers) == [201, 201, 201, 204]
    assert not {"sign-in.failed", "password.refused"} & {*await tables.kinds()}
    assert [row["password_hash"] == former for row in await tables.rows("user")] == [False]


@pytest.mark.checklist("B09")
@pytest.mark.parametrize("method", ["verify", "digest"])
async def test_no_connection_is_held_while_a_password_is_hashed(
    app: Litestar, grace: Person, visitor: Person, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    pool = engine_of(app).pool
    assert isinstance(pool, QueuePool)
    held: list[int] = []
    compute = getattr(Hasher, method)

    async def watch(hasher: Hasher, *arguments: str, **options: bool) -> object:
        held.append(pool.checkedout())
        return await compute(hasher, *arguments, **options)

    monkeypatch.setattr(Hasher, method, watch)
    await (grace.sign_in() if method == "verify" else visitor.register())
    assert held == [0]


@pytest.mark.checklist("B03", "C05")
@pytest.mark.parametrize("state", ["is_verified = false", "is_active = false"])
async def test_no_hash_is_replaced_for_an_account_that_may_not_sign_in(
    grace: Person, tables: Tables, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    former = PasswordHasher(1, 128, 1).hash(PASSWORD)
    await tables.execute(f"UPDATE \"user\" SET password_hash = '{former}', {state}")  # noqa: S608  # made above
    monkeypatch.setattr(Hashes, "make", lambda _hashes, _password: pytest.fail("It would tell that it was right."))
    assert (await grace.sign_in()).status_code == 401
    assert [row["password_hash"] for row in await tables.rows("user")] == [former]


class Jam:
    """Hashes that take until they are let go, and how many were computed at once."""

    def __init__(self) -> None:
        self.begun = 0
        self._go_on = threading.Event()

    def verify(self, _password: str, _stored: str | None) -> Verdict:
        """Wait."""
        self.begun += 1
        self._go_on.wait(30)
        return Verdict(is_right=False)

    async def has_begun(self, hashes: int) -> None:
        """Wait until so many have begun, and a moment for one more, which would be too many."""
        async with asyncio.timeout(10):
            while self.begun < hashes:  # noqa: ASYNC110  # threads count, and set no event
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        assert self.begun == hashes

    def end(self) -> None:
        """Let all of them go."""
        self._go_on.set()


@pytest.fixture
def jam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jam]:
    """No hash comes to an end before the test says so."""
    jam = Jam()
    monkeypatch.setattr(Hasher, "_verify", lambda _hasher, *arguments: jam.verify(*arguments))
    yield jam
    jam.end()


@pytest.mark.checklist("B09", "B10")
@pytest.mark.usefixtures("tables")
async def test_few_hashes_are_computed_at_once_and_hold_up_nothing_else(settings: Settings, jam: Jam) -> None:
    async with another_stage(settings, throttle=Switch.OFF, hash_concurrency=2) as stage:
        people = [stage.person(f"user{number}") for number in range(200)]
        signing_in = [asyncio.create_task(person.sign_in()) for person in people]
        most = 2 + 2 * MAX_WAITING
        refused, _ = await asyncio.wait(signing_in, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        while len(refused) < len(people) - most:
            refused |= (await asyncio.wait(set(signing_in) - refused, return_when=asyncio.FIRST_COMPLETED))[0]
        visitor = stage.person("visitor")
        assert (await visitor.get("/health")).status_code == 200
        assert (await visitor.get("/users/me")).status_code == 401
        await jam.has_begun(2)
        jam.end()
        answers = [await task for task in signing_in]
    assert sorted(answer.status_code for answer in answers) == [401] * most + [503] * (len(people) - most)
    assert {answer.headers.get("Retry-After") for answer in answers if answer.status_code == 503} == {"5"}


@pytest.mark.checklist("B10")
@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("email", ["grace@example.com", "nobody@example.com", "not an address"])
async def test_one_account_takes_two_of_the_places_that_hashes_have(settings: Settings, jam: Jam, email: str) -> None:
    async with another_stage(settings, throttle=Switch.OFF, hash_concurrency=4) as stage:
        await stage.verified("grace")
        spellings = [email, email.upper(), f" {email}"] * 12
        trying = {asyncio.create_task(grace_at(stage, spelling)) for spelling in spellings}
        refused, trying = await asyncio.wait(trying, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        while len(trying) > MAX_FOR_ONE_ACCOUNT + MAX_WAITING:
            done, trying = await asyncio.wait(trying, timeout=10, return_when=asyncio.FIRST_COMPLETED)
            refused |= done
        assert {task.result() for task in refused} == {(429, "5")}
        await jam.has_begun(MAX_FOR_ONE_ACCOUNT)
        others = [asyncio.create_task(grace_at(stage, f"other{number}@example.com")) for number in range(2)]
        await jam.has_begun(MAX_FOR_ONE_ACCOUNT + len(others))
        jam.end()
        assert {await task for task in [*trying, *others]} == {(401, None)}


@pytest.mark.checklist("B10", "I13")
async def test_an_account_takes_two_of_the_places_where_new_passwords_are_judged(
    grace: Person, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, go_on = 0, asyncio.Event()

    async def judge(*_: object) -> bool:
        nonlocal judged
        judged += 1
        await go_on.wait()
        return True

    monkeypatch.setattr(policy, "is_guessable", judge)
    await grace.post("/forgot-password", email=grace.email)
    # A link that is not used up by passwords that are refused.
    body = {"token": stage.outbox.token_for(grace), "password": UNUSUAL}
    most = MAX_FOR_ONE_ACCOUNT + MAX_WAITING
    trying = [asyncio.create_task(grace.post("/reset-password", **body)) for _ in range(most + 1)]
    [refused], _ = await asyncio.wait(trying, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    assert (refused.result().status_code, judged) == (429, MAX_FOR_ONE_ACCOUNT)
    go_on.set()
    assert sorted([(await each).status_code for each in trying]) == [400] * most + [429]


@pytest.mark.checklist("B06", "B10")
@pytest.mark.usefixtures("tables")
async def test_sign_ups_with_an_address_do_not_hold_up_its_owner(settings: Settings, jam: Jam) -> None:
    async with another_stage(settings, throttle=Switch.OFF, hash_concurrency=4) as stage:
        grace = await stage.verified("grace")
        most = MAX_FOR_ONE_ACCOUNT + MAX_WAITING
        mallory = [asyncio.create_task(stage.person("grace").register()) for _ in range(most + 1)]
        [refused], _ = await asyncio.wait(mallory, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert refused.result().status_code == 429
        signing_in = asyncio.create_task(grace.sign_in())
        await jam.has_begun(MAX_FOR_ONE_ACCOUNT + 1)
        jam.end()
        assert (await signing_in).status_code == 401, "what is jammed says no in the end"
        assert {(await task).status_code for task in mallory} == {202, 429}


async def grace_at(stage: Stage, email: str) -> tuple[int, str | None]:
    """Try to sign in; returns the status and after how long to try again."""
    answer = await stage.person("grace").post("/login", email=email, password=PASSWORD)
    return answer.status_code, answer.headers.get("Retry-After")


@pytest.mark.checklist("B09")
@pytest.mark.parametrize("more", [0, 5])
async def test_hashes_give_way_to_everything_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    def priority(_hasher: Hasher, _password: str, _stored: str | None) -> Verdict:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return Verdict(is_right=False)

    def verify_in_a_nicer_thread() -> None:
        # Niceness can only be raised, so that of another thread than this one.
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), usual + more)
        asyncio.run(Hasher(settings).verify(PASSWORD, None, "nobody@example.com"))

    seen: list[int] = []
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    monkeypatch.setattr(Hasher, "_verify", priority)
    monkeypatch.setattr(hasher, "NICE", NICE)
    await asyncio.to_thread(verify_in_a_nicer_thread)
    # Elsewhere threads have no priority of their own.
    assert seen == [min(usual + more + NICE, NICEST) if sys.platform == "linux" else usual]


@pytest.mark.checklist("D04")
@pytest.mark.parametrize("cost", [64, 128])
async def test_a_password_that_changes_while_it_is_checked_is_not_right_any_more(
    grace: Person, tables: Tables, monkeypatch: pytest.MonkeyPatch, cost: int
) -> None:
    stored = PasswordHasher(1, cost, 1).hash(PASSWORD)
    await tables.execute(f"UPDATE \"user\" SET password_hash = '{stored}'")  # noqa: S608  # made above
    verify = Hasher.verify

    async def change_meanwhile(hasher: Hasher, *arguments: str) -> Verdict:
        verdict = await verify(hasher, *arguments)
        await tables.execute("UPDATE \"user\" SET password_hash = 'a new one'")
        return verdict

    monkeypatch.setattr(Hasher, "verify", change_meanwhile)
    assert (await grace.sign_in()).status_code == 401
    assert [row["password_hash"] for row in await tables.rows("user")] == ["a new one"]
    assert await tables.rows("user_session") == []


@pytest.mark.checklist("C06")
async def test_it_is_in_no_mail(grace: Person, outbox: Outbox) -> None:
    assert all(grace.password not in text_of(message) for message in outbox.messages)
