"""The settings of password hashes."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from typing import Self

from pydantic import BaseModel
from pydantic import Field
from pydantic import model_validator

# OWASP's equal choices for argon2id: KiB of memory, and how many iterations they need.
HASH_CHOICES = ((47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5))
HASH_MAX_MEMORY_KIB = 1_048_576
HASH_MAX_ITERATIONS = 100
# The memory limit of a container: version 2 and 1 of control groups.
MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def machine_memory_kib() -> int | None:
    """The memory of this machine, or of this container if that has less; None if the system does not say."""
    known = []
    with suppress(AttributeError, OSError, ValueError):
        known += [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024]
    for path in MEMORY_LIMITS:
        with suppress(OSError, ValueError):
            known += [int(Path(path).read_text("ascii")) // 1024]
    return min(known, default=None)


def _default_concurrency(given: Mapping[str, Any]) -> int:
    # Half of the memory is left for everything else.
    memory_kib, cores = machine_memory_kib(), os.cpu_count() or 1
    return cores if memory_kib is None else max(1, min(cores, memory_kib // 2 // given["hash_memory_kib"]))


class HashSettings(BaseModel):
    """The cost of one argon2id hash, and how many are computed at once."""

    hash_memory_kib: int = Field(default=47_104, ge=HASH_CHOICES[-1][0], le=HASH_MAX_MEMORY_KIB)
    hash_iterations: int = Field(default=1, ge=1, le=HASH_MAX_ITERATIONS)
    hash_parallelism: int = Field(default=1, ge=1, le=16)
    # In one process; unset means one for each core, or fewer if there is little memory.
    hash_concurrency: int = Field(default_factory=_default_concurrency, ge=1, le=256)

    @model_validator(mode="after")
    def hashes_are_costly_and_fit_into_memory(self) -> Self:
        """Refuse hashes that are cheaper than each of OWASP's choices, and more of them than the memory can hold."""
        memory_kib, iterations = self.hash_memory_kib, self.hash_iterations
        if not any(memory_kib >= memory and iterations >= least for memory, least in HASH_CHOICES):
            choices = ", ".join(f"{memory} and {least}" for memory, least in HASH_CHOICES)
            given = f"HASH_MEMORY_KIB {memory_kib} and HASH_ITERATIONS {iterations}"
            raise ValueError(f"{given} make hashes that are too cheap; set at least one of these pairs: {choices}")
        available = machine_memory_kib() or HASH_MAX_MEMORY_KIB * self.hash_concurrency
        if memory_kib > available:
            raise ValueError(f"HASH_MEMORY_KIB must be at most {available}, the memory here; got {memory_kib}")
        if self.hash_concurrency * memory_kib > available:
            given = f"HASH_CONCURRENCY {self.hash_concurrency} with HASH_MEMORY_KIB {memory_kib}"
            most = f"set HASH_CONCURRENCY to at most {available // memory_kib}"
            raise ValueError(f"{given} needs more memory than the {available} KiB here; {most}")
        return self
