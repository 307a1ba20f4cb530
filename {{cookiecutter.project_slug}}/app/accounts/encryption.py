"""Encrypts values that the service reads again, with a key for each purpose that can be replaced."""

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.fernet import Fernet
from cryptography.fernet import InvalidToken
from cryptography.fernet import MultiFernet

from app.settings import Settings


def encrypt(settings: Settings, purpose: str, value: bytes) -> str:
    """The encrypted value, as text."""
    return _fernet(settings, purpose).encrypt(value).decode()


def decrypt(settings: Settings, purpose: str, encrypted: str) -> bytes | None:
    """The value; None if the text is anything else, was encrypted for another purpose, or its key is gone."""
    try:
        return _fernet(settings, purpose).decrypt(encrypted.encode())
    except (InvalidToken, ValueError):
        return None


def key_id(settings: Settings, purpose: str) -> str:
    """A name of the key that encrypts now. It reveals nothing else."""
    return sha256(settings.key_for(purpose)).hexdigest()[:8]


def _fernet(settings: Settings, purpose: str) -> MultiFernet:
    # The first key encrypts; the key that is being replaced still decrypts.
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in settings.keys_for(purpose)])
