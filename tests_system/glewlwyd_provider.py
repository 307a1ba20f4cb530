"""Glewlwyd from Debian as an OpenID provider with one client and one user, in a database that is deleted at the end."""

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from time import sleep

import httpx

NEW_DATABASE = Path("/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz")
PORT, SERVICE, USER, METHOD = (os.environ[name] for name in ("PORT", "SERVICE", "USER", "METHOD"))
PASSWORD, CLIENT_ID, CLIENT_SECRET = (os.environ[name] for name in ("PASSWORD", "CLIENT_ID", "CLIENT_SECRET"))
URL = f"http://localhost:{PORT}"
CONFIGURATION = f"""
port={PORT}
external_url="{URL}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="ERROR"
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = {{ type = "sqlite3" path = "%s" }}
"""
SCOPES = ["openid", "email"]


def key(folder: Path) -> tuple[str, str]:
    """A new key, in PEM: the private and the public part."""
    private, public = folder / "private", folder / "public"
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private.read_text("utf-8"), public.read_text("utf-8")


def set_up(folder: Path) -> None:
    """Make the provider, the client and the user, as an administrator does."""
    private, public = key(folder)
    is_public = METHOD == "none"
    plugin = {
        "module": "oidc",
        "name": "oidc",
        "display_name": "OpenID",
        "parameters": {
            "iss": f"{URL}/api/oidc",
            "jwt-type": "rsa",
            "jwt-key-size": "256",
            "key": private,
            "cert": public,
            "auth-type-code-enabled": True,
            "pkce-allowed": True,
            "jwks-show": True,
            "allowed-scope": SCOPES,
            "email-claim": "mandatory",
            "session-management-allowed": True,
            # Without these, it takes every access token for expired.
            "access-token-duration": 3600,
            "refresh-token-duration": 3600,
            "code-duration": 600,
            "session-cookie-name": "GLEWLWYD2_OIDC_SID",
            "session-cookie-expiration": 3600,
        },
    }
    client = {
        "client_id": CLIENT_ID,
        "enabled": True,
        "confidential": not is_public,
        "redirect_uri": [f"{SERVICE}/oauth2/oidc/callback"],
        "post_logout_redirect_uri": f"{SERVICE}/health",
        "authorization_type": ["code"],
        "scope": [],
        "token_endpoint_auth_method": [METHOD],
        **({} if is_public else {"client_secret": CLIENT_SECRET}),
    }
    user = {"username": USER, "password": PASSWORD, "email": USER, "scope": ["g_profile", *SCOPES], "enabled": True}
    with httpx.Client(base_url=f"{URL}/api") as admin:
        for path, body in (
            ("/auth/", {"username": "admin", "password": "password"}),
            ("/mod/plugin/", plugin),
            ("/scope/", {"name": "email", "display_name": "Address", "password_required": True}),
            ("/user/", user),
            ("/client/", client),
        ):
            answer = admin.post(path, json=body)
            assert answer.is_success, f"{path} {answer.status_code} {answer.text}"


with tempfile.TemporaryDirectory() as name:
    database, configuration = Path(name, "database"), Path(name, "configuration")
    with sqlite3.connect(database) as connection:
        connection.executescript(gzip.decompress(NEW_DATABASE.read_bytes()).decode())
    configuration.write_text(CONFIGURATION % database, "utf-8")
    with subprocess.Popen(["glewlwyd", "--config-file", configuration]) as process:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        try:
            while True:
                try:
                    httpx.get(f"{URL}/config")
                    break
                except httpx.ConnectError:
                    sleep(0.05)
            set_up(Path(name))
            print("ready", flush=True)  # noqa: T201 - what the test waits for
            process.wait()
        finally:
            process.terminate()
