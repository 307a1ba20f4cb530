"""The composition root: a list of what the service consists of."""

import os
from typing import TYPE_CHECKING
from typing import Any

from advanced_alchemy.exceptions import RepositoryError
from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from app import health
from app.accounts.delivery import deliver
from app.accounts.mail import mailer_for
from app.accounts.passwords import learn_costs
from app.accounts.refusals import EnterRefusals
from app.accounts.refusals import note_error
from app.accounts.secret_keys import note_key
from app.background import collecting_only_what_is_new
from app.background import repeating
from app.bodies import MOST_BYTES
from app.bodies import BodiesInTime
from app.browsers import OwnPagesOnly
from app.browsers import cors_config
from app.browsers import security_headers
from app.database import CommitBeforeSuccess
from app.database import database_plugin
from app.database import follow_clock
from app.database import using_the_database
from app.errors import problem
from app.errors import without_debugging
from app.expiry import remove_expired_rows
from app.notes import routes as notes  # example
from app.observability import logs
from app.observability.extras import extras
from app.openapi import Refusals
from app.openapi import openapi_config
from app.settings import Settings
from app.settings import read_settings
from app.users import users_plugins

if TYPE_CHECKING:
    app: Litestar

# While it runs, from the first to the last.
LIFESPAN = [
    without_debugging,
    using_the_database,
    collecting_only_what_is_new,
    repeating(follow_clock, before_requests=True),
    repeating(note_key),
    repeating(learn_costs),
    repeating(deliver),
    repeating(remove_expired_rows),
]


def create_app(settings: Settings | None = None) -> Litestar:
    """The service; without settings given it reads those of the environment.

    Raises:
        SettingsError: if a setting is missing or wrong.
    """
    if settings is None:
        settings = read_settings()
        logs.configure(settings)
    # uvicorn would believe X-Forwarded-For from this machine; whom to believe is TRUSTED_PROXIES' to say alone.
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    return Litestar(
        route_handlers=[
            *health.ROUTES,
            *notes.ROUTES,  # example
        ],
        middleware=[EnterRefusals(), OwnPagesOnly(settings), CommitBeforeSuccess(), BodiesInTime()],
        request_max_body_size=MOST_BYTES,
        plugins=[database_plugin(settings), *users_plugins(settings), *extras(settings), Refusals()],
        lifespan=LIFESPAN,
        cors_config=cors_config(settings),
        after_exception=[note_error],
        before_send=[security_headers(settings), logs.log_answer],
        logging_config=None,
        # Answers speak of accounts, so nobody between the service and its caller may keep them (ASVS 14.3.2).
        response_headers={"Cache-Control": "no-store"},
        exception_handlers={HTTPException: problem, RepositoryError: problem, Exception: problem},
        openapi_config=openapi_config() if settings.serves_openapi else None,
        state=State({"settings": settings, "mailer": mailer_for(settings)}),
    )


def __getattr__(name: str) -> Any:
    """`app.asgi:app` for servers that want an object; importing this module reads no settings."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault("app", create_app())
