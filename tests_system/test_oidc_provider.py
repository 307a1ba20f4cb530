"""Users sign in with oidc-provider from npm, an OpenID provider of other authors, in each way that it can be set up.

It publishes the address at the userinfo endpoint alone, requires PKCE and says when users signed in.
"""

import re
import shutil
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.projects import Project
from tests.server import free_port
from tests.server import serving
from tests_system.conftest import Generate
from tests_system.providers import CLIENT_ID
from tests_system.providers import CLIENT_SECRET
from tests_system.providers import FOLDER
from tests_system.providers import npm_install
from tests_system.providers import providing
from tests_system.providers import walk

PACKAGE = "oidc-provider@9.13.3"
CONFIGURATIONS = {
    "basic": {"token_endpoint_auth_method": "client_secret_basic"},
    "post": {"token_endpoint_auth_method": "client_secret_post"},
    "public": {"token_endpoint_auth_method": "none"},
    "pushed requests": {"require_pushed_authorization_requests": "true"},
    "signed userinfo": {"userinfo_signed_response_alg": "RS256"},
}


@pytest.fixture(scope="module")
def project(generate: Generate) -> Project:
    """A service with providers, migrated."""
    project = generate(include_rbac=False)
    project.run("alembic", "upgrade", "head")
    return project


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the provider is installed, with our setup of it."""
    folder = tmp_path_factory.mktemp("provider")
    shutil.copy(FOLDER / "oidc_provider.mjs", folder)
    npm_install(folder, PACKAGE)
    return folder


def sign_in(user: str, browser: httpx.Client, page: httpx.Response) -> httpx.Response:
    """Sign in and consent, on its pages."""
    action = re.findall(r'<form[^>]*action="([^"]+)"', page.text)
    prompt = re.findall(r'name="prompt" value="(\w+)"', page.text)
    assert action, page.text
    return browser.post(
        urljoin(str(page.url), action[0]), data={"prompt": prompt[0], "login": user, "password": "not checked"}
    )


def sign_out_there(browser: httpx.Client, url: str, until: str) -> None:
    """End the session at the provider, which leads to the page of the service that is registered for that."""
    page = browser.get(url).text
    [action], [token] = re.findall(r'action="([^"]+)"', page)[:1], re.findall(r'name="xsrf" value="([^"]+)"', page)
    response = browser.post(action, data={"xsrf": token, "logout": "yes"})
    assert response.headers["Location"].startswith(until), response.text


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_a_user_signs_up_signs_in_reauthenticates_and_signs_out(
    project: Project, installed: Path, configuration: str
) -> None:
    client, port = CONFIGURATIONS[configuration], free_port()
    # One database, and each configuration is another issuer.
    user = f"{configuration.replace(' ', '-')}@example.com"
    settings = {
        "BASE_URL": "http://localhost:{port}",
        "OAUTH_OIDC_ISSUER": f"http://localhost:{port}",
        "OAUTH_OIDC_CLIENT_ID": CLIENT_ID,
        "OAUTH_SIGNED_OUT_URL": "http://localhost:{port}/health",
        "OAUTH_OIDC_CLIENT_SECRET": "" if configuration == "public" else CLIENT_SECRET,
    }
    with serving(project, **settings) as server, httpx.Client(timeout=30) as browser:
        base = server.url.replace("127.0.0.1", "localhost")
        callback = f"{base}/oauth2/oidc/callback"
        registered = {
            "client_id": CLIENT_ID,
            **({} if configuration == "public" else {"client_secret": CLIENT_SECRET}),
            **client,
        }
        environment = {f"CLIENT_{name}": value for name, value in registered.items()}
        with providing(installed, "node", "oidc_provider.mjs", PORT=str(port), SERVICE=base, **environment):
            act = partial(sign_in, user)
            for _ in ("sign up", "sign in"):
                response = walk(browser, f"{base}/oauth2/oidc/authorize?redirect=1", callback, act)
                assert (response.status_code, response.json()["email"]) == (httpx.codes.CREATED, user)
            url = browser.post(f"{base}/reauthenticate/oidc").json()["authorization_url"]
            assert walk(browser, url, callback, act).status_code == httpx.codes.NO_CONTENT
            sign_out_there(browser, browser.get(f"{base}/oauth2/oidc/logout").headers["Location"], f"{base}/health")
            # The provider has said so to the service (back-channel logout).
            assert browser.get(f"{base}/users/me").status_code == httpx.codes.UNAUTHORIZED, server.console
