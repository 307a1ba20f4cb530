"""Users sign in with oidc-provider from npm, an OpenID provider of other authors, in each way that it can be set up.

It publishes the address at the userinfo endpoint alone, requires PKCE and says when users signed in.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.combinations import Combination
from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools
from tests.server import free_port
from tests.server import serving

PACKAGE = "oidc-provider@9.13.3"
OLDEST_NODE = 20
CLIENT_ID = "this-service"
CLIENT_SECRET = "a secret with + and %2B"  # noqa: S105 - of a provider that lives for one test
# Its sign-in page and its consent page, each of which redirects to the next step.
MAX_STEPS = 12
CONFIGURATIONS = {
    "basic": {"token_endpoint_auth_method": "client_secret_basic"},
    "post": {"token_endpoint_auth_method": "client_secret_post"},
    "public": {"token_endpoint_auth_method": "none"},
    "pushed requests": {"require_pushed_authorization_requests": "true"},
    "signed userinfo": {"userinfo_signed_response_alg": "RS256"},
}
PROVIDER = Path(__file__).parent / "oidc_provider.mjs"


@pytest.fixture(scope="module")
def project(bake: Bake, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A service with providers, migrated."""
    rendering = bake(**Combination("session", include_rbac=False, include_oauth=True).answers)
    project = Project(shutil.copytree(rendering, tmp_path_factory.mktemp("project") / rendering.name), tools)
    project.run("alembic", "upgrade", "head")
    return project


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the provider is installed, with our setup of it."""
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"{PACKAGE} needs Node.js {OLDEST_NODE}; this is {version}")
    folder = tmp_path_factory.mktemp("provider")
    shutil.copy(PROVIDER, folder)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", PACKAGE], cwd=folder, check=True, capture_output=True)
    return folder


@contextmanager
def providing(folder: Path, client: dict[str, str], port: int, service: str) -> Iterator[None]:
    """The provider with one registered client, until the block ends."""
    secret = {} if client.get("token_endpoint_auth_method") == "none" else {"client_secret": CLIENT_SECRET}
    registered = {"client_id": CLIENT_ID} | secret | client
    environment = os.environ | {"PORT": str(port), "SERVICE": service}
    environment |= {f"CLIENT_{name}": value for name, value in registered.items()}
    with subprocess.Popen(["node", PROVIDER.name], cwd=folder, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"ready"
        try:
            yield
        finally:
            process.terminate()


def walk(browser: httpx.Client, url: str, until: str, user: str) -> httpx.Response:
    """Sign in and consent on the pages of the provider; the response of the first page at `until`."""
    response = browser.get(url)
    for _ in range(MAX_STEPS):
        if location := response.headers.get("Location"):
            url = urljoin(url, location)
            response = browser.get(url)
            if url.startswith(until):
                return response
            continue
        action = re.findall(r'<form[^>]*action="([^"]+)"', response.text)
        prompt = re.findall(r'name="prompt" value="(\w+)"', response.text)
        assert action, response.text
        url = urljoin(url, action[0])
        response = browser.post(url, data={"prompt": prompt[0], "login": user, "password": "not checked"})
    return pytest.fail(f"{MAX_STEPS} steps, and not back yet")


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
        with providing(installed, client, port, base):
            for _ in ("sign up", "sign in"):
                response = walk(browser, f"{base}/oauth2/oidc/authorize?redirect=1", callback, user)
                assert (response.status_code, response.json()["email"]) == (httpx.codes.CREATED, user)
            url = browser.post(f"{base}/reauthenticate/oidc").json()["authorization_url"]
            assert walk(browser, url, callback, user).status_code == httpx.codes.NO_CONTENT
            sign_out_there(browser, browser.get(f"{base}/oauth2/oidc/logout").headers["Location"], f"{base}/health")
            # The provider has said so to the service (back-channel logout).
            assert browser.get(f"{base}/users/me").status_code == httpx.codes.UNAUTHORIZED, server.console
