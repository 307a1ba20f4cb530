"""What a check of an installation finds."""

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How bad it is; an error makes the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(NamedTuple):
    """What was found about a setting, or about a part that no setting names, and what to do if it is not fine."""

    level: Level
    about: str
    says: str
    fix: str = ""
