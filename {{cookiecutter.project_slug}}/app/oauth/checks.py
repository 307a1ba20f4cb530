"""What `litestar doctor` has to say about providers."""

from collections.abc import Iterable

from app.doctor import Finding
from app.doctor import Level
from app.oauth.providers import offered
from app.oauth.trips import Purpose
from app.oauth.trips import redirect_uri
from app.settings import Settings


def redirects(settings: Settings) -> Iterable[Finding]:
    """What has to be registered there, letter for letter."""
    for name, provider in offered(settings).items():
        both = " and ".join(redirect_uri(settings, name, purpose) for purpose in (Purpose.SIGN_IN, Purpose.LINK))
        yield Finding(Level.OK, f"OAUTH_{name.upper()}_CLIENT_ID", f"Register with {provider.label}: {both}")


CHECKS = [redirects]
