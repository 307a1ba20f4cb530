"""Routes to sign in with a provider."""

from typing import Annotated
from typing import Any

from litestar import MediaType
from litestar import Request
from litestar import Response
from litestar import get
from litestar import post
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.params import JSONBody
from litestar.router import Router
from msgspec import Meta
from msgspec import Struct

from app.accounts import known_networks
from app.accounts.known_networks import Tie
from app.accounts.profile import ProfileService
from app.accounts.routes import SERVICE
from app.accounts.schemas import Body
from app.auth import credentials
from app.factors import second_step
from app.http.errors import Refusal
from app.oauth import account_linking
from app.oauth import error_page
from app.oauth import exchange_codes
from app.oauth import flow
from app.oauth import form_answers
from app.oauth import linking_routes
from app.oauth import reauthentication_routes
from app.oauth import redirects
from app.oauth import sign_out_routes
from app.oauth.authorization_request import FlowPurpose
from app.oauth.authorization_request import challenge_of
from app.oauth.errors import AddressNotSupported
from app.oauth.errors import AddressNotVerified
from app.oauth.errors import CannotSignIn
from app.oauth.errors import InvalidCode
from app.oauth.errors import LinkRequired
from app.oauth.errors import NotLinked
from app.oauth.errors import SignUpClosed
from app.oauth.flow import Answer
from app.oauth.flow import AtOnce
from app.oauth.flow import AuthorizationUrl
from app.oauth.flow import Challenge
from app.oauth.flow import Next
from app.oauth.providers import offered


class ProviderRead(Struct):
    """A provider that users can choose."""

    name: str
    label: str


class Code(Body):
    """The code in the query of a page, to be exchanged."""

    code: Annotated[str, Meta(max_length=256)]
    # The verifier of the challenge that the page sent at the start, if it sent one.
    code_verifier: Annotated[str, Meta(max_length=128)] = ""


@get("/oauth2/providers", sync_to_thread=False)
def list_providers(request: Request[Any, Any, Any]) -> list[ProviderRead]:
    """List the providers that are offered."""
    return [ProviderRead(each.name, each.label) for each in offered(request.app.state.settings).values()]


@get("/oauth2/{provider:str}/authorize", responses=flow.REDIRECT, refuses=flow.START_ERRORS)
async def authorize(
    request: Request[Any, Any, Any],
    provider: FromPath[str],
    *,
    next_path: Next = None,
    challenge: Challenge = "",
    at_once: AtOnce = False,
) -> Response[AuthorizationUrl]:
    """Get the provider's URL to sign in or sign up; the cookie lets only this browser return."""
    path = redirects.own_path(next_path)
    return await flow.start(
        request, provider, FlowPurpose.SIGN_IN, next_path=path, challenge=challenge, at_once=at_once
    )


@get(
    "/oauth2/{provider:str}/callback",
    media_type=MediaType.JSON,
    return_dto=second_step.SIGNED_IN_DTO,
    dependencies=SERVICE | flow.ANSWER_DEPENDENCY,
    status_code=201,
    responses={
        **flow.REDIRECT,
        **flow.ERROR_PAGE,
        **reauthentication_routes.REAUTHENTICATED,
        **second_step.NEEDED,
    },
    refuses=[
        *flow.CALLBACK_ERRORS,
        AddressNotVerified,
        AddressNotSupported,
        SignUpClosed,
        LinkRequired,
        CannotSignIn,
        NotAuthorizedException,
        NotLinked,
    ],
)
async def callback(
    request: Request[Any, Any, Any],
    provider: FromPath[str],
    answer: NamedDependency[Answer],
    service: NamedDependency[ProfileService],
) -> Response[credentials.SignedIn]:
    """Return from the provider: responds with credentials as after a sign-in, or with a redirect that has them."""
    flow_state, provider_account = await flow.finish(
        request, provider, answer, FlowPurpose.SIGN_IN, FlowPurpose.REAUTHENTICATE
    )
    if flow_state.purpose is FlowPurpose.REAUTHENTICATE:
        response = await reauthentication_routes.finish_reauthentication(request, service, flow_state, provider_account)
    else:
        user, account, is_first_time = await account_linking.user_of(
            service, provider_account, flow_state.display_name, request
        )
        if is_first_time:
            await known_networks.remember(request, user.email, Tie.EXPECTED)
        columns = sign_out_routes.columns_of(account, provider_account)
        response = await exchange_codes.sign_in(service, request, user, columns, flow_state)
    response.cookies.append(flow_state.cookie)
    return response


@post(
    "/oauth2/exchange",
    return_dto=credentials.SignedInDTO,
    dependencies=SERVICE,
    exclude_from_auth=True,
    responses=second_step.NEEDED,
    refuses=[InvalidCode],
)
async def exchange(
    data: JSONBody[Code], request: Request[Any, Any, Any], service: NamedDependency[ProfileService]
) -> Response[credentials.SignedIn]:
    """Exchange the code in the query of your page for credentials, once and within a minute."""
    challenge = challenge_of(data.code_verifier) if data.code_verifier else ""
    return await exchange_codes.redeem(service, request, data.code, challenge)


PUBLIC: list[HTTPRouteHandler] = [list_providers, authorize, callback]
if not exchange_codes.ARE_IN_COOKIES:
    PUBLIC.append(exchange)

ROUTES: list[HTTPRouteHandler | Router] = [
    Router(
        "/",
        route_handlers=[*PUBLIC, linking_routes.callback, *form_answers.ROUTES, *sign_out_routes.ROUTES],
        exception_handlers={Refusal: error_page.refusal, NotAuthorizedException: error_page.refusal},
        opt={"exclude_from_auth": True},
        tags=["Providers"],
    ),
    *linking_routes.ROUTES,
    *reauthentication_routes.ROUTES,
]
