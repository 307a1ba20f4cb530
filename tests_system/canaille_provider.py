"""Canaille as an OpenID provider with one client and one user, all of it in memory."""

import os
from wsgiref.simple_server import WSGIRequestHandler
from wsgiref.simple_server import make_server

from canaille import create_app
from canaille.app import models
from joserfc.jwk import RSAKey

# The provider is reached without TLS.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
PORT, SERVICE, USER, METHOD = (os.environ[name] for name in ("PORT", "SERVICE", "USER", "METHOD"))
PASSWORD, CLIENT_ID, CLIENT_SECRET = (os.environ[name] for name in ("PASSWORD", "CLIENT_ID", "CLIENT_SECRET"))

app = create_app(
    {
        "SECRET_KEY": "only for this test, which ends soon",
        "SERVER_NAME": f"localhost:{PORT}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory"},
        "CANAILLE_OIDC": {
            "TRUSTED_DOMAINS": ["localhost"],
            "ACTIVE_JWKS": [RSAKey.generate_key(2048, {"kid": "first"}).as_dict(private=True)],
        },
    }
)
with app.backend.session():
    user = models.User(formatted_name="Grace", family_name="Hopper", user_name=USER, emails=[USER], password=PASSWORD)
    app.backend.save(user)
    client = models.Client(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        client_name="This service",
        redirect_uris=[f"{SERVICE}/oauth2/oidc/callback"],
        post_logout_redirect_uris=[f"{SERVICE}/health"],
        grant_types=["authorization_code"],
        response_types=["code"],
        scope=["openid", "email"],
        token_endpoint_auth_method=METHOD,
    )
    app.backend.save(client)
    client.audience = [client]
    app.backend.save(client)


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


with make_server("localhost", int(PORT), app, handler_class=Quiet) as server:
    print("ready", flush=True)  # noqa: T201 - what the test waits for
    server.serve_forever()
