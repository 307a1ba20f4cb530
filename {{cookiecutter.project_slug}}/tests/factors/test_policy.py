"""SECOND_FACTOR: which sign-ins must be strong, and the settings of passkeys."""

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from app.settings import SettingsError
from app.settings import read_settings
from app.settings.factors import SecondFactor
from app.settings.factors import origins_of
from app.settings.factors import rp_id_of
from tests.authorization import TABLE
from tests.authorization import Access
from tests.cast import Stage
from tests.factors.steps import add_totp
from tests.factors.steps import type_of
from tests.other_services import service_with
from tests.tables import Tables
from tests.test_authorization import call

OPEN = {"GET /users/me", "GET /users/me/factors", "POST /logout"}
OPEN_BELOW = ("/users/me/passkeys", "/users/me/totp", "/reauthenticate")
REQUIRED = {"SECRET_KEY": "a secret key of the tests that opens nothing else", "ENVIRONMENT": "test"}


@pytest.fixture
async def strict(settings: Settings, stage: Stage) -> AsyncIterator[Stage]:
    """A service that asks everybody for a factor."""
    app = service_with(settings.model_copy(update={"second_factor": SecondFactor.EVERYBODY}))
    async with app.lifespan():
        other = Stage(app, stage.outbox)
        app.state.mailer = stage.outbox
        yield other
        await other.close()


def is_open(route: str) -> bool:
    """Whether the contract lists the route."""
    return route in OPEN or route.split()[1].startswith(OPEN_BELOW)


@pytest.mark.checklist("K12")
async def test_everybody_is_led_to_a_factor_first(strict: Stage) -> None:
    grace = await strict.verified("grace")
    await grace.sign_in()
    routes = [route for route, access in TABLE.items() if access in {Access.SIGNED_IN, Access.FRESH}]
    answers = {route: await call(grace, route) for route in routes if route != "POST /logout"}
    refused = {route for route, answer in answers.items() if answer.status_code == 403}
    assert refused == {route for route in answers if not is_open(route)}
    assert {type_of(answers[route]) for route in refused} == {(403, "strong-sign-in-required")}
    assert {answers[route].json()["enrol"] for route in refused} == {"/users/me/factors"}
    await add_totp(grace)
    assert (await grace.get("/users/me/sessions")).status_code == 200
    assert (await grace.client.delete("/users/me/totp")).status_code == 204
    assert type_of(await grace.get("/users/me/sessions")) == (403, "strong-sign-in-required")
    assert (await grace.sign_out()).status_code == 204


@pytest.mark.checklist("K12")
async def test_what_is_public_stays_public(strict: Stage) -> None:
    visitor = strict.person("visitor")
    assert (await visitor.get("/health")).status_code == 200
    assert (await visitor.get("/users/me/sessions")).status_code == 401


@pytest.mark.checklist("K03", "I12")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECOND_FACTOR", "always"),
        ("PASSKEY_RP_ID", "192.0.2.1"),
        ("PASSKEY_RP_ID", "https://example.com"),
        ("PASSKEY_ORIGINS", "http://example.com"),
        ("PASSKEY_ORIGINS", "android:apk-key-hash:short"),
        ("PASSKEY_ORIGINS", "https://example.com/path"),
    ],
)
def test_wrong_settings_are_refused_at_start(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings(REQUIRED | {name: value})


@pytest.mark.checklist("K03")
def test_the_domain_and_the_origin_are_those_of_base_url_by_default() -> None:
    settings = read_settings(REQUIRED | {"BASE_URL": "https://app.example.com:8443"})
    assert (rp_id_of(settings), origins_of(settings)) == ("app.example.com", ["https://app.example.com:8443"])
    native = "android:apk-key-hash:" + 43 * "a"
    listed = {"PASSKEY_RP_ID": "Example.com", "PASSKEY_ORIGINS": f"https://a.example.com, {native}"}
    settings = read_settings(REQUIRED | listed)
    assert (rp_id_of(settings), origins_of(settings)) == ("example.com", ["https://a.example.com", native])


@pytest.mark.checklist("K03")
async def test_there_are_no_passkeys_at_an_ip_address(settings: Settings, stage: Stage, tables: Tables) -> None:
    del tables
    at_address = settings.model_copy(update={"base_url": "https://192.0.2.10"})
    app = service_with(at_address)
    async with app.lifespan():
        other = Stage(app, stage.outbox)
        grace = await other.verified("grace")
        await grace.sign_in()
        for path in ("/passkeys/options", "/users/me/passkeys/options", "/reauthenticate/options"):
            assert (await grace.post(path)).status_code == 404
        await other.close()
