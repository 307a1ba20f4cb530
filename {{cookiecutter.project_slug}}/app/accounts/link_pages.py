"""The pages behind the links in mails, for services without a front end of their own.

Mail scanners open links too, so opening a page changes nothing: its button sends the token in a POST. If the service
has a route at `/`, the pages lead there afterwards.
"""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any
from typing import NamedTuple

from jinja2 import Environment
from jinja2 import FileSystemLoader
from litestar import Litestar
from litestar import MediaType
from litestar import Request
from litestar import Response
from litestar import get
from litestar.handlers import HTTPRouteHandler
from markupsafe import Markup

from app.accounts import theme

FOLDER = Path(__file__).parent / "templates" / "pages"
TEMPLATE = Environment(loader=FileSystemLoader(FOLDER), autoescape=True).get_template("link.html")
# These files are part of the service, so they need no escaping.
SCRIPT = Markup((FOLDER / "link.js").read_text("utf-8"))  # noqa: S704
STYLE = Markup(theme.COLOURS + (FOLDER / "link.css").read_text("utf-8"))  # noqa: S704


class Page(NamedTuple):
    """The texts of a page; its form is sent to the path of the page."""

    path: str
    title: str
    text: str
    button: str
    done: str
    asks_for: str | None = None


PAGES = (
    Page(
        path="/verify",
        title="Confirm your address",
        text="Press the button to confirm that this e-mail address is yours.",
        button="Confirm",
        done="Your address is confirmed. You can sign in now.",
    ),
    Page(
        path="/reset-password",
        title="Choose a new password",
        text="Use a long password, such as several unrelated words.",
        button="Save",
        done="Your new password is saved and every device is signed out. You can sign in now.",
        asks_for="password",
    ),
    Page(
        path="/forgot-password",
        title="Forgotten your password?",
        text="Enter the e-mail address of your account. We send you a link to choose a new password.",
        button="Send the link",
        done="If this address has an account, the mail is on its way.",
        asks_for="email",
    ),
    Page(
        path="/users/me/email/confirm",
        title="Confirm your new address",
        text="Press the button to use this e-mail address to sign in from now on.",
        button="Confirm",
        done="Your address is changed and every device is signed out. Sign in with the new address.",
    ),
    Page(
        path="/users/me/email/undo",
        title="Keep this address",
        text="Press the button to keep this e-mail address. Every device is signed out, and you choose a new password.",
        button="Keep this address",
        done="Your account keeps this address. Choose a new password with the link that we just mailed to it.",
    ),
)


def _route_of(page: Page) -> HTTPRouteHandler:
    texts = {"page": page, "theme": theme, "script": SCRIPT, "style": STYLE}
    contents = {has_home: TEMPLATE.render(texts, has_home=has_home) for has_home in (False, True)}

    @get(page.path, exclude_from_auth=True, include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=False)
    def show(request: Request[Any, Any, Any]) -> Response[str]:
        return Response(contents[has_page(request.app, "/")], headers=HEADERS)

    return show


def has_page(app: Litestar, path: str) -> bool:
    """Whether something answers at this path."""
    return any(route.path == path and "GET" in getattr(route, "methods", ()) for route in app.routes)


def _hash_of(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


# The page may use only the two files above, and they can only send requests to this service.
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_hash_of(SCRIPT)}; style-src {_hash_of(STYLE)}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

ROUTES = [_route_of(page) for page in PAGES]
