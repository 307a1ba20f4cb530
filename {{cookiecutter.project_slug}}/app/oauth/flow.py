"""A browser is sent to a provider and comes back: the same for all purposes."""

import logging
from typing import Annotated
from typing import Any
from typing import NamedTuple
from uuid import UUID

from litestar import MediaType
from litestar import Request
from litestar import Response
from litestar.di import Provide
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Redirect
from msgspec import Struct

from app.http.errors import TooManyAttempts
from app.models import OAuthState
from app.oauth import account_linking
from app.oauth import state_store
from app.oauth.authorization_request import FlowPurpose
from app.oauth.errors import InvalidIdentity
from app.oauth.errors import InvalidState
from app.oauth.errors import ProviderFailed
from app.oauth.errors import ProviderRefused
from app.oauth.providers import http_client
from app.oauth.providers import offered_as
from app.oauth.providers.oauth2_client import Arrival
from app.oauth.state_store import Return
from app.settings import Settings

logger = logging.getLogger(__name__)

Next = Annotated[str | None, QueryParameter(name="next", description="A path of this service to go to afterwards.")]
AtOnce = Annotated[bool, QueryParameter(name="redirect", description="Answer with a redirect, for a plain link.")]
Challenge = Annotated[
    str,
    QueryParameter(
        name="code_challenge",
        # A pattern alone lets a line end behind it.
        max_length=43,
        pattern=r"^([A-Za-z0-9_-]{43})?$",
        description="Of a secret of the page, without which nobody trades the code (RFC 7636, S256).",
    ),
]
# What a provider sends (RFC 6749, appendix A); anything else ends as whatever it does not know ends.
CHARACTERS = {"pattern": r"^[\x20-\x7E]*$"}
# Under a name of its own, since Litestar means something else by `state`.
StateParameter = Annotated[str | None, QueryParameter(name="state", max_length=256, schema_extra=CHARACTERS)]
Word = Annotated[str | None, QueryParameter(max_length=4096, schema_extra=CHARACTERS)]


# The words of providers for a user who said no (RFC 6749, 4.1.2.1, and those of some providers); any other error
# is one of the settings, here or there, or an outage.
CANCELLED = {"access_denied", "login_cancelled", "user_cancelled_login", "user_cancelled_authorize", "user_denied"}


class Departure(Struct):
    """Where the browser has to go next, with the cookie that it has just got."""

    authorization_url: str


class Answer(NamedTuple):
    """The answer of a provider in the URL that it sends the browser back to."""

    state: str
    code: str | None
    issuer: str | None
    error: str | None = None


def answer_of_provider(given: StateParameter = None, code: Word = None, error: Word = None, iss: Word = None) -> Answer:
    """The answer in the address of this request; an error is one, whatever else is there."""
    return Answer(given or "", None if error else code, iss, error)


async def send(  # noqa: PLR0913  # what a visit can be
    request: Request[Any, Any, Any],
    name: str,
    purpose: FlowPurpose,
    *,
    session_id: UUID | None = None,
    next_path: str = "",
    challenge: str = "",
    at_once: bool = False,
) -> Response[Departure]:
    """Say where the browser has to go, or send it there `at_once`.

    Raises:
        NotFoundError: if there is no such provider.
        TooManyAttempts: if too many were sent from this network.
        ProviderFailed: if the provider does not say where.
    """
    provider = offered_as(request.app.state.settings, name)
    row = OAuthState(provider=name, purpose=purpose, session_id=session_id, next_path=next_path, challenge=challenge)
    trip, cookie = await state_store.begin(request, row)
    address = await provider.authorization_url(trip)
    if at_once:
        return Redirect(address, cookies=[cookie])
    return Response(Departure(address), status_code=200, cookies=[cookie])


async def receive(
    request: Request[Any, Any, Any], name: str, answer: Answer, *purposes: FlowPurpose
) -> tuple[Return, Arrival]:
    """Who is back, and from what; nothing is sent to the provider before this browser is known to be expected.

    Raises:
        NotFoundError: if there is no such provider.
        InvalidState: if nobody is expected.
        ProviderRefused: if the user cancelled there, or the code is not valid.
        InvalidIdentity: if what the provider says cannot be trusted.
        ProviderFailed: if it refuses this service, or does not answer as it should.
    """
    settings: Settings = request.app.state.settings
    provider = offered_as(settings, name)
    back = request.state[RETURN] = await state_store.arrive(request, name, answer.state, *purposes)
    if not answer.code:
        raise _refusal(name, answer.error)
    arrival = await provider.identify(back.trip, answer.code, answer.issuer)
    # An account that is linked needs no address, and the provider is asked for no more than is needed.
    if arrival.incomplete and not await account_linking.is_linked(request.app, arrival.identity):
        arrival = await provider.complete(arrival)
    return back, arrival


def _refusal(provider: str, error: str | None) -> ProviderRefused | ProviderFailed:
    if not error or error in CANCELLED:
        return ProviderRefused()
    logger.warning("The provider %s refused the request: %s", provider, http_client.readable(error))
    return ProviderFailed()


# In the state of a request whose browser is back: the trip that it is back from.
RETURN = "oauth_return"
# For every handler that a provider sends browsers back to.
ANSWER = {"answer": Provide(answer_of_provider, sync_to_thread=False)}
# Where a person is led who was refused in front of a browser.
LED_BACK = {
    200: ResponseSpec(
        None, generate_examples=False, media_type=MediaType.HTML, description="A page that leads a person back."
    )
}
# What those that send and receive may refuse.
LEAVING = [TooManyAttempts, ProviderFailed]
RETURNING = [InvalidState, ProviderRefused, InvalidIdentity, ProviderFailed]
REDIRECT = {302: ResponseSpec(None, generate_examples=False, description="The browser is led on.")}
