"""The pages that links in mails lead to while no front end answers there.

Opening one consumes nothing, since mail scanners open links too: its button POSTs the token in a body.
"""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment
from jinja2 import FileSystemLoader
from litestar import MediaType
from litestar import Response
from litestar import get
from litestar.handlers import HTTPRouteHandler
from markupsafe import Markup

from app.settings import PROJECT_NAME

FOLDER = Path(__file__).parent / "templates" / "pages"
TEMPLATE = Environment(loader=FileSystemLoader(FOLDER), autoescape=True).get_template("link.html")
# The files are ours, not a caller's, so they need no escaping.
SCRIPT = Markup((FOLDER / "link.js").read_text("utf-8"))  # noqa: S704
STYLE = Markup((FOLDER / "link.css").read_text("utf-8"))  # noqa: S704


class Page(NamedTuple):
    """What a page says; it POSTs to its own path."""

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
        text="Long is good: a sentence that you alone would write.",
        button="Save",
        done="Your new password is saved and every device is signed out. You can sign in now.",
        asks_for="password",
    ),
    Page(
        path="/forgot-password",
        title="Forgotten your password?",
        text="Say which address your account has, and we send it a link to choose a new password.",
        button="Send the link",
        done="If there is an account with this address, the mail is on its way.",
        asks_for="email",
    ),
    Page(
        path="/users/me/email/confirm",
        title="Confirm your new address",
        text="Press the button to sign in with this e-mail address from now on.",
        button="Confirm",
        done="Your address is changed and every device is signed out. Sign in with the new address.",
    ),
    Page(
        path="/users/me/email/undo",
        title="Keep this address",
        text="Press the button to keep this e-mail address. Every device is signed out, and you choose a new password.",
        button="Keep this address",
        done="Your account keeps this address. Choose a new password with the link that we have just mailed to it.",
    ),
)


def _route_of(page: Page) -> HTTPRouteHandler:
    content = TEMPLATE.render(page=page, project_name=PROJECT_NAME, script=SCRIPT, style=STYLE)

    @get(page.path, exclude_from_auth=True, include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=False)
    def show() -> Response[str]:
        return Response(content, headers=HEADERS)

    return show


def _hash_of(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


HEADERS = {
    # Nothing but the two files above runs, and they talk to this service alone.
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_hash_of(SCRIPT)}; style-src {_hash_of(STYLE)}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    # The address of the page holds the token.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}

ROUTES = [_route_of(page) for page in PAGES]
