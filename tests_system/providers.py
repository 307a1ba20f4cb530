"""Providers of other authors, each set up with one client and one user, and the way there and back in a browser."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs
from urllib.parse import urljoin
from urllib.parse import urlsplit

import httpx
import pytest

FOLDER = Path(__file__).parent
CLIENT_ID, CLIENT_SECRET = "this-service", "a secret with + and %2B"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of a provider that lives for one test
OLDEST_NODE = 20
MAX_STEPS = 12

Act = Callable[[httpx.Client, httpx.Response], httpx.Response]


def npm_install(folder: Path, *packages: str) -> None:
    """Install packages, or skip the test where Node.js is too old for them."""
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"{packages[0]} needs Node.js {OLDEST_NODE}; this is {version}")
    # Some packages name versions of their neighbours that contradict each other.
    command = ["npm", "install", "--no-audit", "--no-fund", "--legacy-peer-deps", *packages]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def pip_install(folder: Path, *packages: str) -> Path:
    """Install packages into an environment of their own; its Python."""
    uv = Path(sys.executable).with_name("uv")
    python = folder / "venv" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *packages], check=True)
    return python


@contextmanager
def providing(folder: Path, *command: str | Path, **environment: str) -> Iterator[None]:
    """A provider that says once it is ready, until the block ends."""
    with subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == b"ready"
            yield
        finally:
            process.terminate()


def walk(browser: httpx.Client, url: str, until: str, act: Act) -> httpx.Response:
    """Follow redirects and act on the pages between them; the response of the first page at `until`."""
    response = browser.get(url)
    for _ in range(MAX_STEPS):
        location = response.headers.get("Location")
        if location is None:
            response = act(browser, response)
            continue
        url = urljoin(str(response.url), location)
        response = browser.get(url)
        if url.startswith(until):
            return response
    return pytest.fail(f"{MAX_STEPS} steps, and not back yet: {response.url} {response.text[:1000]}")


def sign_in_at_better_auth(user: str, browser: httpx.Client, page: httpx.Response) -> httpx.Response:
    """What a sign-in page does with better-auth's client: send the query along, and go where the answer says.

    Signing out there shows a form with one button.
    """
    if action := re.findall(r'data-oidc-logout-confirmation action="([^"]+)"', page.text):
        headers = {"Origin": urljoin(str(page.url), "/").rstrip("/")}
        return browser.post(urljoin(str(page.url), action[0]), data={"action": "confirm"}, headers=headers)
    api = urljoin(str(page.url), "/api/auth/sign-in/email")
    body = {"email": user, "password": PASSWORD, "oauth_query": urlsplit(str(page.url)).query}
    answer = browser.post(api, json=body, headers={"Origin": urljoin(str(page.url), "/").rstrip("/")})
    assert answer.is_success, answer.text
    return httpx.Response(302, headers={"Location": answer.json()["url"]}, request=page.request)


def sign_in_at_django(user: str, browser: httpx.Client, page: httpx.Response) -> httpx.Response:
    """Fill in the form, or press the button of the page that signs out."""
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    hidden = {name: unescape(value) for name, value in fields}
    body = hidden | {"username": user, "password": PASSWORD, "allow": "Logout"}
    return browser.post(str(page.url), data=body, headers={"Referer": str(page.url)})


def sign_in_at_canaille(user: str, browser: httpx.Client, page: httpx.Response) -> httpx.Response:
    """Fill in the form of this page: the name, the password, or whether to sign out."""
    [token] = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[:1]
    known = {"login": user, "password": PASSWORD}
    body = {"csrf_token": token} | {name: value for name, value in known.items() if f'name="{name}"' in page.text}
    body["answer"] = "logout" if "end_session" in str(page.url) or "logout" in str(page.url) else "accept"
    return browser.post(str(page.url), data=body)


def sign_in_at_glewlwyd(user: str, browser: httpx.Client, page: httpx.Response) -> httpx.Response:
    """What the script of its sign-in page does: sign in, allow the scopes, and go on."""
    there = {name: values[0] for name, values in parse_qs(urlsplit(str(page.url)).query).items()}
    api = urljoin(str(page.url), "/api/auth/")
    answers = [
        browser.post(api, json={"username": user, "password": PASSWORD}),
        browser.put(f"{api}grant/{CLIENT_ID}", json={"scope": there["scope"]}),
    ]
    assert all(answer.is_success for answer in answers), answers
    return httpx.Response(302, headers={"Location": f"{there['callback_url']}&g_continue"}, request=page.request)
