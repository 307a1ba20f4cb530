"""Hashes of passwords: which fit, what checking one costs, and what happens when the machine has nothing left."""

import resource
import sys
from collections import Counter
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from argon2.low_level import Type
from passlib.handlers.argon2 import argon2

from app.accounts.passwords import hasher
from app.accounts.passwords.hashes import Hashes
from app.accounts.passwords.hashes import cost_of
from app.accounts.passwords.hashes import is_hash
from app.http.errors import TooBusy
from app.settings import Settings
from app.settings.hashes import HASH_MAX_MEMORY_KIB
from tests.cast import ANOTHER_PASSWORD
from tests.cast import Stage
from tests.tables import Tables

PASSWORD = "correct hörse battery staple"
STORED = {
    "today's cost": PasswordHasher(1, 64, 1),
    "more memory": PasswordHasher(1, 128, 1),
    "less memory": PasswordHasher(1, 32, 1),
    "more iterations": PasswordHasher(3, 64, 1),
    "more lanes": PasswordHasher(1, 64, 4),
    "longer": PasswordHasher(1, 128, 1, hash_len=64, salt_len=32),
    "argon2i": PasswordHasher(1, 64, 1, type=Type.I),
    "argon2d": PasswordHasher(1, 64, 1, type=Type.D),
}
SALT = "c2FsdHNhbHQ"
DIGEST = "c2FsdHNhbHRzYWx0c2FsdA"
NOT_HASHES = [
    None,
    "",
    "!",
    "corrupt",
    "$argon2id$",
    f"$argon2id$v=19$m=1024,t=2,p=1${SALT}",
    f"$argon2id$v=19$m=1024,t=2,p=1$${DIGEST}",
    f"$argon2id$v=19$m=1024,t=2,p=1${SALT}$",
    f"$argon2id$v=19$m=1024,t=2,p=1$c2FsdA${DIGEST}",
    "$argon2id$v=19$m=1024,t=2,p=1$!!$??",
    f"$argon2id$v=19$m=1,t=2,p=1${SALT}${DIGEST}",
    f"$argon2id$v=19$m=1024,t=0,p=1${SALT}${DIGEST}",
    f"$argon2id$v=19$m=1024,t=2,p=0${SALT}${DIGEST}",
    f"$argon2id$v=19$m=1024,t=2,p=256${SALT}${DIGEST}",
    f"$argon2id$v=19$m={HASH_MAX_MEMORY_KIB + 1},t=2,p=1${SALT}${DIGEST}",
    f"$argon2id$v=19$m=1024,t=101,p=1${SALT}${DIGEST}",
    f"$argon2id$v=19$m=-1,t=2,p=1${SALT}${DIGEST}",
    f"$argon2id$v=20$m=1024,t=2,p=1${SALT}${DIGEST}",
    f"$argon2id$v=19$m=1024,t=2,p=1${SALT}$é{DIGEST}",
    f"$argon2id$v=19$m=1024,t=2,p=1${SALT}${DIGEST}\n",
    # It looks like a hash, and its salt has a length that base64 does not have.
    f"$argon2id$v=19$m=64,t=1,p=1${SALT}AA${DIGEST}",
]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many hashes of each cost were computed."""
    computed: Counter[str] = Counter()
    verify = argon2.verify

    def count(secret: str, stored: str) -> bool:
        is_right = bool(verify(secret, stored))
        computed[stored.rsplit("$", 2)[0]] += 1
        return is_right

    monkeypatch.setattr(argon2, "verify", count)
    return computed


def work_of(computed: Counter[str]) -> dict[str, int]:
    """What was computed, and begin again."""
    done = dict(computed)
    computed.clear()
    return done


@pytest.mark.checklist("C04")
@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("password", [PASSWORD, "", "x" * 1000])
def test_a_hash_is_that_of_its_password_alone_whatever_it_costs(settings: Settings, kind: str, password: str) -> None:
    checked, stored = Hashes(settings), STORED[kind].hash(password)
    assert checked.fits(password, stored)
    assert not checked.fits(password + " ", stored)
    rest, _, digest = stored.rpartition("$")
    assert not checked.fits(password, f"{rest}${'A' * len(digest)}")
    assert checked.is_outdated(stored) == (kind != "today's cost")


def test_what_is_made_is_random_and_another_library_reads_it(settings: Settings) -> None:
    made = Hashes(settings).make(PASSWORD)
    assert made.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert PasswordHasher().verify(made, PASSWORD)
    assert Hashes(settings).make(PASSWORD) != made


@pytest.mark.checklist("B01", "B03")
@pytest.mark.parametrize("kind", STORED)
def test_a_check_costs_the_same_whatever_is_stored(settings: Settings, computed: Counter[str], kind: str) -> None:
    checked, stored = Hashes(settings), STORED[kind].hash(PASSWORD)
    checked.learn([cost_of(stored)])
    costs = {"$argon2id$v=19$m=64,t=1,p=1": 1, str(cost_of(stored)): 1}
    today = checked.make(PASSWORD)
    for password in (PASSWORD, "a wrong password"):
        for each in (stored, today, *NOT_HASHES):
            checked.fits(password, each)
            assert work_of(computed) == costs, each


@pytest.mark.checklist("B01")
def test_a_cost_that_is_seen_for_the_first_time_counts_from_then_on(settings: Settings, computed: Counter[str]) -> None:
    checked = Hashes(settings)
    checked.fits(PASSWORD, None)
    assert work_of(computed) == {"$argon2id$v=19$m=64,t=1,p=1": 1}
    checked.fits(PASSWORD, STORED["more memory"].hash(PASSWORD))
    known = work_of(computed)
    checked.fits(PASSWORD, None)
    assert work_of(computed) == known == {"$argon2id$v=19$m=64,t=1,p=1": 1, "$argon2id$v=19$m=128,t=1,p=1": 1}


@pytest.mark.checklist("B01")
@pytest.mark.parametrize("former", ["more memory", "less memory"])
async def test_costs_that_are_stored_count_before_the_first_check(
    stage: Stage, tables: Tables, computed: Counter[str], monkeypatch: pytest.MonkeyPatch, former: str
) -> None:
    ours = hasher.Hasher(stage.app.state.settings)
    monkeypatch.setattr(hasher, "hasher_for", lambda _: ours)
    damaged = f"$argon2id$v=19$m={HASH_MAX_MEMORY_KIB + 1},t=1,p=1${SALT}${DIGEST}"
    grace, hopper, lovelace = [await stage.verified(name) for name in ("grace", "hopper", "lovelace")]
    for person, stored in ((hopper, STORED[former].hash(PASSWORD)), (lovelace, damaged)):
        change = f"UPDATE \"user\" SET password_hash = '{stored}' WHERE email = '{person.email}'"  # noqa: S608  # made above
        await tables.execute(change)
    assert await hasher.learn_costs(stage.app) > 0
    for email in ("nobody@example.com", grace.email, hopper.email, lovelace.email):
        await grace.post("/login", email=email, password="a wrong password")
        assert sum(work_of(computed).values()) == 2, email


@pytest.mark.checklist("B03")
@pytest.mark.parametrize("stored", NOT_HASHES)
def test_no_password_fits_what_is_not_a_hash(settings: Settings, stored: str | None) -> None:
    assert not Hashes(settings).fits(PASSWORD, stored)
    assert not Hashes(settings).fits("", stored)


def test_a_missing_password_is_not_a_hash(settings: Settings) -> None:
    assert is_hash(Hashes(settings).make(PASSWORD))
    assert not is_hash(hasher.NONE)


@pytest.mark.checklist("B10")
@pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere memory is promised without a limit.")
def test_a_right_password_is_not_called_wrong_when_memory_is_refused(settings: Settings) -> None:
    dear = Hashes(settings.model_copy(update={"hash_memory_kib": 262_144}))
    stored = dear.make(PASSWORD)
    before = resource.getrlimit(resource.RLIMIT_AS)
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + 32 * 1024 * 1024, before[1]))
    try:
        for use in (lambda: dear.fits(PASSWORD, stored), lambda: dear.make(PASSWORD)):
            with pytest.raises(TooBusy) as refusal:
                use()
            assert refusal.value.__cause__ is None
            assert refusal.value.__suppress_context__, "what passlib says holds the hash"
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert dear.fits(PASSWORD, stored)


@pytest.mark.checklist("B10")
async def test_without_memory_for_a_hash_nothing_is_spent_and_it_works_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    grace, newcomer = await stage.verified("grace"), stage.person("newcomer")
    await grace.post("/forgot-password", email=grace.email)
    token = stage.outbox.token_for(grace)
    body = {"token": token, "password": ANOTHER_PASSWORD}

    def refuse(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(argon2, "hash", refuse)
        answers = [await newcomer.register(), await grace.post("/reset-password", **body)]
    assert [(answer.status_code, "Retry-After" in answer.headers) for answer in answers] == [(503, True)] * 2
    assert (await newcomer.register()).status_code == 202
    assert (await grace.post("/reset-password", **body)).status_code == 204
