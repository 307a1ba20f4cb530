"""`make picture`: pictures of five pages for the README, in light and dark, into docs/pages."""

import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

from tests.projects import Project
from tests.projects import Tools
from tests.server import serving
from tests_system.accounts import PASSWORD
from tests_system.browser import Browser
from tests_system.browser import browsing
from tests_system.pages import Service
from tests_system.pages import Visitor

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / "docs" / "pages"
WIDTH, HEIGHT = 960, 640
PAGES = ("/account/security", "/admin/users", "/admin/roles", "/admin/audit")
ADMINISTRATOR = "grace@shop.example"
OTHERS = ("ada", "edsger", "katherine")


def picture(browser: Browser, name: str) -> None:
    """Save what the window shows, in light and dark."""
    for scheme in ("light", "dark"):
        wish = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.call("POST", "goog/cdp/execute", cmd="Emulation.setEmulatedMedia", params=wish)
        browser.picture(f"{name}-{scheme}")


def draw(service: Service, browser: Browser) -> None:
    """Sign in as the administrator, add a passkey, and look around."""
    size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    browser.call("POST", "goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride", params=size)
    visitor = Visitor(browser, service)
    visitor.has_authenticator()
    visitor.open("/sign-in")
    picture(browser, "sign-in")
    visitor.signs_in(ADMINISTRATOR)
    visitor.is_at("/account")
    visitor.open("/account/security")
    visitor.fill("Name of the new passkey", "My laptop")
    visitor.press("Add a passkey")
    visitor.press("Close")
    for path in PAGES:
        visitor.open(path)
        picture(browser, path.rpartition("/")[2])


def main() -> None:
    """Generate a service, run it, and draw its pages."""
    with tempfile.TemporaryDirectory() as folder:
        answers = {"project_name": "Grace's Shop"}
        made = cookiecutter(str(REPOSITORY), no_input=True, extra_context=answers, output_dir=folder)
        project = Project(Path(made), Tools(Path(folder) / "caches"))
        project.run("alembic", "upgrade", "head")
        project.run("litestar", "users", "create-admin", "--email", ADMINISTRATOR, stdin=f"{PASSWORD}\n")
        for name in OTHERS:
            project.run("litestar", "users", "create-user", "--email", f"{name}@shop.example", stdin=f"{PASSWORD}\n")
        FOLDER.mkdir(exist_ok=True)
        with serving(project, BASE_URL="http://localhost:{port}") as server, browsing(Path(folder)) as browser:
            draw(Service("session", project, server, PASSWORD), Browser(browser.client, FOLDER))


if __name__ == "__main__":
    main()
