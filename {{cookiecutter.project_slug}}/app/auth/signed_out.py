"""The response that removes a sign-in from a browser."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from litestar import Request
from litestar import Response
from sqlalchemy import Row

from app.auth import credentials
from app.auth.user_sessions import UserRequest

# Not "cookies": that clears the cookies of every application on the same registrable domain. Ours expire by name.
HEADERS = {"Clear-Site-Data": '"cache", "storage"'}
# Each returns headers for the response to a request that signs out, by the row of the sign-in that has ended.
SIGN_OUT_HEADERS: list[Callable[[UserRequest, Row[Any]], Awaitable[Mapping[str, str]]]] = []
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def signed_out(request: Request[Any, Any, Any], headers: Mapping[str, str] = NO_HEADERS) -> Response[None]:
    """204; the browser drops the cookies of the sign-in, and the cache and storage of this origin."""
    cookies = credentials.cleared_cookies(request.app.state.settings)
    return Response(None, status_code=204, cookies=cookies, headers={**HEADERS, **headers})
