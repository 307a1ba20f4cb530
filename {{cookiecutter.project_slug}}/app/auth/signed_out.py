"""The response that removes a sign-in from a browser."""

from typing import Any

from litestar import Request
from litestar import Response

from app.auth import credentials

# Not "cookies": that clears the cookies of every application on the same registrable domain. Ours expire by name.
HEADERS = {"Clear-Site-Data": '"cache", "storage"'}


def signed_out(request: Request[Any, Any, Any]) -> Response[None]:
    """204; the browser drops the cookies of the sign-in, and the cache and storage of this origin."""
    cookies = credentials.cleared_cookies(request.app.state.settings)
    return Response(None, status_code=204, cookies=cookies, headers=HEADERS)
