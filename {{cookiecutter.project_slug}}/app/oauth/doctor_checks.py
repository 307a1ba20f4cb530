"""What `litestar doctor` has to say about providers."""

from collections.abc import Iterable

from app.oauth.authorization_request import FlowPurpose
from app.oauth.authorization_request import redirect_uri
from app.oauth.providers import offered
from app.settings import Settings
from app.settings.findings import Finding
from app.settings.findings import Level


def redirects(settings: Settings) -> Iterable[Finding]:
    """What has to be registered there, letter for letter."""
    for name, provider in offered(settings).items():
        both = " and ".join(
            redirect_uri(settings, name, purpose) for purpose in (FlowPurpose.SIGN_IN, FlowPurpose.LINK)
        )
        yield Finding(Level.OK, f"OAUTH_{name.upper()}_CLIENT_ID", f"Register with {provider.label}: {both}")
