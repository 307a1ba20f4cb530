"""argon2id (RFC 9106), checked in memory that comes in large pages and is used again.

The library asks for memory for each hash. At 64 MiB the kernel clears 16,384 pages for that, one by one, and the
processor keeps looking up where they are: together that takes half as long as the hash alone. Linux has pages of 2 MiB,
too; it takes locks to hand them out, for which everybody waits, so the next hash gets those of the last.
"""

import hmac
import mmap
import sys
from base64 import b64decode
from contextlib import suppress
from typing import Any

from argon2 import DEFAULT_HASH_LENGTH
from argon2 import DEFAULT_RANDOM_SALT_LENGTH
from argon2 import Parameters
from argon2 import PasswordHasher
from argon2 import extract_parameters
from argon2.exceptions import HashingError
from argon2.exceptions import VerificationError
from argon2.low_level import ARGON2_VERSION
from argon2.low_level import Type
from argon2.low_level import core
from argon2.low_level import error_to_str
from argon2.low_level import ffi

BYTES = "uint8_t[]"
OK = 0


class Argon2id:
    """Hashes of passwords at one cost; those of another cost are left to the library."""

    def __init__(self, memory_kib: int, iterations: int, parallelism: int) -> None:
        self._cost = Parameters(
            type=Type.ID,
            version=ARGON2_VERSION,
            salt_len=DEFAULT_RANDOM_SALT_LENGTH,
            hash_len=DEFAULT_HASH_LENGTH,
            time_cost=iterations,
            memory_cost=memory_kib,
            parallelism=parallelism,
        )
        self._library = PasswordHasher.from_parameters(self._cost)
        # The library has wiped them.
        self._kept: list[mmap.mmap] = []

    def digest(self, password: str) -> str:
        """The hash to store, with everything that it takes to compute it again."""
        return self._library.hash(password)

    def verify(self, password: str, stored: str) -> bool:
        """Whether the password is that of the stored hash; what is no hash has none."""
        try:
            if not self.is_outdated(stored):
                salt, digest = _salt_and_digest(stored)
                # There may be no such memory, and hardened kernels refuse what a callback from C takes.
                with suppress(OSError, MemoryError):
                    return hmac.compare_digest(self._compute(password.encode(), salt), digest)
            return self._library.verify(stored, password)
        except (VerificationError, ValueError):
            return False

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was computed at another cost.

        Raises:
            InvalidHashError: if it is none.
        """
        return extract_parameters(stored) != self._cost

    def give_back(self) -> None:
        """Let others have the memory that is kept for the next hash."""
        self._kept.clear()

    def _compute(self, password: bytes, salt: bytes) -> bytes:
        try:
            memory = self._kept.pop()
        except IndexError:
            memory = in_large_pages(self._cost.memory_cost)
        try:
            return compute(password, salt, self._cost, memory)
        finally:
            self._kept.append(memory)


def is_hash(stored: str) -> bool:
    """Whether any password could belong to what is stored."""
    try:
        extract_parameters(stored)
        _salt_and_digest(stored)
    except ValueError:
        return False
    return True


def compute(password: bytes, salt: bytes, cost: Parameters, memory: mmap.mmap) -> bytes:
    """What the library computes, in this memory.

    Raises:
        HashingError: if the library refuses what it is given.
    """
    # Named, since the structure keeps nothing alive that it points to.
    hand_out, take_back = _lending(memory)
    digest = ffi.new(BYTES, cost.hash_len)
    asked = {
        "version": cost.version,
        "out": digest,
        "outlen": cost.hash_len,
        "pwd": ffi.from_buffer(BYTES, password),
        "pwdlen": len(password),
        "salt": ffi.from_buffer(BYTES, salt),
        "saltlen": len(salt),
        "t_cost": cost.time_cost,
        "m_cost": cost.memory_cost,
        "lanes": cost.parallelism,
        "threads": cost.parallelism,
        "allocate_cbk": hand_out,
        "free_cbk": take_back,
    }
    error = core(ffi.new("argon2_context *", asked), cost.type.value)
    if error != OK:
        raise HashingError(error_to_str(error))
    return bytes(ffi.buffer(digest))


def _lending(memory: mmap.mmap) -> tuple[Any, Any]:
    start = ffi.cast("uint8_t *", ffi.from_buffer(memory))

    def allocate(place: Any, size: int) -> int:
        place[0] = start if size <= len(memory) else ffi.NULL
        return OK

    return (
        ffi.callback("int(uint8_t **, size_t)", allocate),
        ffi.callback("void(uint8_t *, size_t)", lambda _place, _size: None),
    )


def in_large_pages(kib: int) -> mmap.mmap:
    """Memory that Linux is asked to put into pages of 2 MiB.

    Raises:
        OSError: if there is none, or this is another system.
    """
    if sys.platform != "linux":
        raise OSError
    memory = mmap.mmap(-1, kib * 1024, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _salt_and_digest(stored: str) -> tuple[bytes, bytes]:
    # Hashes leave the padding out.
    salt, digest = (b64decode(part + "=" * (-len(part) % 4), validate=True) for part in stored.split("$")[-2:])
    return salt, digest
