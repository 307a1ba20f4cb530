"""The redirect to a provider and the callback from it, for all purposes."""

import logging
from typing import Annotated
from typing import Any
from typing import NamedTuple

from litestar import MediaType
from litestar import Request
from litestar import Response
from litestar.di import Provide
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Redirect
from msgspec import Struct

from app.auth.user_sessions import PresentedSignIn
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
from app.oauth.providers import provider_named
from app.oauth.providers.oauth2_client import ProviderAccount
from app.oauth.state_store import FlowState
from app.settings import Settings

logger = logging.getLogger(__name__)

Next = Annotated[str | None, QueryParameter(name="next", description="The path of this service to go to afterwards.")]
AtOnce = Annotated[bool, QueryParameter(name="redirect", description="Respond with a redirect, for a plain link.")]
Challenge = Annotated[
    str,
    QueryParameter(
        name="code_challenge",
        # The pattern alone would allow a line break at the end.
        max_length=43,
        pattern=r"^([A-Za-z0-9_-]{43})?$",
        description="The challenge for a verifier of the page; the code is exchanged only with it (RFC 7636, S256).",
    ),
]
# The characters that a provider may send (RFC 6749, appendix A).
CHARACTERS = {"pattern": r"^[\x20-\x7E]*$"}
# It needs another Python name, since `state` means something else to Litestar.
StateParameter = Annotated[str | None, QueryParameter(name="state", max_length=256, schema_extra=CHARACTERS)]
Word = Annotated[str | None, QueryParameter(max_length=4096, schema_extra=CHARACTERS)]


# The error codes for a user who cancelled (RFC 6749, 4.1.2.1, and codes of some providers). Any other code means
# wrong settings, here or there, or an outage.
CANCELLED = {"access_denied", "login_cancelled", "user_cancelled_login", "user_cancelled_authorize", "user_denied"}


class AuthorizationUrl(Struct):
    """The URL of the provider's page, which the browser must open with the cookie that it has just got."""

    authorization_url: str


class Answer(NamedTuple):
    """The answer of a provider in the URL that it sends the browser back to."""

    state: str
    code: str | None
    issuer: str | None
    error: str | None = None


def answer_of_provider(given: StateParameter = None, code: Word = None, error: Word = None, iss: Word = None) -> Answer:
    """The answer in the query of this request; with an error, its code is ignored."""
    return Answer(given or "", None if error else code, iss, error)


async def start(  # noqa: PLR0913  # the options of a flow
    request: Request[Any, Any, Any],
    name: str,
    purpose: FlowPurpose,
    *,
    sign_in: PresentedSignIn | None = None,
    next_path: str = "",
    challenge: str = "",
    at_once: bool = False,
) -> Response[AuthorizationUrl]:
    """The URL of the provider's page, or a redirect there with `at_once`.

    Raises:
        NotFoundError: if there is no such provider.
        TooManyAttempts: if this network has started too many flows.
        ProviderFailed: if the provider does not answer as it should.
    """
    provider = provider_named(request.app.state.settings, name)
    begun_in = {"session_id": sign_in["session_id"], "generation": sign_in["generation"]} if sign_in else {}
    row = OAuthState(provider=name, purpose=purpose, next_path=next_path, challenge=challenge, **begun_in)
    authorization, cookie = await state_store.create(request, row)
    address = await provider.authorization_url(authorization)
    if at_once:
        return Redirect(address, cookies=[cookie])
    return Response(AuthorizationUrl(address), status_code=200, cookies=[cookie])


async def finish(
    request: Request[Any, Any, Any], name: str, answer: Answer, *purposes: FlowPurpose
) -> tuple[FlowState, ProviderAccount]:
    """The state of the flow, and the account at the provider; nothing is sent there before the state is checked.

    Raises:
        NotFoundError: if there is no such provider.
        InvalidState: if this browser has not started this flow, or it has expired.
        ProviderRefused: if the user cancelled there, or the code is not valid.
        InvalidIdentity: if what the provider says cannot be trusted.
        ProviderFailed: if it refuses this service, or does not answer as it should.
    """
    settings: Settings = request.app.state.settings
    provider = provider_named(settings, name)
    flow_state = request.state[FLOW_STATE] = await state_store.consume(request, name, answer.state, *purposes)
    if not answer.code:
        raise _refusal(name, answer.error)
    provider_account = await provider.identify(flow_state.authorization, answer.code, answer.issuer)
    # An account that is linked needs no address, and the provider is asked for no more than is needed.
    if provider_account.incomplete and not await account_linking.is_linked(request.app, provider_account.identity):
        provider_account = await provider.complete(provider_account)
    return flow_state, provider_account


def _refusal(provider: str, error: str | None) -> ProviderRefused | ProviderFailed:
    if not error or error in CANCELLED:
        return ProviderRefused()
    logger.warning("The provider %s refused the request: %s", provider, http_client.readable(error))
    return ProviderFailed()


# The key of the flow in the state of a callback request.
FLOW_STATE = "oauth_flow_state"
# For every callback.
ANSWER_DEPENDENCY = {"answer": Provide(answer_of_provider, sync_to_thread=False)}
# For users in a browser who are refused.
ERROR_PAGE = {
    200: ResponseSpec(None, generate_examples=False, media_type=MediaType.HTML, description="A page with a link back.")
}
# The refusals of `start` and `finish`.
START_ERRORS = [TooManyAttempts, ProviderFailed]
CALLBACK_ERRORS = [InvalidState, ProviderRefused, InvalidIdentity, ProviderFailed]
REDIRECT = {302: ResponseSpec(None, generate_examples=False, description="A redirect.")}
