"""The findings of `litestar doctor` about providers."""

import pytest

from app.oauth.doctor_checks import documents
from app.oauth.doctor_checks import redirects
from app.operations.doctor import CHECKS
from app.operations.doctor import NETWORK_CHECKS
from app.settings import Settings
from app.settings.findings import Finding
from app.settings.findings import Level
from tests.oauth.conftest import NAMES
from tests.oauth.fake_network import FakeNetwork
from tests.provider.fault_switches import AnswerFault
from tests.provider.fault_switches import Endpoint


def test_it_says_letter_for_letter_what_to_register(settings: Settings) -> None:
    assert redirects in CHECKS
    findings = {finding.about: finding for finding in redirects(settings)}
    assert {*findings} == {f"OAUTH_{name.upper()}_CLIENT_ID" for name in NAMES}
    assert {finding.level for finding in findings.values()} == {Level.OK}
    assert findings["OAUTH_GITHUB_CLIENT_ID"].says == (
        "Register with GitHub: https://service.example/oauth2/github/callback"
        " and https://service.example/oauth2-associate/github/callback"
    )


async def findings_about_oidc(settings: Settings) -> list[Finding]:
    """What the check of the documents says about the provider that these tests change."""
    return [finding async for finding in documents(settings) if finding.about == "OAUTH_OIDC_ISSUER"]


async def test_it_reads_the_documents_of_each_openid_provider(settings: Settings, network: FakeNetwork) -> None:
    assert documents in NETWORK_CHECKS
    findings = [finding async for finding in documents(settings)]
    assert {finding.level for finding in findings} == {Level.OK}
    assert len(findings) == len(NAMES) - 1
    assert {url.path.rpartition("/")[2] for url in network.asked} == {"openid-configuration", "keys"}


@pytest.mark.parametrize(
    ("metadata", "level", "says"),
    [
        ({"issuer": "https://other.example"}, Level.ERROR, "says that its issuer is 'https://other.example'"),
        ({"code_challenge_methods_supported": ["plain"]}, Level.WARNING, "does not list S256 (PKCE)"),
        ({"token_endpoint": ...}, Level.ERROR, "missing required field `token_endpoint`"),
        ({"jwks_uri": "http://provider.example/keys"}, Level.ERROR, "An endpoint is not reached over TLS."),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, Level.ERROR, "signs with none of RS256"),
        (
            {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
            Level.ERROR,
            "authenticates clients by private_key_jwt alone",
        ),
        (
            {"require_pushed_authorization_requests": True, "pushed_authorization_request_endpoint": ...},
            Level.ERROR,
            "requires pushed requests and names no endpoint",
        ),
    ],
    ids=str,
)
async def test_it_says_what_would_fail(
    settings: Settings, network: FakeNetwork, metadata: dict[str, object], level: Level, says: str
) -> None:
    network.oidc.more_metadata = metadata
    [finding] = await findings_about_oidc(settings)
    assert (finding.level, says in finding.says, bool(finding.fix)) == (level, True, True), finding


@pytest.mark.parametrize(
    ("endpoint", "fault", "says"),
    [
        (Endpoint.METADATA, AnswerFault.BROKEN, "openid-configuration answered 500"),
        (Endpoint.KEYS, AnswerFault.BROKEN, "https://provider.example/keys answered 500"),
        (Endpoint.METADATA, AnswerFault.NO_JSON, "DecodeError"),
        (Endpoint.METADATA, AnswerFault.HUGE, "The answer is too long."),
    ],
)
async def test_it_says_which_document_cannot_be_read(
    settings: Settings, network: FakeNetwork, endpoint: Endpoint, fault: AnswerFault, says: str
) -> None:
    network.oidc.answer_faults = {endpoint: fault}
    [finding] = await findings_about_oidc(settings)
    assert (finding.level, says in finding.says) == (Level.ERROR, True), finding


async def test_it_says_that_a_provider_cannot_be_reached(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"oauth_oidc_issuer": "https://nowhere.example"})
    [finding] = await findings_about_oidc(elsewhere)
    assert (finding.level, "ConnectError" in finding.says) == (Level.ERROR, True)


async def test_it_says_that_a_provider_publishes_no_key(
    settings: Settings, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.provider.routes.keys_of", lambda _: [{"kty": "oct", "k": "AA"}])
    findings = await findings_about_oidc(settings)
    assert ["has no public key" in finding.says for finding in findings] == [True]
    assert network.asked


async def test_it_says_that_a_provider_does_not_list_public_clients(settings: Settings) -> None:
    public = settings.model_copy(update={"oauth_oidc_client_secret": None})
    [finding] = await findings_about_oidc(public)
    assert (finding.level, finding.says) == (Level.WARNING, "provider.example does not list public clients.")
    assert finding.fix.endswith("set OAUTH_OIDC_CLIENT_SECRET.")
