"""Hashes are those of the library, wherever they are computed."""

import asyncio
import mmap
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from argon2 import extract_parameters
from argon2.exceptions import HashingError
from argon2.low_level import Type

from app.accounts import passwords
from app.accounts.argon2id import Argon2id
from app.accounts.argon2id import compute
from app.accounts.argon2id import in_large_pages
from app.accounts.argon2id import is_hash
from app.accounts.passwords import Hasher
from app.settings import Settings

KIB = 1024
PASSWORD = "correct hörse battery staple"
HASHES = {
    "as usual": PasswordHasher(2, KIB, 1),
    "cheaper": PasswordHasher(1, 64, 1),
    "dearer": PasswordHasher(2, 2 * KIB, 1),
    "in lanes": PasswordHasher(2, KIB, 4),
    "longer": PasswordHasher(2, KIB, 1, hash_len=64, salt_len=32),
    "argon2i": PasswordHasher(2, KIB, 1, type=Type.I),
    "argon2d": PasswordHasher(2, KIB, 1, type=Type.D),
}
NO_HASHES = [
    "",
    "!",
    "corrupt",
    "$argon2id$",
    "$argon2id$v=19$m=1024,t=2,p=1$c2FsdA",
    "$argon2id$v=19$m=1024,t=2,p=1$$",
    "$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ$",
    "$argon2id$v=19$m=1024,t=2,p=1$!$?",
    "$argon2id$v=19$m=1,t=2,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ",
    "$argon2id$v=19$m=1024,t=0,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ",
    "$argon2id$v=19$m=1024,t=2,p=0$c2FsdHNhbHQ$c2FsdHNhbHQ",
    "$argon2id$v=19$m=1024,t=2,p=99999999999$c2FsdHNhbHQ$c2FsdHNhbHQ",
    "$argon2id$v=19$m=-1,t=2,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ",
    "$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ$é",
]


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Only Linux is asked for large pages.")


def refuse(_kib: int) -> mmap.mmap:
    """There is no memory of this kind."""
    raise OSError


@pytest.fixture(params=["in large pages", "without"])
def argon2id(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Argon2id:
    """With large pages, if the machine has any, and as elsewhere."""
    if request.param == "without":
        monkeypatch.setattr("app.accounts.argon2id.in_large_pages", refuse)
    return Argon2id(KIB, 2, 1)


@pytest.mark.checklist("C04")
@pytest.mark.parametrize("kind", HASHES)
@pytest.mark.parametrize("password", [PASSWORD, "", "x" * 1000])
def test_a_hash_of_the_library_is_that_of_its_password_alone(argon2id: Argon2id, kind: str, password: str) -> None:
    stored = HASHES[kind].hash(password)
    assert argon2id.verify(password, stored)
    assert not argon2id.verify(password + " ", stored)
    salt, digest = stored.rsplit("$", 1)
    assert not argon2id.verify(password, f"{salt}${'A' * len(digest)}")
    assert argon2id.is_outdated(stored) == (kind != "as usual")


def test_what_is_made_here_can_be_read_by_the_library(argon2id: Argon2id) -> None:
    stored = argon2id.digest(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=1024,t=2,p=1$")
    assert PasswordHasher().verify(stored, PASSWORD)
    assert argon2id.digest(PASSWORD) != stored


@pytest.mark.checklist("B03")
@pytest.mark.parametrize("stored", NO_HASHES)
def test_what_is_no_hash_has_no_password(argon2id: Argon2id, stored: str) -> None:
    assert not argon2id.verify(PASSWORD, stored)
    assert not argon2id.verify("", stored)


def test_what_is_stored_where_there_is_no_password_is_no_hash() -> None:
    assert is_hash(Argon2id(KIB, 1, 1).digest(PASSWORD))
    assert not is_hash("!")


@on_linux
def test_what_the_library_cannot_compute_is_an_error_and_no_hash() -> None:
    cost = extract_parameters(Argon2id(KIB, 2, 1).digest(PASSWORD))
    with pytest.raises(HashingError, match="Salt is too short"):
        compute(PASSWORD.encode(), b"salt", cost, in_large_pages(KIB))


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[mmap.mmap]]:
    """The memory that was asked for, as long as somebody has it."""
    given: list[weakref.ref[mmap.mmap]] = []

    def give(kib: int) -> mmap.mmap:
        memory = in_large_pages(kib)
        given.append(weakref.ref(memory))
        return memory

    monkeypatch.setattr("app.accounts.argon2id.in_large_pages", give)
    return given


def content_of(given: list[weakref.ref[mmap.mmap]]) -> list[bytes | None]:
    """What is left in it, without zeros; None if it was given back."""
    return [memory[:].strip(b"\0") if (memory := each()) is not None else None for each in given]


@on_linux
def test_the_next_hash_is_computed_where_the_last_was_which_the_library_has_wiped(
    given: list[weakref.ref[mmap.mmap]],
) -> None:
    argon2id = Argon2id(KIB, 2, 1)
    stored = argon2id.digest(PASSWORD)
    assert [argon2id.verify(PASSWORD, stored), argon2id.verify("another", stored)] == [True, False]
    assert content_of(given) == [b""]
    argon2id.give_back()
    assert content_of(given) == [None]
    assert argon2id.verify(PASSWORD, stored)
    assert content_of(given) == [None, b""]


@on_linux
def test_hashes_at_the_same_time_are_computed_apart(given: list[weakref.ref[mmap.mmap]]) -> None:
    argon2id = Argon2id(KIB, 50, 1)
    stored = argon2id.digest(PASSWORD)
    with ThreadPoolExecutor(4) as threads:
        verdicts = [*threads.map(lambda number: argon2id.verify(PASSWORD[number % 2 :], stored), range(40))]
    assert verdicts == [True, False] * 20
    assert set(content_of(given)) == {b""}
    assert len(given) <= 4


@on_linux
async def test_when_nobody_signs_in_any_more_the_memory_is_given_back(
    settings: Settings, given: list[weakref.ref[mmap.mmap]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MEMORY_KEPT_SECONDS", 0)
    await Hasher(settings).verify(PASSWORD, None)
    await asyncio.sleep(0.01)
    assert content_of(given) == [None]
