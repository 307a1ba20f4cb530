"""Several OpenID providers, each with a name: none of them speaks for another."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from pydantic import SecretStr

from app.oauth.doctor_checks import documents
from app.oauth.doctor_checks import redirects
from app.settings import Settings
from app.settings.findings import Level
from app.settings.openid_providers import with_named_providers
from tests.cast import Person
from tests.cast import Stage
from tests.oauth.conftest import NAMES
from tests.oauth.fake_network import CLIENT_ID
from tests.oauth.fake_network import CLIENT_SECRET
from tests.oauth.fake_network import ISSUER
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import provider_at
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_other_settings
from tests.other_services import another_stage
from tests.provider.people import Provider
from tests.tables import Tables

ACME = "https://acme.example"


def named(settings: Settings, issuer: str = ACME) -> Settings:
    """These settings with a second OpenID provider, named `acme`."""
    names = {f"OAUTH_ACME_{field}": "given" for field in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")}
    values: dict[str, object] = {"oauth_acme_issuer": issuer, "oauth_acme_client_id": CLIENT_ID}
    values |= {"oauth_acme_label": "Acme", "oauth_acme_scopes": ("openid", "email", "profile")}
    model = with_named_providers(Settings, names)
    kept = {name: getattr(settings, name) for name in Settings.model_fields}
    return model.model_construct(**kept).model_copy(
        update=values | {"oauth_acme_client_secret": SecretStr(CLIENT_SECRET), "oauth_acme_auth_method": None}
    )


@pytest.fixture
def acme(app: Litestar, network: FakeNetwork, settings: Settings) -> Iterator[Provider]:
    """The second provider, as long as the test runs."""
    provider = provider_at(ACME)
    network.add(provider)
    with with_other_settings(app, named(settings)):
        yield provider


async def test_each_is_offered_with_its_label_and_asked_with_its_scopes(visitor: Person, acme: Provider) -> None:
    offered = (await visitor.get("/oauth2/providers")).json()
    assert {"name": "acme", "label": "Acme"} in offered
    assert {"name": "oidc", "label": "provider.example"} in offered
    query = query_of(await leave(visitor, "/oauth2/acme/authorize"))
    assert query["scope"] == "openid email profile"
    assert query["redirect_uri"] == "https://service.example/oauth2/acme/callback"
    assert acme.grants == {}


@pytest.mark.checklist("G12")
async def test_the_same_subject_at_another_provider_is_another_user(
    visitor: Person, stage: Stage, network: FakeNetwork, acme: Provider, tables: Tables
) -> None:
    assert (await sign_in(visitor, network, "oidc", subject="1")).status_code == 201
    hopper = stage.person("hopper")
    assert (await sign_in(hopper, network, "acme", subject="1")).status_code == 201
    accounts = {row["oauth_name"]: row for row in await tables.rows("oauth_account")}
    assert {name: row["issuer"] for name, row in accounts.items()} == {"acme": acme.issuer, "oidc": ISSUER}
    assert accounts["acme"]["user_id"] != accounts["oidc"]["user_id"]


@pytest.mark.checklist("G12")
async def test_two_names_for_one_issuer_have_an_identity_space_each(
    app: Litestar, settings: Settings, visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    with with_other_settings(app, named(settings, ISSUER)):
        assert (await sign_in(visitor, network, "acme", subject="1")).status_code == 201
        answer = await sign_in(visitor, network, "oidc", subject="1")
    assert problem_of(answer) == (409, "link-required")
    assert [row["oauth_name"] for row in await tables.rows("oauth_account")] == ["acme"]


@pytest.mark.checklist("G12")
@pytest.mark.usefixtures("acme")
async def test_an_answer_for_one_of_them_counts_for_no_other(visitor: Person, network: FakeNetwork) -> None:
    back = await network.consent(await leave(visitor, "/oauth2/acme/authorize"))
    for other in ("oidc", "google"):
        answer = await visitor.get(back.replace("/acme/", f"/{other}/"))
        assert problem_of(answer) == (400, "invalid-state")


async def test_the_doctor_checks_each_by_its_own_setting(settings: Settings, network: FakeNetwork) -> None:
    acme = provider_at(ACME)
    network.add(acme)
    acme.more_metadata = {"issuer": ISSUER}
    both = named(settings)
    about = {finding.about: finding.level async for finding in documents(both)}
    assert (about["OAUTH_ACME_ISSUER"], about["OAUTH_OIDC_ISSUER"]) == (Level.ERROR, Level.OK)
    [says] = [finding.says for finding in redirects(both) if finding.about == "OAUTH_ACME_CLIENT_ID"]
    assert "https://service.example/oauth2-associate/acme/callback" in says


async def test_the_openapi_document_lists_the_names(app: Litestar, settings: Settings) -> None:
    async with another_stage(named(settings)) as stage:
        for service, names in ((app, NAMES), (stage.app, ("acme", *NAMES))):
            paths: dict[str, Any] = service.openapi_schema.to_schema()["paths"]
            of_providers = [
                parameter["schema"]
                for item in paths.values()
                for operation in item.values()
                for parameter in operation.get("parameters", [])
                if (parameter["name"], parameter["in"]) == ("provider", "path")
            ]
            assert of_providers
            assert all(each == {"type": "string", "enum": sorted(names)} for each in of_providers)
