"""How somebody who is back from a provider gets their credentials, and where their browser goes.

Cookies go along wherever it goes. What a program holds itself cannot, since an address is kept in histories and logs: a
page gets a code in its address, which it trades for credentials once, and soon.
"""

import re
from urllib.parse import unquote
from urllib.parse import urlencode
from urllib.parse import urlsplit

from app.http.errors import InvalidField
from app.oauth.state_store import Return
from app.settings import Settings

LONGEST_PATH = 1024
# A path that is still encoded after as many rounds is refused.
MOST_DECODINGS = 5


def page_after(settings: Settings, back: Return) -> str | None:
    """Where the browser goes; None if whoever asks wants the answer itself."""
    if settings.oauth_return_url is not None:
        return (
            with_query(settings.oauth_return_url, next=back.next_path) if back.next_path else settings.oauth_return_url
        )
    return f"{settings.base_url}{back.next_path}" if back.next_path else None


def own_path(path: str | None) -> str:
    """A path of this service to go to afterwards, as the caller wrote it.

    Raises:
        InvalidField: if it is too long, or a browser could read it as the address of another host.
    """
    # Decoding comes after the length, since its cost grows with it.
    if path and (len(path) > LONGEST_PATH or not _stays_here(path)):
        raise InvalidField("next", "Name a path of this service, for example /dashboard.")
    return path or ""


def _stays_here(path: str) -> bool:
    # A page that reads the path later may decode it, and more than once.
    decoded = path
    for _ in range(MOST_DECODINGS):
        decoded = unquote(decoded)
    way = re.split("[?#]", decoded)[0]
    is_plain = re.fullmatch(r"[!-~]+", path) and decoded.isprintable() and unquote(decoded) == decoded
    # Browsers read a backslash as a slash, and two slashes as the beginning of a host.
    return bool(is_plain) and way.startswith("/") and "//" not in way and "\\" not in decoded


def with_query(page: str, **more: str) -> str:
    """The address of a page, saying more behind its question mark."""
    address = urlsplit(page)
    query = "&".join(filter(None, (address.query, urlencode(more))))
    return address._replace(query=query).geturl()
