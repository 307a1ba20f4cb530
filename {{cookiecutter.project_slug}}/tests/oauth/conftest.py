"""A service that offers every provider, and a network on which all of them answer."""

from collections.abc import AsyncIterator
from collections.abc import Iterator

import pytest
from litestar import Litestar
from pydantic import SecretStr

from app.asgi import create_app
from app.oauth.providers import http_client
from app.oauth.providers import offered
from app.settings import Settings
from tests.oauth.fake_network import CLIENT_ID
from tests.oauth.fake_network import CLIENT_SECRET
from tests.oauth.fake_network import ISSUER
from tests.oauth.fake_network import FakeNetwork
from tests.provider.apple import KEY_ID
from tests.provider.apple import PRIVATE_KEY
from tests.provider.apple import TEAM

NAMES = ("apple", "github", "gitlab", "google", "microsoft", "oidc")


@pytest.fixture(scope="session")
def settings(settings: Settings) -> Settings:
    """Those of the whole run, and providers."""
    clients = {f"oauth_{name}_client_id": CLIENT_ID for name in NAMES}
    secrets = {f"oauth_{name}_client_secret": SecretStr(CLIENT_SECRET) for name in NAMES if name != "apple"}
    apple = {"oauth_apple_team_id": TEAM, "oauth_apple_key_id": KEY_ID}
    apple |= {"oauth_apple_private_key": SecretStr(PRIVATE_KEY)}  # type: ignore[dict-item]  # a secret among words
    return settings.model_copy(update=clients | secrets | apple | {"oauth_oidc_issuer": ISSUER})


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    """The application with these settings, started."""
    app = create_app(settings)
    async with app.lifespan():
        yield app


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNetwork]:
    """New providers without users, which the service has not asked anything yet."""
    network = FakeNetwork()
    monkeypatch.setattr(http_client, "network", network)
    offered.cache_clear()
    yield network
    offered.cache_clear()
