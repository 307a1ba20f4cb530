"""Start here: the lists of routes, middleware, plugins and background tasks that make up the service."""

import os
from typing import TYPE_CHECKING
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.plugins import PluginProtocol

from app.access_tokens.tokens import tell_of_expiry
from app.accounts.mail.delivery import deliver
from app.accounts.mail.mailer import mailer_for
from app.accounts.passwords.hasher import learn_costs
from app.accounts.refused_acts import RecordRefusals
from app.accounts.refused_acts import note_error
from app.accounts.secret_keys import note_key
from app.auth.late_bodies import LateBodies
from app.database.sessions import database_plugin
from app.database.sessions import follow_clock
from app.database.sessions import using_the_database
from app.database.transactions import CommitBeforeSuccess
from app.database.transactions import roll_back
from app.factors.encryption_key import encrypt_again
from app.http.cross_site import RefuseCrossSite
from app.http.current_request import TrackCurrentRequest
from app.http.error_responses import EXCEPTION_HANDLERS
from app.http.error_responses import without_debugging
from app.http.home import Home
from app.http.openapi_document import Operations
from app.http.openapi_document import openapi_config
from app.http.openapi_schemas import Schemas
from app.http.raw_requests import AnswerHead
from app.http.raw_requests import ReadableHost
from app.http.request_limits import MAX_BODY_BYTES
from app.http.request_limits import BodyDeadline
from app.http.response_cache import response_cache_config
from app.http.security_headers import cors_config
from app.http.security_headers import security_headers
from app.notes import routes as notes  # example
from app.operations import health
from app.operations import logs
from app.operations.background import collecting_only_what_is_new
from app.operations.background import repeating
from app.operations.descriptors import note_descriptors
from app.operations.expired_rows import remove_expired_rows
from app.operations.link_address import logging_link_address
from app.operations.optional_plugins import extras
from app.settings import Settings
from app.settings import read_settings
from app.users import users_plugins

if TYPE_CHECKING:
    app: Litestar

# By default, uvicorn trusts X-Forwarded-For from this machine. Only TRUSTED_PROXIES decides whom to trust.
os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
# Started in this order, and stopped in reverse.
LIFESPAN = [
    without_debugging,
    logging_link_address,
    using_the_database,
    collecting_only_what_is_new,
    repeating(follow_clock, before_requests=True),
    repeating(note_key),
    repeating(encrypt_again),
    repeating(learn_costs),
    repeating(note_descriptors),
    repeating(deliver),
    repeating(tell_of_expiry),
    repeating(remove_expired_rows),
]


def create_app(settings: Settings | None = None) -> Litestar:
    """The application. The default settings are those of the environment.

    Raises:
        SettingsError: if a setting is missing or wrong.
    """
    settings = settings or _settings_of_the_environment()
    app = Litestar(
        route_handlers=[
            *health.ROUTES,
            *notes.ROUTES,  # example
        ],
        middleware=[RecordRefusals(), RefuseCrossSite(settings), CommitBeforeSuccess(), BodyDeadline(), LateBodies()],
        request_max_body_size=MAX_BODY_BYTES,
        plugins=_plugins(settings),
        lifespan=LIFESPAN,
        cors_config=cors_config(settings),
        after_exception=[note_error, roll_back],
        before_send=[security_headers(settings), logs.log_answer],
        logging_config=None,
        # Responses hold personal data, so caches must not store them (ASVS 14.3.2).
        response_headers={"Cache-Control": "no-store"},
        response_cache_config=response_cache_config(),
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=openapi_config() if settings.serves_openapi else None,
        state=State({"settings": settings, "mailer": mailer_for(settings)}),
    )
    app.asgi_handler = ReadableHost(TrackCurrentRequest(AnswerHead(app.asgi_handler), settings), settings)
    return app


def _plugins(settings: Settings) -> list[PluginProtocol]:
    # The last ones see the routes of the others.
    own = (Operations(), Schemas(), Home(settings))
    return [database_plugin(settings), *users_plugins(settings), *extras(settings), *own]


def _settings_of_the_environment() -> Settings:
    settings = read_settings()
    logs.configure(settings)
    return settings


def __getattr__(name: str) -> Any:
    """`app.asgi:app`, created when a server asks for it: importing this module reads no settings."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault("app", create_app())
