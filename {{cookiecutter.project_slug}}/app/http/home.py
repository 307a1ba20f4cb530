"""`/` and `/docs` lead developers to the documentation of the API."""

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from app.settings import Environment
from app.settings import Settings


@get(["/", "/docs"], exclude_from_auth=True, include_in_schema=False, sync_to_thread=False)
def home() -> Redirect:
    """Swagger UI."""
    return Redirect("/schema")


def home_routes(settings: Settings) -> list[HTTPRouteHandler]:
    """The route, in development alone. If you add a route at `/` or `/docs`, remove this list from app/asgi.py."""
    is_wanted = settings.environment is Environment.DEVELOPMENT and settings.serves_openapi
    return [home] if is_wanted else []
