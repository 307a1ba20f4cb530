"""Security headers and CORS."""

from litestar.config.cors import CORSConfig
from litestar.types import BeforeMessageSendHookHandler
from litestar.types import Message
from litestar.types import Scope

from app.settings import Environment
from app.settings import Settings

A_YEAR_IN_SECONDS = 31_536_000
# Headers of responses that pages of other sites may read.
EXPOSED = ["Retry-After"]


def cors_config(settings: Settings) -> CORSConfig | None:
    """Which other sites may read responses; none without `CORS_ORIGINS`."""
    if not settings.cors_origins:
        return None
    return CORSConfig(
        allow_origins=[*settings.cors_origins],
        allow_credentials=True,
        allow_headers=["Authorization", "Content-Type"],
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        expose_headers=EXPOSED,
    )


def security_headers(settings: Settings) -> BeforeMessageSendHookHandler:
    """A hook that adds these headers to every response, also to errors and for unknown paths (ASVS 3.4)."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": "frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if settings.environment is Environment.PRODUCTION:
        headers["Strict-Transport-Security"] = f"max-age={A_YEAR_IN_SECONDS}"

    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def add(message: Message, _: Scope) -> None:
        if message["type"] == "http.response.start":
            given = [*message["headers"]]
            names = {name.lower() for name, _ in given}
            # A page that runs scripts has its own, stricter policy.
            message["headers"] = [*given, *(each for each in encoded if each[0] not in names)]

    return add
