"""The OpenAPI document, with what each operation does and how it may refuse, and a page that shows it."""

from collections.abc import Callable
from dataclasses import is_dataclass
from typing import NamedTuple
from typing import get_type_hints

from advanced_alchemy.exceptions import NotFoundError
from litestar import Router
from litestar.datastructures import ResponseHeader
from litestar.exceptions import NotAuthorizedException
from litestar.exceptions import PermissionDeniedException
from litestar.exceptions import ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Tag
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute
from litestar.routes import HTTPRoute
from litestar.types import Guard
from litestar.typing import FieldDefinition
from msgspec import Struct

from app.http.cross_site import READING
from app.http.error_responses import TABLE
from app.http.errors import BodyTooSlow
from app.http.errors import Conflict
from app.http.errors import CrossSiteRequest
from app.http.errors import InvalidToken
from app.http.errors import RecentSignInRequired
from app.http.errors import StrongSignInRequired
from app.http.errors import TokenNotAccepted
from app.http.errors import TooBusy
from app.http.errors import TooManyAttempts
from app.http.errors import UnsupportedMediaType
from app.http.openapi_schemas import operation_id
from app.http.problem_details import PROBLEM_TYPE
from app.http.problem_details import Problem
from app.http.program_tokens import access_needed
from app.http.program_tokens import require_open_route
from app.http.recent_sign_in import require_recent_sign_in
from app.http.strong_sign_in import WITHOUT_FACTOR
from app.http.strong_sign_in import require_strong_sign_in
from app.http.swagger_ui import POLICY
from app.http.swagger_ui import SwaggerUI
from app.http.swagger_ui import asset
from app.settings import PROJECT_NAME

# The groups that come first; others follow in the order of the routes.
GROUPS = [
    Tag("Accounts", "Sign up, recover, and change or delete your own account."),
    Tag("Credentials", "Sign in and out, and confirm the password again."),
]


def openapi_config() -> OpenAPIConfig:
    """The document and the page that shows it."""
    return OpenAPIConfig(
        PROJECT_NAME,
        version="0.1.0",
        operation_id_creator=operation_id,
        tags=GROUPS,
        render_plugins=[SwaggerUI(path="/")],
        openapi_router=Router(
            "/schema",
            route_handlers=[asset("swagger-ui.css", "text/css"), asset("swagger-ui-bundle.js", "text/javascript")],
            include_in_schema=False,
            response_headers=[ResponseHeader(name="Content-Security-Policy", value=POLICY)],
        ),
    )


class Operations(ReceiveRoutePlugin):
    """Describes each operation: what it does, who may call it and how it may refuse.

    `refuses` of a handler adds to the rules for refusals.
    """

    def receive_route(self, route: BaseRoute) -> None:
        """Describe the handlers of a route."""
        for handler, inputs in route.route_handler_map.values() if isinstance(route, HTTPRoute) else ():
            if handler.resolve_include_in_schema():
                operation = Operation(handler, bool(route.path_parameters), bool(inputs.expected_query_params))
                empty = {204: ResponseSpec(None, description="Done.")} if handler.status_code == 204 else {}
                handler.responses = empty | _refusals(operation) | {**(handler.responses or {})}
                _describe(handler)


def _describe(handler: HTTPRouteHandler) -> None:
    """The first sentence of the docstring is the summary. A public route needs no credentials."""
    text = (handler.fn.__doc__ or "").partition("Raises:")[0]
    summary, _, rest = " ".join(text.split()).partition(". ")
    handler.summary = handler.summary or summary.removesuffix(".") or None
    handler.description = handler.description or rest or None
    if any(layer.security for layer in handler.ownership_layers):
        return
    if handler.opt.get("exclude_from_auth"):
        handler.security = [{}]
    elif needed := access_needed(handler):
        handler.security = [{"credentials": []}, {"accessToken": [needed.value]}]


class Operation(NamedTuple):
    """An operation, as the rules see it."""

    handler: HTTPRouteHandler
    is_named: bool
    is_filtered: bool

    @property
    def body(self) -> FieldDefinition | None:
        """The body of the request, if there is one: `data`, or the bytes in `body`."""
        return self.handler.parsed_data_field or self.handler.parsed_fn_signature.parameters.get("body")

    @property
    def names(self) -> set[str]:
        """The names of the fields of the body."""
        kind = self.body.annotation if self.body else None
        is_body = isinstance(kind, type) and (issubclass(kind, Struct) or is_dataclass(kind))
        return {*get_type_hints(kind)} if is_body else set()

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return not self.handler.http_methods <= READING

    @property
    def guards(self) -> list[Guard]:
        """The guards of every layer, without the one for tokens."""
        given = [guard for layer in self.handler.ownership_layers for guard in layer.guards or ()]
        return [guard for guard in given if guard is not require_open_route]

    @property
    def needs_strength(self) -> bool:
        """Whether a sign-in without a factor may be refused."""
        is_open = self.handler.opt.get("exclude_from_auth") or self.handler.http_methods <= {
            *self.handler.opt.get(WITHOUT_FACTOR, ())
        }
        return not is_open or any(getattr(guard, "needs_strength", False) for guard in self.guards)

    @property
    def is_counted(self) -> bool:
        """Whether attempts are counted: those with a password and those that send a mail, but not those with a link."""
        names = self.names
        return bool({"email", "password", "current_password"} & names) and "token" not in names and not self.guards


# Each refusal, and the operations that may answer with it.
RULES: dict[type[Exception], Callable[[Operation], bool]] = {
    ValidationException: lambda operation: bool(operation.body) or operation.is_named or operation.is_filtered,
    InvalidToken: lambda operation: "token" in operation.names,
    NotAuthorizedException: lambda operation: not operation.handler.opt.get("exclude_from_auth"),
    CrossSiteRequest: lambda operation: (
        operation.changes and not operation.handler.opt.get("accepts_other_sites", False)
    ),
    RecentSignInRequired: lambda operation: require_recent_sign_in in operation.guards,
    StrongSignInRequired: lambda operation: operation.needs_strength,
    PermissionDeniedException: lambda operation: (
        bool({*operation.guards} - {require_recent_sign_in, require_strong_sign_in})
        or bool(access_needed(operation.handler))
    ),
    TokenNotAccepted: lambda operation: (
        not operation.handler.opt.get("exclude_from_auth") and not access_needed(operation.handler)
    ),
    NotFoundError: lambda operation: operation.is_named or any(name.endswith("_id") for name in operation.names),
    BodyTooSlow: lambda operation: bool(operation.body),
    Conflict: lambda operation: operation.changes and not operation.is_counted,
    RequestEntityTooLarge: lambda operation: bool(operation.body),
    UnsupportedMediaType: lambda operation: operation.changes,
    TooManyAttempts: lambda operation: operation.is_counted or bool(operation.names & {"password", "new_password"}),
    TooBusy: lambda operation: not operation.handler.opt.get("is_always_answered"),
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
