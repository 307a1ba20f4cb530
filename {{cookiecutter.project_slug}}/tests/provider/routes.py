"""The provider over HTTP: its metadata, its keys, the page on which users consent, and what it says about them.

It enforces what real providers do: one way to authenticate a client, codes that work once, and the time of a sign-in.
"""

import asyncio
from base64 import b64decode
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
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

from tests.provider.apple import Apple
from tests.provider.apple import problem_of_apple
from tests.provider.fault_switches import CONTENT
from tests.provider.fault_switches import AnswerFault
from tests.provider.fault_switches import EmailClaim
from tests.provider.fault_switches import Endpoint
from tests.provider.fault_switches import TokenFault
from tests.provider.people import Grant
from tests.provider.people import Provider
from tests.provider.people import key

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
PAGE, FORM = TEMPLATES.get_template("consent.html"), TEMPLATES.get_template("form_post.html")
AnyRequest = Request[Any, Any, Any]
Json = dict[str, Any]


def application(provider: Provider) -> Litestar:
    """The provider, ready to be asked; `app.state.provider` may be replaced by another one at the same path."""
    routes = Router(
        provider.path,
        route_handlers=[show_metadata, show_keys, push, ask, take_answer, redeem, tell, end_session],
        middleware=[misbehaving],
    )
    app = Litestar([routes], openapi_config=None)
    app.state.provider = provider
    return app


