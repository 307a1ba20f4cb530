#!/bin/bash
# Guess: client_secret_basic is HTTP Basic, so a client id and a secret go into the header as they are.
# What happens: OAuth form-encodes both first (RFC 6749, section 2.3.1). httpx-oauth does not. A secret with a plus sign, as
# "openssl rand -base64 32" makes about half of the time, is refused by oidc-provider and by django-oauth-toolkit, which read
# the plus as a space; Authlib's server reads it as a plus. In the body (client_secret_post) the two accept the same secret.
# httpx-oauth's OpenID client takes the method that the provider lists first, and oidc-provider lists client_secret_basic
# first. Percent-encoded in the header, the secret works with all three.
# Why it matters here: one deployment signs in, and the next gets invalid_client for a secret that is right. Our client sends
# the secret in the body where the provider accepts it there, and percent-encodes it for the header.
# Seen on 2026-11-29 with httpx-oauth 0.17.0, oidc-provider 9.13.3, django-oauth-toolkit 3.4.1, Authlib 1.9.10.
set -euo pipefail

tmp=$(mktemp -d)
servers=()
finish() {
    for pid in "${servers[@]}"; do kill "$pid" 2> /dev/null || true; done
    wait
    rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q httpx-oauth==0.17.0 django-oauth-toolkit==3.4.1 authlib==1.9.10
npm install --silent --no-audit --no-fund oidc-provider@9.13.3 > /dev/null

cat > node_provider.mjs << 'JS'
import Provider from 'oidc-provider';

const [port, secret] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: ['client_secret_basic', 'client_secret_post'].map((method) => ({
        client_id: method,
        client_secret: secret,
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: method,
    })),
});
provider.listen(port, '127.0.0.1');
JS
cat > django_provider.py << 'PY'
import sys
from wsgiref.simple_server import WSGIRequestHandler
from wsgiref.simple_server import make_server

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only for this test, which ends soon",
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "provider.sqlite"}},
    ROOT_URLCONF="oauth2_provider.urls",
    USE_TZ=True,
)
django.setup()

from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from oauth2_provider.models import Application

call_command("migrate", verbosity=0)
for method in ("client_secret_basic", "client_secret_post"):
    Application.objects.create(
        client_id=method,
        client_secret=sys.argv[2],
        client_type="confidential",
        authorization_grant_type="authorization-code",
        redirect_uris="http://127.0.0.1/callback",
    )


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


make_server("127.0.0.1", int(sys.argv[1]), WSGIHandler(), handler_class=Quiet).serve_forever()
PY
cat > try.py << 'PY'
import asyncio
import socket
import sys
import time
from urllib.parse import quote

import httpx
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from httpx_oauth.clients.openid import OpenID
from httpx_oauth.exceptions import HTTPXOAuthError
from httpx_oauth.oauth2 import BaseOAuth2

node, django, secret = sys.argv[1:]
PROVIDERS = {
    "oidc-provider": f"http://127.0.0.1:{node}/token",
    "django-oauth-toolkit": f"http://127.0.0.1:{django}/token/",
}


def wait_for(port: str) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", int(port))).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"No server on port {port}.")


def client(method: str, secret: str, endpoint: str) -> BaseOAuth2:
    return BaseOAuth2(
        method, secret, endpoint, endpoint, refresh_token_endpoint=endpoint, token_endpoint_auth_method=method
    )


async def judged(method: str, secret: str, endpoint: str) -> str:
    """A made-up refresh token is refused as invalid_grant, unless the client is refused first."""
    try:
        await client(method, secret, endpoint).refresh_token("made up")
    except HTTPXOAuthError as error:
        return {"invalid_grant": "accepted", "invalid_client": "REFUSED"}[error.response.json()["error"]]
    return "?"


def read_by_authlib(secret: str) -> str:
    client_with_header = client("client_secret_basic", secret, "http://127.0.0.1/")
    request, auth = client_with_header.build_request(httpx.AsyncClient(), "POST", "/", auth_method="client_secret_basic")
    headers = next(auth.auth_flow(request)).headers
    return extract_basic_authorization({"Authorization": headers["Authorization"]})[1]


async def main() -> None:
    for name, endpoint in PROVIDERS.items():
        print(f"{name}: in the body", await judged("client_secret_post", secret, endpoint))
        print(f"{name}: in the header", await judged("client_secret_basic", secret, endpoint))
        print(f"{name}: in the header, encoded", await judged("client_secret_basic", quote(secret, safe=""), endpoint))
    for name, sent in (("in the header", secret), ("in the header, encoded", quote(secret, safe=""))):
        print(f"authlib: {name}", "accepted" if read_by_authlib(sent) == secret else "REFUSED")


for port in (node, django):
    wait_for(port)
discovery = f"http://127.0.0.1:{node}/.well-known/openid-configuration"
print("method of the OpenID client for oidc-provider:", OpenID("a", "b", discovery).token_endpoint_auth_method)
asyncio.run(main())
PY

secret='aB3+x/9='
read -r node django < <(python3 -c '
import socket
a, b = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
node node_provider.mjs "$node" "$secret" > node.log 2>&1 &
servers+=($!)
venv/bin/python django_provider.py "$django" "$secret" > django.log 2>&1 &
servers+=($!)

cat > expected << 'TXT'
method of the OpenID client for oidc-provider: client_secret_basic
oidc-provider: in the body accepted
oidc-provider: in the header REFUSED
oidc-provider: in the header, encoded accepted
django-oauth-toolkit: in the body accepted
django-oauth-toolkit: in the header REFUSED
django-oauth-toolkit: in the header, encoded accepted
authlib: in the header accepted
authlib: in the header, encoded accepted
TXT
venv/bin/python try.py "$node" "$django" "$secret" > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
