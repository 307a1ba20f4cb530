"""The documents that an OpenID provider publishes: its endpoints and its keys (OpenID Connect Discovery)."""

import asyncio
import logging
from collections.abc import Awaitable
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Generic
from typing import TypeVar

from msgspec import Struct

from app import clock
from app.oauth.errors import ProviderFailed
from app.oauth.providers import http_client
from app.oauth.providers.id_tokens import Key

logger = logging.getLogger(__name__)

# Providers change their keys over days, and their endpoints hardly ever.
KNOWN_FOR = timedelta(hours=1)
# A token may name a key that is newer than the known ones; made-up tokens must not make the service ask all the time.
ASKED_AGAIN_AFTER = timedelta(minutes=1)
# While the provider does not answer, its former documents count.
USABLE_FOR = timedelta(days=1)
NEVER = datetime.min.replace(tzinfo=UTC)

Document = TypeVar("Document")


class Metadata(Struct):
    """The endpoints and abilities of a provider."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    pushed_authorization_request_endpoint: str | None = None
    require_pushed_authorization_requests: bool | None = False
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool | None = False
    # Signing in does not depend on it, so an odd value counts as none.
    end_session_endpoint: Any = None

    def __post_init__(self) -> None:
        """Refuse endpoints that are not reached over TLS, unless the issuer is not either.

        Raises:
            ValueError: if there is one; msgspec makes an error of its own of it.
        """
        schemes = ("https://",) if self.issuer.startswith("https://") else ("https://", "http://")
        optional = (self.userinfo_endpoint, self.pushed_authorization_request_endpoint)
        endpoints = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri, *optional)
        if not all(endpoint.startswith(schemes) for endpoint in endpoints if endpoint is not None):
            raise ValueError("An endpoint is not reached over TLS.")
        is_usable = isinstance(self.end_session_endpoint, str) and self.end_session_endpoint.startswith(schemes)
        self.end_session_endpoint = self.end_session_endpoint if is_usable else None


class KeySet(Struct):
    """The keys that a provider signs with."""

    keys: list[Any]


class KnownDocument(Generic[Document]):
    """A document, read again from time to time; while that fails, the former one counts for a day."""

    def __init__(self, provider: str, read: Callable[[], Awaitable[Document]]) -> None:
        self._provider = provider
        self._read = read
        self.document: Document | None = None
        self._read_at = self._tried_at = NEVER

    async def get(self, max_age: timedelta = KNOWN_FOR) -> Document:
        """The document, read again if it is older than `max_age`.

        Raises:
            HTTPError, MsgspecError, ProviderFailed: if it cannot be read, and none is known.
        """
        now = clock.now()
        is_recent = self._read_at >= now - max_age or self._tried_at >= now - ASKED_AGAIN_AFTER
        if self.document is None or self._read_at < now - USABLE_FOR:
            self.document = await self._read()
        elif is_recent:
            return self.document
        else:
            self._tried_at = now
            try:
                # The request of a user has time left for what comes after.
                async with asyncio.timeout(http_client.PATIENCE_SECONDS / 3):
                    self.document = await self._read()
            except (*http_client.FAILURES, ProviderFailed) as error:
                reason = http_client.reason_of(error)
                logger.warning("The provider %s does not answer (%s); former answers count", self._provider, reason)
                return self.document
        self._read_at = clock.now()
        return self.document


class Discovery:
    """The documents of one provider, as far as this process has read them."""

    def __init__(self, provider: str, issuer: str, url: str) -> None:
        self._provider = provider
        self._issuer = issuer
        # Where it describes itself.
        self.url = f"{url.rstrip('/')}/.well-known/openid-configuration"
        self._metadata = KnownDocument(provider, self._read_metadata)
        self._keys = KnownDocument(provider, self._read_keys)

    @property
    def is_known_to_end_no_sessions(self) -> bool:
        """Whether the endpoints are known, and one to end sessions is not among them."""
        known = self._metadata.document
        return known is not None and known.end_session_endpoint is None

    async def metadata(self) -> Metadata:
        """The provider's endpoints.

        Raises:
            HTTPError, MsgspecError, ProviderFailed: if they cannot be read, and none are known.
        """
        return await self._metadata.get()

    async def keys(self, max_age: timedelta = KNOWN_FOR) -> list[Key]:
        """The provider's keys, read again if they are older than `max_age`.

        Raises:
            HTTPError, MsgspecError: if they cannot be read, and none are known.
        """
        return await self._keys.get(max_age)

    def is_issuer(self, said: str) -> bool:
        """Whether metadata that says this issuer is about this provider (OpenID Connect Discovery, 4.3)."""
        return said.rstrip("/") == self._issuer.rstrip("/")

    async def _read_metadata(self) -> Metadata:
        metadata = await http_client.read(self.url, Metadata)
        # A provider must not speak for others.
        if not self.is_issuer(metadata.issuer):
            said = metadata.issuer[:200]
            logger.warning("The provider %s calls itself %r and not %r", self._provider, said, self._issuer)
            raise ProviderFailed
        return metadata

    async def _read_keys(self) -> list[Key]:
        found = await http_client.read((await self.metadata()).jwks_uri, KeySet)
        return [key for key in found.keys if isinstance(key, dict)]
