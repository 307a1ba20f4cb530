"""Responses that Litestar keeps, for routes with `cache=True`: each caller gets back only their own."""

from typing import Any

from litestar import Request
from litestar.config.response_cache import ResponseCacheConfig
from litestar.config.response_cache import default_cache_key_builder

from app.http.current_request import current_request


def response_cache_config() -> ResponseCacheConfig:
    """The cache of Litestar, whose default key is the URL alone: one user would get the response to another."""
    return ResponseCacheConfig(key_builder=_key)


def _key(request: Request[Any, Any, Any]) -> str:
    now = current_request()
    # A token may do less than its owner, or than another token. The sign-ins of one user share a response.
    caller = f"{now.user_id} {now.token.id if now.token else ''}"
    return f"{caller} {default_cache_key_builder(request)}"
