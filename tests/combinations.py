"""Every way to answer the questions that decide what is generated."""

from dataclasses import asdict
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Combination:
    """One way to answer; as text it reads like `session-rbac-no-oauth-pages`."""

    auth_backend: str
    include_rbac: bool
    include_oauth: bool
    # With jwt, there are no pages, whatever the answer.
    include_pages: bool

    def __str__(self) -> str:
        """Names the combination in test ids, folders and golden files."""
        rbac = "rbac" if self.include_rbac else "no-rbac"
        oauth = "oauth" if self.include_oauth else "no-oauth"
        pages = "pages" if self.include_pages else "no-pages"
        return f"{self.auth_backend}-{rbac}-{oauth}-{pages}"

    @property
    def answers(self) -> dict[str, str | bool]:
        """The answers as `bake` takes them."""
        return asdict(self)


YES_OR_NO = (True, False)
COMBINATIONS = [
    Combination(*choice)
    for choice in product(("session", "jwt", "jwt_cookie"), YES_OR_NO, YES_OR_NO, YES_OR_NO)
    if not (choice[0] == "jwt" and choice[-1])
]

# Any two answers occur together in one of these. What takes minutes runs here; all else runs with every combination.
PAIRS = {
    "session-rbac-oauth-pages",
    "session-no-rbac-no-oauth-no-pages",
    "jwt-rbac-no-oauth-no-pages",
    "jwt-no-rbac-oauth-no-pages",
    "jwt_cookie-rbac-oauth-no-pages",
    "jwt_cookie-no-rbac-no-oauth-pages",
}
