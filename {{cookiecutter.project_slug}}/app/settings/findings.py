"""Findings of `litestar doctor`."""

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How serious a finding is; an error makes the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(NamedTuple):
    """A finding about a setting or a part of the service, and how to fix it."""

    level: Level
    about: str
    says: str
    fix: str = ""
