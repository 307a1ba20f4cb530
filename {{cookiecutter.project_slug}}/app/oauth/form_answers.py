"""Answers that a provider sends as a form: the browser posts them from the provider's page (response_mode=form_post).

Browsers send no `SameSite=Lax` cookie along with such a POST. They do with the GET that it is answered with, so the
callback judges the answer there, as it judges every other.
"""

from typing import Annotated
from typing import Any
from urllib.parse import urlencode

from litestar import Request
from litestar import post
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import Body
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from msgspec import Struct

from app.oauth import state_store
from app.oauth.providers import apple
from app.oauth.providers import provider_named

SEE_OTHER = {303: ResponseSpec(None, generate_examples=False, description="A redirect to the same path.")}
Word = Annotated[str, Meta(max_length=4096, pattern=r"\A[\x20-\x7E]*\Z")]


class FormAnswer(Struct):
    """The answer of a provider; Apple also describes a new user, in JSON."""

    state: Annotated[str, Meta(max_length=256, pattern=r"\A[\x20-\x7E]*\Z")] = ""
    code: Word = ""
    error: Word = ""
    iss: Word = ""
    user: Annotated[str, Meta(max_length=4096)] = ""


@post(
    ["/oauth2/{provider:str}/callback", "/oauth2-associate/{provider:str}/callback"],
    accepts_forms=True,
    accepts_other_sites=True,
    status_code=303,
    responses=SEE_OTHER,
)
async def take_form(
    request: Request[Any, Any, Any],
    provider: FromPath[str],
    data: Annotated[FormAnswer, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Redirect:
    """Take the answer of a provider that sends it in a form, and redirect to the same path with it in the query."""
    provider_named(request.app.state.settings, provider)
    if name := apple.name_in(data.user):
        await state_store.note_name(request, provider, data.state, name)
    given = {"state": data.state, "code": data.code, "error": data.error, "iss": data.iss}
    query = urlencode({field: value for field, value in given.items() if value})
    return Redirect(f"{request.app.state.settings.base_url}{request.url.path}?{query}", status_code=303)


ROUTES: list[HTTPRouteHandler] = [take_form]