def misbehaving(app: ASGIApp) -> ASGIApp:
    """Answers as `provider.answer_faults` says."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        provider: Provider = scope["litestar_app"].state.provider
        endpoint = scope["path"].removeprefix(provider.path.rstrip("/"))
        answer_fault = provider.answer_faults.get(endpoint, AnswerFault.NONE)  # type: ignore[call-overload]  # it is text, too
        if answer_fault is AnswerFault.SILENT:
            await asyncio.Event().wait()
        if answer_fault in {AnswerFault.NONE, AnswerFault.LONG_TOKEN}:
            await app(scope, receive, send)
            return
        status, headers, body = CONTENT[answer_fault]()
        wrong = Response(body, status_code=status, headers=headers, media_type=MediaType.JSON)
        await wrong.to_asgi_response(app=None, request=Request(scope))(scope, receive, send)

    return answer


@get(Endpoint.METADATA)
async def show_metadata(request: AnyRequest) -> Json:
    """Its endpoints and abilities."""
    provider: Provider = request.app.state.provider
    metadata: Json = {
        "issuer": provider.calls_itself or provider.issuer,
        "authorization_endpoint": f"{provider.issuer}/authorize",
        "token_endpoint": f"{provider.issuer}{Endpoint.TOKEN}",
        "jwks_uri": f"{provider.issuer}{Endpoint.KEYS}",
        "userinfo_endpoint": f"{provider.issuer}{Endpoint.USERINFO}",
        "pushed_authorization_request_endpoint": f"{provider.issuer}/pushed",
        "end_session_endpoint": f"{provider.issuer}/end-session",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    } | provider.more_metadata
    # A field of dots is left out.
    return {name: value for name, value in metadata.items() if value is not ...}


@get(Endpoint.KEYS)
async def show_keys(request: AnyRequest) -> Json:
    """The public keys that what it says is signed with."""
    return {"keys": keys_of(request.app.state.provider)}


def keys_of(provider: Provider) -> list[Any]:
    """The one that it signs with."""
    return [key(provider.key_name).as_dict(private=False)]


@post("/pushed", status_code=201)
async def push(request: AnyRequest) -> Response[Json]:
    """Take a request beforehand (RFC 9126)."""
    provider: Provider = request.app.state.provider
    form = await _form(request)
    if not is_client(provider, request, form):
        return refusal(*provider.refuses_client)
    if "request_uri" in form or problem_with(provider, form):
        return Response({"error": "invalid_request"}, status_code=400)
    name = f"urn:ietf:params:oauth:request_uri:{token_urlsafe()}"
    provider.pushed[name] = {field: value for field, value in form.items() if field != "client_secret"}
    return Response({"request_uri": name, "expires_in": 60}, status_code=201)


@get("/authorize", media_type=MediaType.HTML)
async def ask(request: AnyRequest) -> Response[str]:
    """The page on which a user says who they are, and yes or no."""
    provider: Provider = request.app.state.provider
    query = dict(request.query_params)
    if "request_uri" in query:
        query = provider.pushed.pop(query["request_uri"], {})
    elif provider.more_metadata.get("require_pushed_authorization_requests"):
        return Response("Push the request.", status_code=400, media_type=MediaType.TEXT)
    if problem := problem_with(provider, query):
        return Response(problem, status_code=400, media_type=MediaType.TEXT)
    choices: Json = {"address": list(EmailClaim), "token_fault": list(TokenFault)}
    choices |= {"answer_fault": list(AnswerFault), "endpoint": list(Endpoint)}
    return Response(PAGE.render(asked=query, choices=choices))


@get("/end-session", status_code=302)
async def end_session(request: AnyRequest) -> Response[Any]:
    """End the session of a browser (OpenID Connect RP-Initiated Logout 1.0)."""
    provider: Provider = request.app.state.provider
    page = request.query_params.get("post_logout_redirect_uri")
    is_registered = page is None or page in provider.signed_out_pages
    if request.query_params.get("client_id") != provider.client_id or not is_registered:
        return Response("This client or this URL is not registered.", status_code=400, media_type=MediaType.TEXT)
    if page:
        return Redirect(page, status_code=302)
    return Response("You are signed out.", status_code=200, media_type=MediaType.TEXT)


def problem_with(provider: Provider, query: Json) -> str | None:
    """Why a service may not ask like this, if it may not."""
    uri = str(query.get("redirect_uri", ""))
    if isinstance(provider, Apple) and (problem := problem_of_apple(query)):
        return problem
    required = {
        "This client is unknown.": query.get("client_id") == provider.client_id,
        "This URL is not registered.": uri.startswith(provider.origins) and uri.endswith("/callback"),
        "Ask for a code.": query.get("response_type") == "code",
        "Ask for openid.": "openid" in str(query.get("scope", "")).split(),
        "Send a challenge (PKCE).": query.get("code_challenge_method") == "S256" and query.get("code_challenge"),
        "Send a state.": query.get("state"),
        # As one product does: the sign-in that it asks for is over by the time that it is judged.
        "No sign-in is 0 seconds old.": query.get("max_age") != "0",
    }
    return next((problem for problem, is_met in required.items() if not is_met), None)


@post("/authorize", status_code=302)
async def take_answer(request: AnyRequest) -> Response[Any]:
    """A user has pressed a button, and is sent back."""
    provider: Provider = request.app.state.provider
    form = await _form(request)
    if problem_with(provider, form):
        return Redirect("/authorize")
    fault = AnswerFault(form.get("answer_fault", AnswerFault.NONE))
    provider.answer_faults = {Endpoint(form.get("endpoint", Endpoint.TOKEN)): fault}
    is_yes = form.get("decision") == "yes"
    answer = {"code": provider.code_for(_grant(provider, form))} if is_yes else {"error": "access_denied"}
    if isinstance(provider, Apple):
        answer = answer | provider.introduction(form) if is_yes else {"error": "user_cancelled_authorize"}
        page = FORM.render(action=form["redirect_uri"], fields={"state": form["state"]} | answer)
        return Response(page, status_code=200, media_type=MediaType.HTML)
    return Redirect(f"{form['redirect_uri']}?{urlencode({'state': form['state']} | answer)}", status_code=302)


def _grant(provider: Provider, form: dict[str, str]) -> Grant:
    return Grant(
        client_id=form["client_id"],
        redirect_uri=form["redirect_uri"],
        nonce=form.get("nonce"),
        challenge=form["code_challenge"],
        subject=form.get("subject") or form["email"],
        email=form["email"],
        address=EmailClaim(form.get("address", EmailClaim.VERIFIED)),
        token_fault=TokenFault(form.get("token_fault", TokenFault.NONE)),
        signed_in_ago=provider.signs_in_again_after if "max_age" in form else None,
    )


@post(Endpoint.TOKEN, status_code=200)
async def redeem(request: AnyRequest) -> Response[Json]:
    """Exchange a code for tokens."""
    provider: Provider = request.app.state.provider
    form = await _form(request)
    is_known = is_client(provider, request, form)
    grant = provider.grants.pop(form.get("code", ""), None) if is_known or provider.spends_codes_first else None
    if not is_known and (grant or not provider.spends_codes_first):
        return refusal(*provider.refuses_client)
    challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
    if grant is None or (grant.redirect_uri, grant.challenge) != (form.get("redirect_uri"), challenge):
        return refusal(*provider.refuses_code)
    tokens = {
        "access_token": provider.token_for(grant),
        "token_type": "Bearer",
        "expires_in": 3600,
        "id_token": provider.id_token(grant),
        "refresh_token": provider.refresh_token(),
    } | provider.more_tokens
    return Response({name: value for name, value in tokens.items() if value is not None})


def refusal(status: int, code: str) -> Response[Json]:
    """An error (RFC 6749, 5.2)."""
    return Response({"error": code}, status_code=status)


def is_client(provider: Provider, request: AnyRequest, form: Json) -> bool:
    """Whether the service sends its secret as it is registered, and in no other way (RFC 6749, 2.3.1)."""
    if isinstance(provider, Apple):
        return "Authorization" not in request.headers and provider.accepts(form)
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    in_header = [unquote_plus(part) for part in b64decode(encoded).decode().split(":", 1)] if scheme == "Basic" else []
    in_body = [form.get("client_id", ""), form["client_secret"]] if "client_secret" in form else []
    is_public = provider.auth_method == "none" and form.get("client_id") == provider.client_id
    shown = {"client_secret_basic": (in_header, in_body), "client_secret_post": (in_body, in_header)}
    right, wrong = shown.get(provider.auth_method, ([], in_header + in_body))
    return not wrong and (is_public or right == [provider.client_id, provider.client_secret])


async def _form(request: AnyRequest) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.form()).items()}


@get(Endpoint.USERINFO)
async def tell(request: AnyRequest) -> Response[Any]:
    """What it knows about the user of this token."""
    provider: Provider = request.app.state.provider
    grant = provider.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
    if grant is None:
        return Response({}, status_code=401)
    if provider.signs_userinfo:
        return Response(provider.signed_about(grant).encode(), media_type="application/jwt")
    return Response(provider.about(grant))
