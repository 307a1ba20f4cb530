"""Refusals for users whose browser a provider has sent back, or a link has brought here."""

from pathlib import Path
from typing import Any

from jinja2 import Environment
from jinja2 import FileSystemLoader
from litestar import MediaType
from litestar import Request
from litestar import Response
from litestar.response import Redirect

from app.accounts import theme
from app.accounts.link_pages import HEADERS
from app.accounts.link_pages import STYLE
from app.http.error_responses import problem_response
from app.http.errors import InvalidField
from app.oauth.errors import ProviderRefused
from app.oauth.flow import FLOW_STATE
from app.oauth.redirects import with_query
from app.oauth.state_store import FlowState
from app.settings import Settings

FOLDER = Path(__file__).parent / "templates" / "pages"
TEMPLATE = Environment(loader=FileSystemLoader(FOLDER), autoescape=True).get_template("refused.html")


def refusal(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The problem for a program. A user is redirected to the front end, or sees a page with a link back.

    `error` in the address says why, in the word that a program reads in the problem, and `next` is what it was at the
    beginning. Nothing that the provider wrote is shown.
    """
    answer = problem_response(request, error)
    flow_state: FlowState | None = request.state.get(FLOW_STATE)
    answer.cookies += [flow_state.cookie] if flow_state else []
    if "text/html" not in request.headers.get("Accept", ""):
        return answer
    settings: Settings = request.app.state.settings
    reason = answer.content.type.rpartition("/")[2]
    wanted = {"next": flow_state.next_path} if flow_state and flow_state.next_path else {}
    way_back = with_query(settings.oauth_return_url or f"{settings.base_url}/", error=reason, **wanted)
    if settings.oauth_return_url and request.method == "GET" and not isinstance(error, InvalidField):
        return Redirect(way_back, headers=answer.headers, cookies=answer.cookies)
    page = TEMPLATE.render(problem=answer.content, theme=theme, style=STYLE, way_back=way_back)
    # Cancelling at the provider is not an error.
    status = 200 if isinstance(error, ProviderRefused) else answer.status_code
    headers = {**answer.headers, **HEADERS}
    return Response(page, status_code=status, headers=headers, cookies=answer.cookies, media_type=MediaType.HTML)
