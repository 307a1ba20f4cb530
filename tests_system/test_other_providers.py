"""Users sign up, sign in, confirm who they are and sign out with OpenID providers of other authors."""

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.projects import Project
from tests.server import free_port
from tests.server import serving
from tests_system.conftest import Generate
from tests_system.providers import CLIENT_ID
from tests_system.providers import CLIENT_SECRET
from tests_system.providers import FOLDER
from tests_system.providers import PASSWORD
from tests_system.providers import npm_install
from tests_system.providers import pip_install
from tests_system.providers import providing
from tests_system.providers import sign_in_at_better_auth
from tests_system.providers import sign_in_at_canaille
from tests_system.providers import sign_in_at_django
from tests_system.providers import sign_in_at_glewlwyd
from tests_system.providers import walk

BETTER_AUTH = [
    "better-auth@1.7.5",
    "@better-auth/oauth-provider@1.7.5",
    "@better-auth/utils@0.4.2",
    "@better-fetch/fetch@1.3.2",
    "better-call@1.4.0",
]
CANAILLE = ["canaille[front,oidc]==0.3.6", "authlib==1.9.10", "cryptography"]
DJANGO = ["django-oauth-toolkit==3.4.1", "django==5.2.19"]
# Pages are for browsers alone.
NAVIGATES = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
METHODS = ["client_secret_basic", "client_secret_post", "none"]


class Product(NamedTuple):
    """A provider of other authors."""

    files: list[str]
    # Where it is below its address.
    issuer: str
    act: Callable[[str, httpx.Client, httpx.Response], httpx.Response]
    # Whether it has to be told in the settings how the secret is sent: a wrong way spends the code.
    needs_auth_method: bool = False
    # Whether it does not say that an address is verified.
    trusts_email: bool = False
    secret: str = CLIENT_SECRET
    # Whether it says when the user signed in there, which re-authentication needs.
    sends_auth_time: bool = True
    # Whether it ends a session without the ID token of it, which the service does not keep.
    ends_sessions: bool = True


PRODUCTS = {
    "better-auth": Product(["better_auth.mjs"], "", sign_in_at_better_auth, needs_auth_method=True),
    "canaille": Product(["canaille_provider.py"], "", sign_in_at_canaille, trusts_email=True),
    "django-oauth-toolkit": Product(["django_provider.py", "django_provider_urls.py"], "/o", sign_in_at_django),
    "glewlwyd": Product(
        ["glewlwyd_provider.py"],
        "/api/oidc",
        sign_in_at_glewlwyd,
        trusts_email=True,
        # It reads a secret in a header without decoding it.
        secret="letters123",  # noqa: S106 - likewise of a provider that lives for one test
        # It sends 0.
        sends_auth_time=False,
        ends_sessions=False,
    ),
}


@pytest.fixture(scope="module")
def project(generate: Generate) -> Project:
    """A service with providers, migrated."""
    project = generate(include_rbac=False)
    project.run("alembic", "upgrade", "head")
    return project


@pytest.fixture(scope="module", params=PRODUCTS)
def name(request: pytest.FixtureRequest) -> str:
    """Each product in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def command(name: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str | Path, Path]:
    """What starts the product, which is installed beside our setup of it."""
    folder = tmp_path_factory.mktemp(name)
    files = [Path(shutil.copy(FOLDER / file, folder)) for file in PRODUCTS[name].files]
    if name == "better-auth":
        npm_install(folder, *BETTER_AUTH)
        return "node", files[0]
    if name == "glewlwyd":
        return sys.executable, files[0]
    return pip_install(folder, *(CANAILLE if name == "canaille" else DJANGO)), files[0]


@pytest.mark.parametrize("method", METHODS)
def test_a_user_signs_up_signs_in_reauthenticates_and_signs_out(
    project: Project, name: str, command: tuple[str | Path, Path], method: str
) -> None:
    product, port = PRODUCTS[name], free_port()
    settings = {
        "BASE_URL": "http://localhost:{port}",
        "OAUTH_OIDC_ISSUER": f"http://localhost:{port}{product.issuer}",
        "OAUTH_OIDC_CLIENT_ID": CLIENT_ID,
        "OAUTH_OIDC_CLIENT_SECRET": "" if method == "none" else product.secret,
        "OAUTH_SIGNED_OUT_URL": "http://localhost:{port}/health",
    }
    if product.needs_auth_method and method != "none":
        settings["OAUTH_OIDC_AUTH_METHOD"] = method
    if product.trusts_email:
        settings["OAUTH_OIDC_TRUSTS_EMAIL"] = "on"
    # One database, and each run of a product is another issuer.
    user = f"{name}-{method}@example.com"
    with serving(project, **settings) as server, httpx.Client(timeout=30) as browser:
        base = server.url.replace("127.0.0.1", "localhost")
        callback = f"{base}/oauth2/oidc/callback"
        environment = {"PORT": str(port), "SERVICE": base, "USER": user, "PASSWORD": PASSWORD, "METHOD": method}
        environment |= {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": "" if method == "none" else product.secret}
        with providing(command[1].parent, *command, **environment):
            act = partial(product.act, user)
            for _ in ("sign up", "sign in"):
                response = walk(browser, f"{base}/oauth2/oidc/authorize?redirect=1", callback, act)
                assert response.status_code == httpx.codes.CREATED, server.console
                assert response.json()["email"] == user
            url = browser.post(f"{base}/reauthenticate/oidc").json()["authorization_url"]
            confirmed = httpx.codes.NO_CONTENT if product.sends_auth_time else httpx.codes.BAD_REQUEST
            assert walk(browser, url, callback, act).status_code == confirmed, server.console
            there = browser.post(f"{base}/logout").headers["End-Session-Url"]
            if product.ends_sessions:
                browser.headers.update(NAVIGATES)
                assert walk(browser, there, f"{base}/health", act).json() == {"status": "ok"}
