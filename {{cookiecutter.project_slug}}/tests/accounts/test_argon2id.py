"""Hashes are those of the library, wherever they are computed."""

import mmap
import sys
import weakref

import pytest
from argon2 import PasswordHasher
from argon2 import extract_parameters
from argon2.exceptions import HashingError
from argon2.low_level import Type

from app.accounts.argon2id import Argon2id
from app.accounts.argon2id import compute
from app.accounts.argon2id import in_large_pages
from app.accounts.argon2id import is_hash

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


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux is asked for large pages.")
def test_what_the_library_cannot_compute_is_an_error_and_no_hash() -> None:
    cost = extract_parameters(Argon2id(KIB, 2, 1).digest(PASSWORD))
    with pytest.raises(HashingError, match="Salt is too short"):
        compute(PASSWORD.encode(), b"salt", cost)


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux is asked for large pages.")
def test_the_library_wipes_and_the_kernel_gets_back_what_a_hash_was_computed_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[mmap.mmap] = []

    def give(kib: int) -> mmap.mmap:
        given.append(in_large_pages(kib))
        return given[-1]

    monkeypatch.setattr("app.accounts.argon2id.in_large_pages", give)
    argon2id = Argon2id(KIB, 2, 1)
    stored = argon2id.digest(PASSWORD)
    assert [argon2id.verify(PASSWORD, stored), argon2id.verify("another", stored)] == [True, False]
    assert [any(memory[:]) for memory in given] == [False, False]
    kept = [weakref.ref(memory) for memory in given]
    given.clear()
    assert [memory() for memory in kept] == [None, None]
