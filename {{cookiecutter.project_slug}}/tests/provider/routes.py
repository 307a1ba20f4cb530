"""The provider over HTTP: its description, its keys, the page on which people say yes, and what it says about them."""

import asyncio
import hmac
from base64 import b64decode
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus
from urllib.parse import urlencode

from jinja2 import Environment
from jinja2 import FileSystemLoader
from litestar import Litestar
from litestar import Request
from litestar import Response
from litestar import Router
from litestar import get
from litestar import post
from litestar.enums import MediaType
from litestar.response import Redirect
from litestar.types import ASGIApp
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send

from tests.provider.lies import CONTENT
from tests.provider.lies import Address
from tests.provider.lies import Lie
from tests.provider.lies import Place
from tests.provider.lies import Trouble
from tests.provider.people import Grant
from tests.provider.people import Provider
from tests.provider.people import key

PAGE = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True).get_template(
    "consent.html"
)
AnyRequest = Request[Any, Any, Any]
Json = dict[str, Any]


def application(provider: Provider) -> Litestar:
    """The provider, ready to be asked; `app.state.provider` may be replaced by another one at the same path."""
    routes = Router(
        provider.path,
        route_handlers=[show_metadata, show_keys, ask, take_answer, redeem, tell],
        middleware=[misbehaving],
    )
    app = Litestar([routes], openapi_config=None)
    app.state.provider = provider
    return app


def misbehaving(app: ASGIApp) -> ASGIApp:
    """Answers as `provider.troubles` says."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        provider: Provider = scope["litestar_app"].state.provider
        place = scope["path"].removeprefix(provider.path.rstrip("/"))
        trouble = provider.troubles.get(place, Trouble.NONE)  # type: ignore[call-overload]  # it is text, too
        if trouble is Trouble.SILENT:
            await asyncio.Event().wait()
        if trouble in {Trouble.NONE, Trouble.LONG_TOKEN}:
            await app(scope, receive, send)
            return
        status, headers, body = CONTENT[trouble]()
        wrong = Response(body, status_code=status, headers=headers, media_type=MediaType.JSON)
        await wrong.to_asgi_response(app=None, request=Request(scope))(scope, receive, send)

    return answer


@get(Place.METADATA)
async def show_metadata(request: AnyRequest) -> Json:
    """What it is and where."""
    provider: Provider = request.app.state.provider
    return {
        "issuer": provider.calls_itself or provider.issuer,
        "authorization_endpoint": f"{provider.issuer}/authorize",
        "token_endpoint": f"{provider.issuer}{Place.TOKEN}",
        "jwks_uri": f"{provider.issuer}{Place.KEYS}",
        "userinfo_endpoint": f"{provider.issuer}{Place.ABOUT}",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    } | provider.more_metadata


@get(Place.KEYS)
async def show_keys(request: AnyRequest) -> Json:
    """The public keys that what it says is signed with."""
    return {"keys": keys_of(request.app.state.provider)}


def keys_of(provider: Provider) -> list[Any]:
    """The one that it signs with."""
    return [key(provider.key_name).as_dict(private=False)]


@get("/authorize", media_type=MediaType.HTML)
async def ask(request: AnyRequest) -> Response[str]:
    """The page on which somebody says who they are, and yes or no."""
    query = dict(request.query_params)
    if problem := problem_with(request.app.state.provider, query):
        return Response(problem, status_code=400, media_type=MediaType.TEXT)
    choices = {"address": list(Address), "lie": list(Lie), "trouble": list(Trouble), "place": list(Place)}
    return Response(PAGE.render(asked=query, choices=choices))


def problem_with(provider: Provider, query: Json) -> str | None:
    """Why a service may not ask like this, if it may not."""
    uri = str(query.get("redirect_uri", ""))
    required = {
        "This client is unknown.": query.get("client_id") == provider.client_id,
        "This address is not registered.": uri.startswith(provider.origins) and uri.endswith("/callback"),
        "Ask for a code.": query.get("response_type") == "code",
        "Ask for openid.": "openid" in str(query.get("scope", "")).split(),
        "Bring a challenge (PKCE).": query.get("code_challenge_method") == "S256" and query.get("code_challenge"),
        "Bring a state.": query.get("state"),
    }
    return next((problem for problem, is_met in required.items() if not is_met), None)


@post("/authorize", status_code=302)
async def take_answer(request: AnyRequest) -> Redirect:
    """Somebody has pressed a button; back they go."""
    provider: Provider = request.app.state.provider
    form = {name: str(value) for name, value in (await request.form()).items()}
    if problem_with(provider, form):
        return Redirect("/authorize")
    provider.troubles = {Place(form.get("place", Place.TOKEN)): Trouble(form.get("trouble", Trouble.NONE))}
    answer = {"state": form["state"]}
    if form.get("decision") == "yes":
        answer["code"] = provider.code_for(
            Grant(
                client_id=form["client_id"],
                redirect_uri=form["redirect_uri"],
                nonce=form.get("nonce"),
                challenge=form["code_challenge"],
                subject=form.get("subject") or form["email"],
                email=form["email"],
                address=Address(form.get("address", Address.VERIFIED)),
                lie=Lie(form.get("lie", Lie.NONE)),
                is_again="max_age" in form,
            )
        )
    else:
        answer["error"] = "access_denied"
    return Redirect(f"{form['redirect_uri']}?{urlencode(answer)}", status_code=302)


@post(Place.TOKEN, status_code=200)
async def redeem(request: AnyRequest) -> Response[Json]:
    """Trade a code for tokens."""
    provider: Provider = request.app.state.provider
    form = {name: str(value) for name, value in (await request.form()).items()}
    if not is_client(provider, request, form):
        return Response({"error": "invalid_client"}, status_code=401)
    grant = provider.grants.pop(form.get("code", ""), None)
    challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
    if grant is None or (grant.redirect_uri, grant.challenge) != (form.get("redirect_uri"), challenge):
        return Response({"error": "invalid_grant"}, status_code=400)
    tokens = {
        "access_token": provider.token_for(grant),
        "token_type": "Bearer",
        "expires_in": 3600,
        "id_token": provider.id_token(grant),
        "refresh_token": provider.refresh_token(),
    }
    return Response({name: value for name, value in tokens.items() if value is not None})


def is_client(provider: Provider, request: AnyRequest, form: Json) -> bool:
    """Whether the service shows its secret, in a header (form-encoded first, RFC 6749, 2.3.1) or in the body."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    shown = f"{form.get('client_id')}:{form.get('client_secret')}"
    if scheme == "Basic":
        shown = unquote_plus(b64decode(encoded).decode())
    return hmac.compare_digest(shown, f"{provider.client_id}:{provider.client_secret}")


@get(Place.ABOUT)
async def tell(request: AnyRequest) -> Response[Json]:
    """What it knows about whoever the token is for."""
    provider: Provider = request.app.state.provider
    grant = provider.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
    return Response(provider.about(grant)) if grant else Response({}, status_code=401)
