"""What Apple does differently: client secrets that are made from a key, and answers in a form, with a name once.

It enforces what Apple documents: who made the secret, for whom, with which key and for how long.
"""

import json
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from tests.provider.people import Provider

ISSUER = "https://appleid.apple.com"
TEAM, KEY_ID = "TEAM123456", "KEY1234567"
# Six months, in seconds.
LONGEST = 15_777_000
# Apple names no userinfo, no pushed requests and no PKCE.
METADATA = {
    "token_endpoint_auth_methods_supported": ["client_secret_post"],
    "response_modes_supported": ["query", "fragment", "form_post"],
    "userinfo_endpoint": ...,
    "pushed_authorization_request_endpoint": ...,
    "code_challenge_methods_supported": ...,
}
KEY = ECKey.generate_key("P-256")
PRIVATE_KEY = KEY.as_pem(private=True).decode()


@dataclass
class Apple(Provider):
    """Apple, with one registered client."""

    more_metadata: dict[str, Any] = field(default_factory=lambda: dict(METADATA))
    # Who has been told to a service already.
    introduced: set[str] = field(default_factory=set)
    # Client secrets, as they came.
    secrets: list[str] = field(default_factory=list)
    # What is sent in place of what it knows of a new user.
    says_of_user: str = ""

    def accepts(self, form: dict[str, Any]) -> bool:
        """Whether the service proves that it is the registered client."""
        self.secrets.append(form.get("client_secret", ""))
        try:
            token = jwt.decode(self.secrets[-1], KEY, algorithms=["ES256"])
        except (JoseError, ValueError):
            return False
        claims, now = token.claims, int(self.now().timestamp())
        expected = {"iss": TEAM, "sub": self.client_id, "aud": ISSUER}
        is_ours = token.header.get("kid") == KEY_ID and form.get("client_id") == self.client_id
        is_now = claims.get("iat", now + 1) <= now < claims.get("exp", 0) <= now + LONGEST
        return is_ours and is_now and {name: claims.get(name) for name in expected} == expected

    def introduction(self, form: dict[str, str]) -> dict[str, str]:
        """What it says of a user who comes to the service for the first time."""
        subject = form.get("subject") or form["email"]
        if self.says_of_user:
            return {"user": self.says_of_user}
        if subject in self.introduced:
            return {}
        self.introduced.add(subject)
        name = {"firstName": form.get("first_name", "Grace"), "lastName": form.get("last_name", "Hopper")}
        return {"user": json.dumps({"name": name, "email": form["email"]})}


def problem_of_apple(query: dict[str, Any]) -> str | None:
    """Why a service may not ask Apple like this, if it may not."""
    is_form = query.get("response_mode") == "form_post"
    return None if is_form else "response_mode must be form_post when name or email scope is requested."
