"""A refusal, for somebody in front of a browser that a provider has sent back or a link has led here."""

from pathlib import Path
from typing import Any

from jinja2 import Environment
from jinja2 import FileSystemLoader
from litestar import MediaType
from litestar import Request
from litestar import Response

from app.accounts.pages import HEADERS
from app.accounts.pages import STYLE
from app.errors import problem
from app.oauth.handover import with_query
from app.settings import PROJECT_NAME
from app.settings import Settings

FOLDER = Path(__file__).parent / "templates" / "pages"
TEMPLATE = Environment(loader=FileSystemLoader(FOLDER), autoescape=True).get_template("refused.html")


def refusal(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The problem as a page if a page was asked for, and as everywhere if not; the status is the same."""
    answer = problem(request, error)
    if "text/html" not in request.headers.get("Accept", ""):
        return answer
    settings: Settings = request.app.state.settings
    # The front end learns what a program reads in the problem.
    kind = answer.content.type.rpartition("/")[2]
    way_back = with_query(settings.oauth_return_url or f"{settings.base_url}/", error=kind)
    page = TEMPLATE.render(problem=answer.content, project_name=PROJECT_NAME, style=STYLE, way_back=way_back)
    headers = {**answer.headers, **HEADERS}
    return Response(page, status_code=answer.status_code, headers=headers, media_type=MediaType.HTML)
