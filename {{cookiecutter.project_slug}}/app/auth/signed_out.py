"""The answer after which a browser holds nothing of a sign-in."""

from typing import Any

from litestar import Request
from litestar import Response

from app.auth import credentials

# No "cookies": ours expire by name, and that word clears those of every application on the same registrable domain.
HEADERS = {"Clear-Site-Data": '"cache", "storage"'}


def signed_out(request: Request[Any, Any, Any]) -> Response[None]:
    """204: the browser drops the cookies of the sign-in, and what it has cached and stored of this origin."""
    cookies = credentials.cleared_cookies(request.app.state.settings)
    return Response(None, status_code=204, cookies=cookies, headers=HEADERS)
