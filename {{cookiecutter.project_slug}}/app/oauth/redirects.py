"""Where the browser of a user goes after the callback of a provider.

Cookies are sent along with a redirect. Tokens cannot be in a URL, since histories and logs keep it: a page gets a code
there, which it exchanges for tokens once and within a minute.
"""

import re
from typing import Any
from urllib.parse import unquote
from urllib.parse import urlencode
from urllib.parse import urlsplit

from litestar import Request

from app.accounts.link_pages import has_page
from app.http.errors import InvalidField
from app.oauth.state_store import FlowState
from app.settings import Settings

MAX_PATH_LENGTH = 1024
# A path that is still encoded after this many rounds is refused.
MAX_DECODINGS = 5


# Where a browser goes without `next`, if the service has a route there.
HOME = "/account"


def page_after(request: Request[Any, Any, Any], flow_state: FlowState) -> str | None:
    """The URL to redirect to; None if the caller gets the response itself."""
    settings: Settings = request.app.state.settings
    path = flow_state.next_path
    if settings.oauth_return_url is not None:
        return with_query(settings.oauth_return_url, next=path) if path else settings.oauth_return_url
    if not path and "text/html" in request.headers.get("Accept", "") and has_page(request.app, HOME):
        path = HOME
    return f"{settings.base_url}{path}" if path else None


def own_path(path: str | None) -> str:
    """A path of this service to go to afterwards, as the caller wrote it.

    Raises:
        InvalidField: if it is too long, or a browser could read it as the URL of another host.
    """
    # The length is checked before it is decoded, since the cost grows with it.
    if path and (len(path) > MAX_PATH_LENGTH or not _stays_here(path)):
        raise InvalidField("next", "Name a path of this service, for example /dashboard.")
    return path or ""


def _stays_here(path: str) -> bool:
    # A page that reads the path later may decode it more than once.
    decoded = path
    for _ in range(MAX_DECODINGS):
        decoded = unquote(decoded)
    way = re.split("[?#]", decoded)[0]
    is_plain = re.fullmatch(r"[!-~]+", path) and decoded.isprintable() and unquote(decoded) == decoded
    # The path follows the host as it is: unless it begins with a slash itself, "%2F@other.example" makes that the host.
    # Browsers read a backslash as a slash, and two slashes as the start of a host.
    return bool(is_plain) and path.startswith("/") and "//" not in way and "\\" not in decoded


def with_query(page: str, **more: str) -> str:
    """The URL of a page with more parameters in its query."""
    address = urlsplit(page)
    query = "&".join(filter(None, (address.query, urlencode(more))))
    return address._replace(query=query).geturl()
