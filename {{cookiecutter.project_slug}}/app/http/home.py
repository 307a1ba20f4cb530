"""`/` and `/docs` lead developers to the documentation of the API."""

from litestar import get
from litestar.config.app import AppConfig
from litestar.plugins import InitPlugin
from litestar.response import Redirect

from app.settings import Environment
from app.settings import Settings


class Home(InitPlugin):
    """Adds the routes, in development alone and after all others. A route of your own at such a path replaces it."""

    def __init__(self, settings: Settings) -> None:
        self._is_wanted = settings.environment is Environment.DEVELOPMENT and settings.serves_openapi

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add a redirect to each path that is free."""
        taken = {path for each in app_config.route_handlers for path in getattr(each, "paths", ())}
        if self._is_wanted and (free := sorted({"/", "/docs"} - taken)):
            app_config.route_handlers.append(get(free, exclude_from_auth=True, include_in_schema=False)(_home))
        return app_config


async def _home() -> Redirect:
    return Redirect("/schema")
