"""What `litestar doctor` says about providers."""

from app.oauth.doctor_checks import redirects
from app.operations.doctor import CHECKS
from app.settings import Settings
from app.settings.findings import Level
from tests.oauth.conftest import NAMES


def test_it_says_letter_for_letter_what_to_register(settings: Settings) -> None:
    assert redirects in CHECKS
    findings = {finding.about: finding for finding in redirects(settings)}
    assert {*findings} == {f"OAUTH_{name.upper()}_CLIENT_ID" for name in NAMES}
    assert {finding.level for finding in findings.values()} == {Level.OK}
    assert findings["OAUTH_GITHUB_CLIENT_ID"].says == (
        "Register with GitHub: https://service.example/oauth2/github/callback"
        " and https://service.example/oauth2-associate/github/callback"
    )
