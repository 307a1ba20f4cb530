"""The hashes that the tests of a service import are really those of the systems that it names."""

import runpy

import bcrypt
import pytest
from django.conf import settings
from django.contrib.auth.hashers import check_password
from werkzeug.security import check_password_hash

from tests.conftest import REPOSITORY

FOREIGN = runpy.run_path(str(REPOSITORY / "{{cookiecutter.project_slug}}/tests/accounts/foreign_hashes.py"))
HASHES: dict[str, str] = FOREIGN["HASHES"]
PASSWORD: str = FOREIGN["PASSWORD"]
HASHERS = ("PBKDF2", "BCryptSHA256", "BCrypt", "Argon2", "Scrypt")


@pytest.fixture(scope="module", autouse=True)
def _django() -> None:
    settings.configure(PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{name}PasswordHasher" for name in HASHERS])


@pytest.mark.parametrize("system", HASHES)
def test_their_own_library_accepts_the_password(system: str) -> None:
    stored = HASHES[system]

    if system.startswith("Django"):
        assert check_password(PASSWORD, stored)
        assert not check_password(PASSWORD + " ", stored)
    elif system.startswith("Werkzeug"):
        assert check_password_hash(stored, PASSWORD)
        assert not check_password_hash(stored, PASSWORD + " ")
    elif not system.startswith(("passlib", "better-auth")):  # One has no other library, the other is for Node.
        assert bcrypt.checkpw(PASSWORD.encode(), stored.encode())
