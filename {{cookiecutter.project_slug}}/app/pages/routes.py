"""The list of pages. A page is a template, filled at the start; its script gets what it shows from the API."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any
from typing import NamedTuple

from jinja2 import Environment
from jinja2 import FileSystemLoader
from jinja2 import StrictUndefined
from litestar import MediaType
from litestar import Request
from litestar import Response
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from app.accounts import theme
from app.accounts.user_search import AccountState
from app.auth import credentials
from app.pages.files import SCRIPT_PATH
from app.pages.files import STYLE_PATH
from app.pages.files import static_file
# {% if cookiecutter.include_rbac %}
from app.permissions import Permission
# {% endif %}

FOLDER = Path(__file__).parent
# For another language, add a file like this one and name it here.
TEXTS = tomllib.loads((FOLDER / "english.toml").read_text("utf-8"))


class Page(NamedTuple):
    """A page: `name.html` in `templates` or in the folder of another feature."""

    path: str
    name: str
    # The menu shows it if this holds for the signed-in user; without, it is not in the menu.
    shown_if: str = ""
    is_public: bool = False
    # Those of this folder have theirs in TEXTS.
    own_title: str = ""

    @property
    def title(self) -> str:
        """The name in the menu and on the page."""
        return self.own_title or str(TEXTS[self.name]["title"])


# The order of the menu.
PAGES = [
    Page("/sign-in", "sign-in", is_public=True),
    Page("/sign-up", "sign-up", is_public=True),
    Page("/account", "account", "id"),
    Page("/account/security", "security", "id"),
    Page("/account/devices", "devices", "id"),
    Page("/account/tokens", "tokens", "id"),
    Page("/account/data", "data", "id"),
    Page("/account/notes", "notes/page", "id", own_title="Notes"),  # example
]
# Templates of other features that a page includes.
PARTS: dict[str, list[str]] = {"sign-in": [], "confirm": [], "tokens": [], "end": []}
# What templates need besides texts.
VALUES: dict[str, Any] = {"states": [*AccountState]}
# {% if cookiecutter.include_oauth %}
PAGES.append(Page("/account/providers", "providers", "id"))
PARTS["sign-in"].append("sign-in-with-provider.html")
PARTS["confirm"].append("confirm-with-provider.html")
PARTS["end"].append("second-step-after-provider.html")
# {% endif %}
# {% if cookiecutter.include_rbac %}
PAGES += [
    Page("/admin/users", "admin-users", "permissions users:read"),
    Page("/admin/users/{user_id:uuid}", "admin-user"),
    Page("/admin/roles", "admin-roles", "permissions roles:read"),
    Page("/admin/audit", "admin-audit", "permissions audit:read"),
]
PARTS["tokens"].append("token-permissions.html")
VALUES["permissions"] = [*Permission]
# {% endif %}

TEMPLATES = Environment(
    loader=FileSystemLoader([FOLDER / "templates", FOLDER.parent]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
# The page may run the one script and use the one style sheet, and send requests to this service alone.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    )
}


@cache
def html_of(page: Page, *, shows_docs: bool) -> str:
    """The page, which is the same for every caller."""
    return TEMPLATES.get_template(f"{page.name}.html").render(
        page=page,
        text=TEXTS.get(page.name),
        texts=TEXTS,
        controls=TEXTS["controls"],
        # What the paths of pages begin with.
        roots=" ".join(sorted({each.path.split("/")[1] for each in PAGES if not each.is_public})),
        menu=[each for each in PAGES if each.shown_if],
        parts=PARTS,
        theme=theme,
        script=SCRIPT_PATH,
        style=STYLE_PATH,
        # Where the kind of credentials extends a sign-in, if it does.
        extends_at=next((path for route in credentials.ROUTES for path in route.paths), ""),
        shows_docs=shows_docs,
        **VALUES,
    )


def _route_of(page: Page) -> HTTPRouteHandler:
    @get(page.path, exclude_from_auth=True, include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=False)
    def show(request: Request[Any, Any, Any]) -> Response[str]:
        settings = request.app.state.settings
        shows_docs = settings.serves_openapi and settings.environment == "development"
        return Response(html_of(page, shows_docs=shows_docs), headers=HEADERS)

    return show


@get("/", exclude_from_auth=True, include_in_schema=False, sync_to_thread=False)
def index() -> Redirect:
    """The account, which leads to the sign-in where there is none."""
    return Redirect("/account")


@get("/.well-known/passkey-endpoints", exclude_from_auth=True, include_in_schema=False, sync_to_thread=False)
def passkey_endpoints(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Where a password manager sends its user to add passkeys and to manage them."""
    page = f"{request.app.state.settings.base_url}/account/security"
    return {"enroll": page, "manage": page}


ROUTES: list[HTTPRouteHandler] = [index, passkey_endpoints, static_file, *map(_route_of, PAGES)]
