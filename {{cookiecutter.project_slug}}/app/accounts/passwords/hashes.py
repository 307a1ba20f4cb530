"""Password hashes: argon2id (RFC 9106) through passlib, and what it costs to check one."""

import re
import secrets
import unicodedata
from base64 import b64encode
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager

from passlib.context import CryptContext

from app.accounts.passwords import imported_hashes
from app.http.errors import TooBusy
from app.settings import Settings
from app.settings.hashes import HASH_MAX_ITERATIONS
from app.settings.hashes import HASH_MAX_MEMORY_KIB

# The type and the version of new hashes.
ARGON2ID = "$argon2id$v=19"
SALT_BYTES, DIGEST_BYTES = 16, 32
HASH = re.compile(
    r"(?P<cost>\$argon2(?:id|i|d)\$(?:v=19\$)?m=(?P<memory>\d{1,9}),t=(?P<iterations>\d{1,9}),p=(?P<lanes>\d{1,9}))"
    r"\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}",
    re.ASCII,
)
SHORTAGE = "no memory or thread for a password hash (HASH_MEMORY_KIB)"
# How argon2 says that the machine has nothing left for a hash; passlib takes that for a hash that it cannot read.
SHORTAGES = {"Memory allocation error", "Threading failure"}
# How OpenSSL says it, which computes scrypt.
SCRYPT_SHORTAGE = "malloc failure"


class Hashes:
    """Makes hashes at the cost that the settings name, and checks those of any cost."""

    def __init__(self, settings: Settings) -> None:
        self._context = CryptContext(
            ["argon2", *imported_hashes.SCHEMES],
            argon2__type="ID",
            argon2__memory_cost=settings.hash_memory_kib,
            argon2__rounds=settings.hash_iterations,
            argon2__parallelism=settings.hash_parallelism,
            argon2__salt_size=SALT_BYTES,
            argon2__digest_size=DIGEST_BYTES,
        )
        cost = f"m={settings.hash_memory_kib},t={settings.hash_iterations},p={settings.hash_parallelism}"
        self.cost = f"{ARGON2ID}${cost}"
        self._decoys = {self.cost: decoy(self.cost)}

    @property
    def costs(self) -> list[str]:
        """The costs of which each check computes a hash."""
        return [*self._decoys]

    def make(self, password: str) -> str:
        """The hash to store.

        Raises:
            TooBusy: if the machine has no memory or no thread left for it.
        """
        with shortage_is_busy():
            return str(self._context.hash(password))

    def fits(self, password: str, stored: str | None) -> bool:
        """Whether the password belongs to the stored hash.

        Each check computes one hash of each cost that stored hashes are known to have, in the same order. So the work
        is the same for a hash of today's cost, for one of a former cost or of another system, for a damaged one and
        where there is none. Time does not tell who has an account, also after `HASH_*` was changed or users imported.

        Raises:
            TooBusy: if the machine has no memory or no thread left for it.
        """
        cost = cost_of(stored)
        self.learn([cost])
        stored = imported_hashes.in_known_form(stored or "")
        verdicts = [self._fits(password, stored if cost == each else None, each) for each in self.costs]
        return any(verdicts)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash has another cost than the settings name."""
        return cost_of(stored) != self.cost

    def learn(self, costs: Iterable[str | None]) -> None:
        """Remember costs that stored hashes have."""
        for cost in costs:
            if cost is not None and cost not in self._decoys:
                self._decoys[cost] = decoy(cost)

    def _fits(self, password: str, stored: str | None, cost: str) -> bool:
        with shortage_is_busy():
            try:
                return self._verify(password, stored or self._decoys[cost])
            except ValueError as error:
                if is_shortage(error):
                    raise
                # It cannot be read, so nothing was computed yet.
                return self._verify(password, self._decoys[cost])

    def _verify(self, password: str, known: str) -> bool:
        return bool(self._context.verify(imported_hashes.bytes_for(password, known), known))


def cost_of(stored: str | None) -> str | None:
    """How a hash says what it costs, `$argon2id$v=19$m=47104,t=1,p=1`; None for a text that no password fits.

    A cost that no setting allows counts as damage: one damaged row must not exhaust the memory of a process.
    """
    known = imported_hashes.in_known_form(stored or "")
    parts = HASH.fullmatch(known)
    if parts is None:
        return imported_hashes.cost_of(known)
    memory, iterations, lanes = (int(parts[name]) for name in ("memory", "iterations", "lanes"))
    is_possible = 1 <= lanes <= memory // 8 and memory <= HASH_MAX_MEMORY_KIB and 1 <= iterations <= HASH_MAX_ITERATIONS
    return parts["cost"] if is_possible else None


def is_hash(stored: str) -> bool:
    """Whether some password fits what is stored."""
    return cost_of(stored) is not None


def decoy(cost: str) -> str:
    """A hash that no known password fits, and that takes as long to check as any other of this cost."""
    if not cost.startswith("$argon2"):
        return imported_hashes.decoy(cost)
    parts = (b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (SALT_BYTES, DIGEST_BYTES))
    return "$".join((cost, *parts))


@contextmanager
def shortage_is_busy() -> Iterator[None]:
    """Tell a hash that the machine could not compute from one that the password does not fit."""
    try:
        yield
    except (MemoryError, ValueError) as error:
        if isinstance(error, MemoryError) or is_shortage(error):
            # Not chained: the message of passlib holds the hash.
            raise TooBusy(SHORTAGE) from None
        raise


def is_shortage(error: Exception) -> bool:
    """Whether this is a shortage, which passlib takes for a hash that it cannot read."""
    return str(error.__context__) in SHORTAGES or SCRYPT_SHORTAGE in str(error)


def normalise_password(password: str) -> str:
    """The normalised spelling of a password: keyboards encode the same letter in different ways."""
    return unicodedata.normalize("NFC", password)
