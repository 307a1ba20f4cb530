"""Every way to answer the questions that decide what is generated."""

from dataclasses import asdict
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Combination:
    """One way to answer; as text it reads like `jwt-rbac-no-oauth`."""

    auth_backend: str
    include_rbac: bool
    include_oauth: bool

    def __str__(self) -> str:
        """Names the combination in test ids, folders and golden files."""
        rbac = "rbac" if self.include_rbac else "no-rbac"
        oauth = "oauth" if self.include_oauth else "no-oauth"
        return f"{self.auth_backend}-{rbac}-{oauth}"

    @property
    def answers(self) -> dict[str, str | bool]:
        """The answers as `bake` takes them."""
        return asdict(self)


COMBINATIONS = [
    Combination(*choice) for choice in product(("session", "jwt", "jwt_cookie"), (True, False), (True, False))
]

# Any two answers occur together in one of these. What takes minutes runs here; all else runs with every combination.
PAIRS = {
    "session-rbac-oauth",
    "session-no-rbac-no-oauth",
    "jwt-rbac-no-oauth",
    "jwt-no-rbac-oauth",
    "jwt_cookie-rbac-oauth",
    "jwt_cookie-no-rbac-no-oauth",
}
