"""The words that give away an answer, and where one of them says something else."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch

from tests.combinations import Combination

# Sequences of whole words; `RoleService`, `user_role` and `create-role` consist of such words.
WORDS = {
    "rbac": [
        *("rbac", "role", "roles", "permission", "permissions", "permit", "permits", "permitted"),
        *("admin", "admins", "administers", "administrator", "administrators", "ada"),
    ],
    "oauth": [
        *("oauth", "oauth2", "oidc", "openid", "pkce", "provider", "providers", "joserfc"),
        *("google", "gitlab", "microsoft", "unlinked", "unlinking", "id token", "id tokens"),
    ],
    "pages": ["app pages", "pages js", "pages css", "pages md", "sign up page", "account security", "data call"],
    "session": ["host session", "session cookie", "session cookies", "import session as", "session py"],
    "jwt": ["token pair", "jwt backend", "jwt config", "import jwt as", "jwt py"],
    "jwt_cookie": ["host access", "secure refresh", "access cookie", "refresh cookie", "jwt cookie", "jwt cookies"],
    "tokens": [
        *("jwt", "jwts", "pyjwt", "access cookie"),
        *("refresh", "refreshes", "renew", "renewal"),
    ],
}

ABOUT_PROVIDERS = ("app/oauth/*", "docs/decisions/002?-*", "tests/oauth/*", "tests/provider/*")
# What says something else there, by answer and file.
EXCUSED = {
    # A licence permits, but has no roles.
    ("rbac", "LICENSE"): "permission|permit",
    # What screen readers call the line that tells how it went.
    ("rbac", "app/accounts/templates/pages/link.*"): r"role=\W?status",
    ("rbac", "app/pages/*"): r"role\W+(status|alert)",
    # PostgreSQL's name for a setting.
    ("rbac", "tests/tables.py"): "session_replication_role",
    # GitHub's name for what a workflow may do.
    ("rbac", ".github/workflows/*"): "permissions",
    # Litestar's name for a 403.
    ("rbac", "app/http/error*.py"): "PermissionDeniedException|permission-denied",
    ("rbac", "app/http/openapi_document.py"): "PermissionDeniedException",
    ("rbac", "app/http/program_tokens.py"): "PermissionDeniedException",
    ("rbac", "app/database/engine.py"): "PermissionDeniedException",
    ("rbac", "tests/access_tokens/*"): "permission-denied",
    ("rbac", "tests/accounts/test_refusals.py"): "PermissionDeniedException|permission-denied",
    # Those of other services, which sign users in.
    ("tokens", "app/models.py"): "access_token|refresh_token",
    ("tokens", "migrations/versions/0001_accounts.py"): "access_token|refresh_token",
    # Providers sign what they say and hand out tokens, whatever the service does itself.
    **{("jwt", place): r"bearer|jwt\.Py" for place in ABOUT_PROVIDERS},
    **{("tokens", place): r"bearer|jwt|access_?tokens?|(gives_)?refresh(_tokens?)?" for place in ABOUT_PROVIDERS},
    # How Prometheus shows a token.
    **{(answer, "*/*metrics.py"): "bearer" for answer in ("jwt", "tokens")},
    # The id of a token for programs.
    ("oauth", "app/access_tokens/*"): r"token[_.]?id",
    ("oauth", "app/rbac/token_routes.py"): "token_?id",
    # What hands out OpenTelemetry's tracers.
    ("oauth", "app/operations/traces.py"): r"_?(tracer_?)?provider",
    # Companies that run servers.
    ("oauth", "app/database/sessions.py"): "hosting providers",
    # A header that opens nothing where cookies do.
    ("jwt", "tests/auth/test_jwt_cookie.py"): "bearer",
    ("jwt", "tests/auth/test_session.py"): "bearer",
    ("tokens", "tests/auth/test_session.py"): "bearer",
    # SQLAlchemy's name for reading a row again.
    ("tokens", "app/accounts/mail/delivery.py"): r"\brefresh\(",
    ("tokens", "tests/auth/test_principals.py"): r"\brefresh\(",
    # litestar-users imports it; the floor keeps out versions with known holes.
    ("tokens", "pyproject.toml"): "pyjwt",
}


def declined(combination: Combination) -> set[str]:
    """The answers that were not given."""
    chosen = {combination.auth_backend}
    chosen |= {"tokens"} if combination.auth_backend != "session" else set()
    chosen |= {"rbac"} if combination.include_rbac else set()
    chosen |= {"pages"} if combination.include_pages else set()
    chosen |= {"oauth"} if combination.include_oauth else set()
    return set(WORDS) - chosen


def traces(name: str, text: str, combination: Combination) -> Iterator[str]:
    """Where a file speaks, in its name or its text, of an answer that was declined."""
    for feature in sorted(declined(combination)):
        for line in [name, *text.splitlines()]:
            words = in_words(without_excused(line, feature, name))
            if any(f" {word} " in words for word in WORDS[feature]):
                yield f"{name}: {feature}: {line.strip()}"


def without_excused(line: str, feature: str, name: str) -> str:
    """The line without what says something else there."""
    for (excused, pattern), phrase in EXCUSED.items():
        if excused == feature and fnmatch(name, pattern):
            line = re.sub(phrase, "", line, flags=re.IGNORECASE)
    return line


def in_words(text: str) -> str:
    """The text as lower-case words between single spaces: `OAuthAccount.user_id` is ` oauth account user id `."""
    text = text.replace("OAuth", "Oauth").replace("o_auth", "oauth")
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return f" {' '.join(re.findall('[a-z0-9]+', text.lower()))} "
