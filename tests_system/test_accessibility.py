"""Every page of a service, as the rules of WCAG 2.2 AA see it: narrow and wide, light and dark."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import serving
from tests_system.accounts import register_and_verify
from tests_system.browser import Browser
from tests_system.conftest import Generate
from tests_system.pages import Service
from tests_system.pages import Visitor
from tests_system.providers import npm_install

AXE = "axe-core@4.14.1"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """
const done = arguments[0];
SCRIPT;
axe.run({runOnly: LEVELS}).then((result) => done(result.violations.map((each) => [each.id, each.nodes[0].html])));
"""
VIEWS = [(320, "light"), (320, "dark"), (768, "light"), (768, "dark"), (1280, "light"), (1280, "dark")]
PUBLIC = ["/sign-in", "/sign-up", "/forgot-password", "/reset-password?token=x"]
OWN = ["", "/security", "/devices", "/tokens", "/providers", "/data", "/notes"]
ADMINISTRATION = ["/admin/users", "/admin/roles", "/admin/audit"]


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script that finds violations."""
    folder = tmp_path_factory.mktemp("axe")
    npm_install(folder, AXE)
    return (folder / "node_modules/axe-core/axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def service(generate: Generate) -> Iterator[Service]:
    """The service with every feature on."""
    project = generate()
    project.run("alembic", "upgrade", "head")
    printed = project.run("litestar", "users", "create-admin", "--email", "ada@example.com")
    password = re.findall(r"[Pp]assword.*: (\S+)", printed)[0]
    with serving(project, BASE_URL="http://localhost:{port}") as server:
        yield Service("session", project, server, password)


def violations(browser: Browser, axe: str, name: str) -> Iterator[str]:
    """What is wrong in some view, and where the page is wider than the window; each view is kept as a picture."""
    for width, scheme in VIEWS:
        see(browser, width, scheme)
        browser.picture(f"{name}-{width}-{scheme}")
        script = RUN.replace("SCRIPT", axe).replace("LEVELS", str(LEVELS))
        found = browser.call("POST", "execute/async", script=script, args=[])
        yield from (f"{name} {width} {scheme}: {each}" for each in found)
        if browser.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            yield f"{name} {width} {scheme}: wider than the window"


def see(browser: Browser, width: int, scheme: str) -> None:
    """A window of this width, for a reader who prefers light or dark pages."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.call("POST", "goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride", params=metrics)
    browser.call("POST", "goog/cdp/execute", cmd="Emulation.setEmulatedMedia", params=media)


def test_no_page_breaks_a_rule(service: Service, browser: Browser, axe: str, tmp_path: Path) -> None:
    found: list[str] = []
    visitor = Visitor(browser, service)
    for path in PUBLIC:
        visitor.open(path)
        found += violations(browser, axe, path.strip("/").partition("?")[0])
    register_and_verify(service.server, "grace@example.com")
    visitor.signs_in("ada@example.com", service.administrator)
    visitor.is_at("/account")
    user = visitor.browser.run("return fetch('/users/me').then((answer) => answer.json())")["id"]
    for path in [*(f"/account{each}" for each in OWN), *ADMINISTRATION, f"/admin/users/{user}"]:
        visitor.open(path)
        found += violations(browser, axe, path.strip("/").replace("/", "-").replace(user, "user"))
    visitor.open("/account/security")
    visitor.press("Set up an authenticator app")
    visitor.sees("Or type this secret into the app")
    found += violations(browser, axe, "account-security-app")
    assert found == []
    assert visitor.complaints() == []
    assert [*tmp_path.glob("*.png")]
