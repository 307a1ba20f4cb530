"""The description of the API: with everything that may be refused, and a page that loads nothing from elsewhere."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import is_dataclass
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from typing import NamedTuple
from typing import get_type_hints

from advanced_alchemy.exceptions import NotFoundError
from litestar import Request
from litestar import Response
from litestar import Router
from litestar import get
from litestar.datastructures import ResponseHeader
from litestar.exceptions import NotAuthorizedException
from litestar.exceptions import PermissionDeniedException
from litestar.exceptions import ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi import ResponseSpec
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute
from litestar.routes import HTTPRoute
from litestar.types import Guard
from litestar.typing import FieldDefinition
from msgspec import Struct

from app.accounts.fresh import fresh
from app.browsers import READING
from app.errors import TABLE
from app.errors import BodyTooSlow
from app.errors import Conflict
from app.errors import CrossSite
from app.errors import InvalidToken
from app.errors import NotFresh
from app.errors import TooBusy
from app.errors import TooManyAttempts
from app.errors import UnsupportedMediaType
from app.health import alive
from app.problems import PROBLEM_TYPE
from app.problems import Problem
from app.settings import PROJECT_NAME

ASSETS = Path(str(distribution("flask-swagger-ui").locate_file("flask_swagger_ui/dist")))
SCRIPT = 'SwaggerUIBundle({url: "/schema/openapi.json", dom_id: "#api", withCredentials: true})'
PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{PROJECT_NAME}</title>
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


def openapi_config() -> OpenAPIConfig:
    """The document and one page that shows it."""
    return OpenAPIConfig(
        PROJECT_NAME,
        version="0.1.0",
        use_handler_docstrings=True,
        render_plugins=[SwaggerUI(path="/")],
        openapi_router=Router(
            "/schema",
            route_handlers=[_asset("swagger-ui.css", "text/css"), _asset("swagger-ui-bundle.js", "text/javascript")],
            include_in_schema=False,
            response_headers=[ResponseHeader(name="Content-Security-Policy", value=POLICY)],
        ),
    )


class SwaggerUI(OpenAPIRenderPlugin):
    """Swagger UI out of a package, so that nobody else learns who reads here, and it works without a network."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002  # as Litestar calls it
        """The page; it fetches the document."""
        return PAGE.encode()


def _asset(name: str, media_type: str) -> HTTPRouteHandler:
    @get(f"/{name}", sync_to_thread=False)
    def serve() -> Response[bytes]:
        # It says nothing about anybody, and changes with the version of the package alone.
        headers = {"Cache-Control": "public, max-age=3600"}
        return Response((ASSETS / name).read_bytes(), media_type=media_type, headers=headers)

    return serve


class Refusals(ReceiveRoutePlugin):
    """Writes into the description of each operation how it may refuse; `refuses` of a handler adds to the rules."""

    def receive_route(self, route: BaseRoute) -> None:
        """Describe what is being mounted."""
        for handler, inputs in route.route_handler_map.values() if isinstance(route, HTTPRoute) else ():
            if handler.resolve_include_in_schema():
                operation = Operation(handler, bool(route.path_parameters), bool(inputs.expected_query_params))
                handler.responses = _refusals(operation) | {**(handler.responses or {})}


class Operation(NamedTuple):
    """What the rules look at."""

    handler: HTTPRouteHandler
    is_named: bool
    is_filtered: bool

    @property
    def body(self) -> FieldDefinition | None:
        """What is sent."""
        return self.handler.parsed_data_field

    @property
    def names(self) -> set[str]:
        """What that consists of."""
        kind = self.body.annotation if self.body else None
        is_body = isinstance(kind, type) and (issubclass(kind, Struct) or is_dataclass(kind))
        return {*get_type_hints(kind)} if is_body else set()

    @property
    def changes(self) -> bool:
        """Whether it may leave something other than it was."""
        return not self.handler.http_methods <= READING

    @property
    def guards(self) -> list[Guard]:
        """What it asks of callers besides being signed in."""
        return [guard for layer in self.handler.ownership_layers for guard in layer.guards or ()]

    @property
    def is_counted(self) -> bool:
        """Whoever shows a password or asks for a mail is counted; whoever follows a link is not."""
        names = self.names
        return bool({"email", "password", "current_password"} & names) and "token" not in names and not self.guards


# What may be answered, and to what.
RULES: dict[type[Exception], Callable[[Operation], bool]] = {
    ValidationException: lambda operation: bool(operation.body) or operation.is_named or operation.is_filtered,
    InvalidToken: lambda operation: "token" in operation.names,
    NotAuthorizedException: lambda operation: not operation.handler.opt.get("exclude_from_auth"),
    CrossSite: lambda operation: operation.changes,
    NotFresh: lambda operation: fresh in operation.guards,
    PermissionDeniedException: lambda operation: bool({*operation.guards} - {fresh}),
    NotFoundError: lambda operation: operation.is_named or any(name.endswith("_id") for name in operation.names),
    BodyTooSlow: lambda operation: bool(operation.body),
    Conflict: lambda operation: operation.changes and not operation.is_counted,
    RequestEntityTooLarge: lambda operation: bool(operation.body),
    UnsupportedMediaType: lambda operation: operation.changes,
    TooManyAttempts: lambda operation: operation.is_counted or bool(operation.names & {"password", "new_password"}),
    TooBusy: lambda operation: operation.handler.fn is not alive.fn,
}


def _refusals(operation: Operation) -> dict[int, ResponseSpec]:
    kinds = [*(kind for kind, may_be in RULES.items() if may_be(operation)), *operation.handler.opt.get("refuses", ())]
    lines: dict[int, list[str]] = {}
    for status, type_, title in (TABLE[kind] for kind in kinds):
        lines.setdefault(status, []).append(f"`/problems/{type_}`: {title}")
    return {
        status: ResponseSpec(Problem, False, "\n\n".join(dict.fromkeys(said)), PROBLEM_TYPE)  # noqa: FBT003  # no examples
        for status, said in sorted(lines.items())
    }
