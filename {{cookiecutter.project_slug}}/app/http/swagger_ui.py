"""Swagger UI from files of this service, so that browsers load nothing from other hosts."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from litestar import Request
from litestar import Response
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import OpenAPIRenderPlugin

from app.settings import PROJECT_NAME

ASSETS = Path(str(distribution("flask-swagger-ui").locate_file("flask_swagger_ui/dist")))
SCRIPT = 'SwaggerUIBundle({url: "/schema/openapi.json", dom_id: "#api", withCredentials: true})'
PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{PROJECT_NAME}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/schema/swagger-ui.css">
<div id="api"></div>
<script src="/schema/swagger-ui-bundle.js"></script>
<script>{SCRIPT}</script>
</html>
"""


POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self'; "
    f"script-src 'self' 'sha256-{b64encode(sha256(SCRIPT.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SwaggerUI(OpenAPIRenderPlugin):
    """The page of Swagger UI. It works without a network, and other hosts do not learn who reads it."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002  # as Litestar calls it
        """The page, which fetches the document."""
        return PAGE.encode()


def asset(name: str, media_type: str) -> HTTPRouteHandler:
    """A route that serves a file of Swagger UI."""

    @get(f"/{name}", sync_to_thread=False)
    def serve() -> Response[bytes]:
        # The file is public, and changes only with the version of the package.
        headers = {"Cache-Control": "public, max-age=3600"}
        return Response(_content(name), media_type=media_type, headers=headers)

    return serve


@cache
def _content(name: str) -> bytes:
    # Read at the first request and not at each, since reading blocks the others.
    return (ASSETS / name).read_bytes()
