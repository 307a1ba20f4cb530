"""Logs in development where the links in mails lead."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from litestar import Litestar

from app.settings import Environment
from app.settings import Settings
from app.settings.own_port import own_port
from app.settings.urls import is_this_machine

logger = logging.getLogger(__name__)


@asynccontextmanager
async def logging_link_address(app: Litestar) -> AsyncIterator[None]:
    """Log the address of links, and warn if the service itself does not listen there."""
    settings: Settings = app.state.settings
    if settings.environment is Environment.DEVELOPMENT:
        log_address(settings, own_port())
    yield


def log_address(settings: Settings, port: int) -> None:
    """Log it for a service that listens on this port."""
    parts = urlsplit(settings.base_url)
    if is_this_machine(parts.hostname) and parts.port != port:
        logger.warning(
            "Links in mails lead to %s (BASE_URL), but the service listens on port %d. Remove BASE_URL from .env, "
            "unless another program listens there and forwards requests to the service",
            settings.base_url,
            port,
        )
    else:
        logger.info("Links in mails lead to %s", settings.base_url)
