"""Mistakes in the settings of providers: refused together with every other mistake, and without a secret."""

import pytest

from tests.test_setting_bounds import KEYS
from tests.test_setting_bounds import refused

pytestmark = pytest.mark.usefixtures("project_root")


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("provider", ["GITHUB", "GOOGLE", "MICROSOFT", "GITLAB", "ACME"])
def test_the_secret_of_a_provider_is_not_a_key_of_the_service(provider: str, key: str) -> None:
    client = {f"OAUTH_{provider}_CLIENT_ID": "id", f"OAUTH_{provider}_CLIENT_SECRET": KEYS[key]}
    client |= {"OAUTH_ACME_ISSUER": "https://login.example.com"} if provider == "ACME" else {}
    [line] = refused(**KEYS, **client)
    assert line.startswith(f"OAUTH_{provider}_CLIENT_SECRET must differ from {key}")
    assert KEYS[key] not in line


@pytest.mark.checklist("I12")
def test_half_a_provider_hides_no_other_mistake_and_no_other_mistake_hides_it() -> None:
    lines = refused(OAUTH_GITHUB_CLIENT_ID="id", DATABASE_URL="", OPENAPI="maybe", HASH_MEMORY_KIB="9216")
    assert {line.split()[0] for line in lines} == {
        "OAUTH_GITHUB_CLIENT_SECRET",
        "DATABASE_URL",
        "OPENAPI",
        "HASH_MEMORY_KIB",
    }
    assert len(lines) == 4


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("name", ["OAUTH_OIDC_ISSUER", "OAUTH_ACME_ISSUER", "OAUTH_GITHUB_URL", "OAUTH_RETURN_URL"])
@pytest.mark.parametrize("url", ["https://[login.example.com", "https://login.example.com:99999", "https://a:port"])
def test_a_url_that_no_request_could_use_is_refused(name: str, url: str) -> None:
    client = {name.replace("ISSUER", "CLIENT_ID"): "id"} if name.endswith("ISSUER") else {}
    [line] = refused(**client, **{name: url})
    assert line.startswith(f"{name} must ")
