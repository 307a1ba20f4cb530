"""A service that offers every provider, in a world in which all of them are within reach."""

from collections.abc import AsyncIterator
from collections.abc import Iterator

import pytest
from litestar import Litestar
from pydantic import SecretStr

from app.asgi import create_app
from app.oauth.providers import http_client
from app.oauth.providers import offered
from app.settings import Settings
from tests.oauth.abroad import CLIENT_ID
from tests.oauth.abroad import CLIENT_SECRET
from tests.oauth.abroad import ISSUER
from tests.oauth.abroad import Abroad

NAMES = ("github", "gitlab", "google", "microsoft", "oidc")


@pytest.fixture(scope="session")
def settings(settings: Settings) -> Settings:
    """Those of the whole run, and providers."""
    clients = {f"oauth_{name}_client_id": CLIENT_ID for name in NAMES}
    secrets = {f"oauth_{name}_client_secret": SecretStr(CLIENT_SECRET) for name in NAMES}
    return settings.model_copy(update=clients | secrets | {"oauth_oidc_issuer": ISSUER})


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    """The application with these settings, started."""
    app = create_app(settings)
    async with app.lifespan():
        yield app


@pytest.fixture(autouse=True)
def abroad(monkeypatch: pytest.MonkeyPatch) -> Iterator[Abroad]:
    """The providers, which know nobody yet, and of which the service knows nothing yet."""
    abroad = Abroad()
    monkeypatch.setattr(http_client, "network", abroad)
    offered.cache_clear()
    yield abroad
    offered.cache_clear()
