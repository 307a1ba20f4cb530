"""What was asked for, what was answered, and whether the tables agree."""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from time import monotonic
from typing import Any

from httpx import HTTPError
from httpx import Response

# The service has said yes, no, or nothing that could be relied upon.
ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"
# By how much the times of processes may differ.
SLACK = timedelta(seconds=5)


@dataclass
class Ledger:
    """The operations of all clients, since some moment of the database's clock."""

    began_at: datetime
    outcomes: Counter[str] = field(default_factory=Counter)
    # New addresses, by outcome.
    registrations: dict[str, str] = field(default_factory=dict)
    # For each user, the names that they may have now: the last one acknowledged, and those unknown since.
    names: dict[str, list[str]] = field(default_factory=dict)
    # For each user, sign-ins that must and that may be there.
    sign_ins: Counter[tuple[str, str]] = field(default_factory=Counter)
    mails: Counter[tuple[str, str]] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    acknowledged_at: list[float] = field(default_factory=list)

    def enter(self, answer: Response | HTTPError) -> str:
        """What became of an operation."""
        if isinstance(answer, HTTPError) or answer.status_code >= 500:
            outcome = UNKNOWN
        else:
            outcome = ACKNOWLEDGED if answer.is_success else REFUSED
        if outcome == ACKNOWLEDGED:
            self.acknowledged_at.append(monotonic())
        self.outcomes[outcome] += 1
        return outcome

    def rename(self, email: str, name: str, outcome: str) -> None:
        """A user has asked for another name."""
        if outcome == ACKNOWLEDGED:
            self.names[email] = [name]
        elif outcome == UNKNOWN:
            self.names.setdefault(email, [""]).append(name)

    def compare(self, users: Iterable[dict[str, Any]], sessions: Counter[str], mailed: Counter[str]) -> None:
        """Complain of everything that is missing or too much."""
        by_email = {user["email"]: user for user in users}
        for email, outcome in self.registrations.items():
            if (outcome == ACKNOWLEDGED and email not in by_email) or (outcome == REFUSED and email in by_email):
                self.complaints.append(f"registration of {email} was {outcome}")
        for email, names in self.names.items():
            if by_email[email]["display_name"] not in names:
                self.complaints.append(f"{email} is called {by_email[email]['display_name']}, and not {names}")
        self._compare("sign-ins", self.sign_ins, sessions, sys.maxsize)
        # A link that is mailed ends the older ones, whose mails need not leave any more.
        self._compare("mails", self.mails, mailed, 1)

    def compare_times(self, table: str, moments: Iterable[datetime], ended_at: datetime) -> None:
        """Complain of rows that say another time than that of the database."""
        if wrong := [each for each in moments if not self.began_at - SLACK <= each <= ended_at + SLACK]:
            self.complaints.append(f"{len(wrong)} rows of {table} are of another time: {wrong[0]}")

    def _compare(self, what: str, asked: Counter[tuple[str, str]], there: Counter[str], least: int) -> None:
        for email in {email for email, _ in asked}:
            acknowledged, unknown = asked[email, ACKNOWLEDGED], asked[email, UNKNOWN]
            if not min(acknowledged, least) <= there[email] <= acknowledged + unknown:
                has = f"{email} has {there[email]} {what}"
                self.complaints.append(f"{has}, of {acknowledged} acknowledged and {unknown} unknown")
