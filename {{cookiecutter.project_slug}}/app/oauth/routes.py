"""Signing in with a provider, over HTTP."""

from typing import Annotated
from typing import Any

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
from app.accounts.changes import ChangeService
from app.accounts.known_networks import Tie
from app.accounts.routes import SERVICE
from app.accounts.schemas import Body
from app.accounts.schemas import UserRead
from app.auth import credentials
from app.errors import Refusal
from app.oauth import handover
from app.oauth import identities
from app.oauth import linking
from app.oauth import pages
from app.oauth import visits
from app.oauth import without_password
from app.oauth.providers import offered
from app.oauth.refusals import AddressNotVerified
from app.oauth.refusals import CannotSignIn
from app.oauth.refusals import InvalidCode
from app.oauth.refusals import LinkRequired
from app.oauth.refusals import NotLinked
from app.oauth.refusals import SignUpClosed
from app.oauth.trips import Purpose
from app.oauth.trips import challenge_of
from app.oauth.visits import Answer
from app.oauth.visits import AtOnce
from app.oauth.visits import Challenge
from app.oauth.visits import Departure
from app.oauth.visits import Next


class ProviderRead(Struct):
    """A provider that can be chosen."""

    name: str
    label: str


class Code(Body):
    """A page that somebody came back to trades what is in its address."""

    code: Annotated[str, Meta(max_length=256)]
    # The secret whose challenge went along at the beginning, if one did.
    code_verifier: Annotated[str, Meta(max_length=128)] = ""


class UserOrNothing(UserRead):
    """A user as callers see one; a redirect has nothing in it."""

    def data_to_encodable_type(self, data: Any) -> Any:
        """The answer with its content as it is sent."""
        return super().data_to_encodable_type(data) if data.content else data


@get("/oauth2/providers", sync_to_thread=False)
def list_providers(request: Request[Any, Any, Any]) -> list[ProviderRead]:
    """The providers that are offered."""
    return [ProviderRead(each.name, each.label) for each in offered(request.app.state.settings).values()]


@get("/oauth2/{provider:str}/authorize", responses=visits.REDIRECT, refuses=visits.LEAVING)
async def go(
    request: Request[Any, Any, Any],
    provider: FromPath[str],
    *,
    next_path: Next = None,
    challenge: Challenge = "",
    at_once: AtOnce = False,
) -> Response[Departure]:
    """Where to go to sign in with a provider, or to sign up; the cookie lets this browser alone come back."""
    path = handover.own_path(next_path)
    return await visits.send(request, provider, Purpose.SIGN_IN, next_path=path, challenge=challenge, at_once=at_once)


@get(
    "/oauth2/{provider:str}/callback",
    return_dto=UserOrNothing if handover.ARE_IN_COOKIES else None,
    dependencies=visits.ANSWER,
    status_code=201,
    responses={**visits.REDIRECT, **visits.LED_BACK, **without_password.SHOWN},
    refuses=[
        *visits.RETURNING,
        AddressNotVerified,
        SignUpClosed,
        LinkRequired,
        CannotSignIn,
        NotAuthorizedException,
        NotLinked,
    ],
)
async def come_back(
    request: Request[Any, Any, Any],
    provider: FromPath[str],
    answer: NamedDependency[Answer],
    service: NamedDependency[ChangeService],
) -> Response[credentials.SignedIn]:
    """Where a provider sends the browser back to: credentials as after a sign-in, or a redirect with them."""
    back, arrival = await visits.receive(request, provider, answer, Purpose.SIGN_IN, Purpose.REAUTHENTICATE)
    if back.purpose is Purpose.REAUTHENTICATE:
        response = await without_password.come_back(request, service, back, arrival)
    else:
        user, account, is_first_time = await identities.user_of(service, arrival)
        if is_first_time:
            await known_networks.remember(request, user.email, Tie.EXPECTED)
        response = await handover.sign_in(request, user, account.id, back)
    response.cookies.append(back.cookie)
    return response


@post("/oauth2/exchange", return_dto=credentials.SignedInDTO, exclude_from_auth=True, refuses=[InvalidCode])
async def exchange(data: JSONBody[Code], request: Request[Any, Any, Any]) -> Response[credentials.SignedIn]:
    """Trade the code in the address of the page that one came back to for credentials; it works once, for a minute."""
    return await handover.redeem(request, data.code, challenge_of(data.code_verifier) if data.code_verifier else "")


PUBLIC: list[HTTPRouteHandler] = [list_providers, go, come_back]
if not handover.ARE_IN_COOKIES:
    PUBLIC.append(exchange)

ROUTES: list[HTTPRouteHandler | Router] = [
    Router(
        "/",
        route_handlers=[*PUBLIC, linking.come_back],
        dependencies=SERVICE,
        exception_handlers={Refusal: pages.refusal, NotAuthorizedException: pages.refusal},
        opt={"exclude_from_auth": True},
        security=[{}],
        tags=["Providers"],
    ),
    *linking.ROUTES,
    *without_password.ROUTES,
]
