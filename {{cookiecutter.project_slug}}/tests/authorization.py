"""Who may call which route, as a table; a route that is not in it fails the tests.

Routes that not every service has are in the modules that `tests/features.py` lists.
"""

from enum import StrEnum

from tests.features import FEATURES


class Access(StrEnum):
    """What a route asks of its callers."""

    # All callers, signed in or not.
    PUBLIC = "public"
    # Active and verified users.
    SIGNED_IN = "signed in"
    # Users who have shown a password in the last ten minutes.
    FRESH = "fresh"


TABLE: dict[str, str] = {
    "GET /health": Access.PUBLIC,
    "GET /health/ready": Access.PUBLIC,
    "POST /register": Access.PUBLIC,
    "POST /verify": Access.PUBLIC,
    "POST /verify/resend": Access.PUBLIC,
    "POST /login": Access.PUBLIC,
    "POST /logout": Access.SIGNED_IN,
    "POST /forgot-password": Access.PUBLIC,
    "POST /reset-password": Access.PUBLIC,
    "POST /reauthenticate": Access.SIGNED_IN,
    "GET /users/me": Access.SIGNED_IN,
    "PATCH /users/me": Access.SIGNED_IN,
    "DELETE /users/me": Access.FRESH,
    "GET /users/me/export": Access.FRESH,
    "POST /users/me/password": Access.SIGNED_IN,
    "POST /users/me/email": Access.SIGNED_IN,
    "POST /users/me/email/confirm": Access.PUBLIC,
    "POST /users/me/email/undo": Access.PUBLIC,
    "GET /users/me/sessions": Access.SIGNED_IN,
    "DELETE /users/me/sessions": Access.FRESH,
    "DELETE /users/me/sessions/{session_id}": Access.FRESH,
    "GET /users/me/access-tokens": Access.SIGNED_IN,
    "POST /users/me/access-tokens": Access.FRESH,
    "DELETE /users/me/access-tokens/{token_id}": Access.SIGNED_IN,
}
# The routes that are open to access tokens, and the access that they need: "read" or "write". All others refuse tokens.
TOKENS: dict[str, str] = {"GET /users/me": "read"}
for feature in FEATURES:
    TABLE |= feature.ROUTES
    TOKENS |= getattr(feature, "TOKENS", {})
