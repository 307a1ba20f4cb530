"""What the service sees of GitHub, which is no OpenID provider."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from dataclasses import field
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from litestar import Litestar
from litestar import Request
from litestar import Response
from litestar import get
from litestar import post
from litestar.enums import MediaType
from litestar.response import Redirect

AnyRequest = Request[Any, Any, Any]


@dataclass
class GitHub:
    """Accounts and their addresses."""

    client_id: str
    client_secret: str
    number: Any = 583231
    emails: Any = field(default_factory=lambda: [email_at_github("grace@example.com")])
    # By code and by token, the challenge of the request.
    codes: dict[str, str] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)


def email_at_github(email: str, *, primary: bool = True, verified: bool = True) -> dict[str, Any]:
    """An address as GitHub lists it."""
    return {"email": email, "primary": primary, "verified": verified, "visibility": None}


@get("/login/oauth/authorize", media_type=MediaType.HTML)
async def ask(request: AnyRequest) -> str:
    """The page on which a user consents."""
    return "".join(
        f'<input type="hidden" name="{name}" value="{value}">' for name, value in request.query_params.items()
    )


@post("/login/oauth/authorize", status_code=302)
async def take_answer(request: AnyRequest) -> Redirect:
    """A user has consented."""
    form, code = await request.form(), token_urlsafe()
    _hub(request).codes[code] = str(form["code_challenge"])
    return Redirect(f"{form['redirect_uri']}?state={form['state']}&code={code}", status_code=302)


@post("/login/oauth/access_token", status_code=200)
async def redeem(request: AnyRequest) -> dict[str, Any]:
    """A token for a code."""
    hub, form = _hub(request), await request.form()
    challenge = urlsafe_b64encode(sha256(str(form["code_verifier"]).encode()).digest()).rstrip(b"=").decode()
    is_client = (form["client_id"], form["client_secret"]) == (hub.client_id, hub.client_secret)
    if not is_client or hub.codes.pop(str(form["code"]), None) != challenge:
        # With the status of a success, as GitHub does.
        return {"error": "bad_verification_code", "error_description": "The code is incorrect or expired."}
    token = f"gho_{token_urlsafe()}"
    hub.tokens.add(token)
    return {"access_token": token, "scope": "user:email", "token_type": "bearer"}


@get(["/user", "/user/emails", "/api/v3/user", "/api/v3/user/emails"])
async def tell(request: AnyRequest) -> Response[Any]:
    """Who the token is for, or which addresses they have."""
    hub = _hub(request)
    if request.headers.get("Authorization", "").removeprefix("Bearer ") not in hub.tokens:
        return Response({"message": "Bad credentials"}, status_code=401)
    return Response(hub.emails if request.url.path.endswith("/emails") else {"id": hub.number, "login": "grace"})


def _hub(request: AnyRequest) -> GitHub:
    hub: GitHub = request.app.state.provider
    return hub


def application(hub: GitHub) -> Litestar:
    """GitHub at work, at both of its hosts; `app.state.provider` may be replaced by another one."""
    app = Litestar([ask, take_answer, redeem, tell], openapi_config=None)
    app.state.provider = hub
    return app
