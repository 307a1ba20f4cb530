"""A browser adds a passkey and signs in with it, with the scripts of the guide and the browser's own authenticator."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.server import Server
from tests.server import serving
from tests_system.accounts import PASSWORD
from tests_system.accounts import register_and_verify
from tests_system.browser import Browser
from tests_system.conftest import Generate

GRACE = "grace@example.com"
# A device that checks who holds it, as a phone does; the driver answers for the person.
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
}
SEND = """
    const send = async (method, path, body) => {
      const headers = body ? {"Content-Type": "application/json"} : {};
      const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
      return {status: answer.status, body: answer.status === 204 ? null : await answer.json()};
    };
"""

SECOND_STEP = """
    const challenge = "CHALLENGE";
    const {body: {publicKey}} = await send("POST", "/login/options", {challenge});
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
    const credential = await navigator.credentials.get({publicKey: options});
    return send("POST", "/login/second-factor", {challenge, credential: credential.toJSON()});
"""


@pytest.fixture(scope="module")
def server(generate: Generate) -> Iterator[Server]:
    """A service whose BASE_URL is the address that the browser shows."""
    project = generate(auth_backend="session")
    project.run("alembic", "upgrade", "head")
    with serving(project, BASE_URL="http://localhost:{port}") as running:
        yield running


@pytest.fixture
def scripts(generate: Generate) -> tuple[str, ...]:
    """The scripts of the guide: how to sign in and how to add a passkey. Each returns the answer to its last line."""
    guide = generate(auth_backend="session").read("docs/factors.md")
    signs_in, adds = re.findall(r"```js\n(.*?)```", guide, re.DOTALL)
    # The second one uses a function that the first one begins with.
    post, first, rest = signs_in.partition("const {challenge, publicKey}")
    returns = re.compile(r"^await (?=post\()", re.MULTILINE)
    return tuple(post + returns.sub("return await ", each) for each in (first + rest, adds))


def test_a_passkey_is_added_and_signs_in(server: Server, browser: Browser, scripts: tuple[str, ...]) -> None:
    sign_in, add = scripts
    browser.call("POST", "webauthn/authenticator", **AUTHENTICATOR)
    register_and_verify(server, GRACE)
    browser.open(server.url.replace("127.0.0.1", "localhost") + "/health")
    credentials = f'{{"email": "{GRACE}", "password": "{PASSWORD}"}}'
    assert in_page(browser, f'{SEND} return send("POST", "/login", {credentials});')["status"] == httpx.codes.CREATED

    passkey = in_page(browser, add)
    assert (passkey["name"], passkey["rp_id"], len(passkey["recovery_codes"])) == ("Phone", "localhost", 10)
    [session] = in_page(browser, f'{SEND} return send("GET", "/users/me/sessions");')["body"]
    assert session["amr"] == ["pwd", "pop", "mfa"]

    in_page(browser, f'{SEND} return send("POST", "/logout");')
    answer = in_page(browser, f'{SEND} return send("POST", "/login", {credentials});')
    assert (answer["status"], answer["body"]["factors"]) == (httpx.codes.ACCEPTED, ["passkey", "recovery_code"])
    assert in_page(browser, f'{SEND} return send("GET", "/users/me");')["status"] == httpx.codes.UNAUTHORIZED

    confirm = SECOND_STEP.replace("CHALLENGE", answer["body"]["challenge"])
    assert in_page(browser, SEND + confirm)["status"] == httpx.codes.CREATED
    [session] = in_page(browser, f'{SEND} return send("GET", "/users/me/sessions");')["body"]
    assert session["amr"] == ["pwd", "pop", "mfa"]
    in_page(browser, f'{SEND} return send("POST", "/logout");')

    assert in_page(browser, sign_in)["email"] == GRACE
    [session] = in_page(browser, f'{SEND} return send("GET", "/users/me/sessions");')["body"]
    assert session["amr"] == ["pop", "user", "mfa"]


def in_page(browser: Browser, script: str) -> Any:  # noqa: ANN401 - whatever the script returns
    """What a script returns that may wait for answers."""
    return browser.run(f"return (async () => {{ {script} }})()")
