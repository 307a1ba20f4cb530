"""The tokens of providers: not stored unless the setting says so, and then encrypted."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from pydantic import SecretStr

from app.oauth import token_encryption
from app.settings import Settings
from app.settings.types import Switch
from tests.cast import Person
from tests.cast import Stage
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import link
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.provider.fault_switches import AnswerFault
from tests.tables import Tables

ANOTHER_KEY = SecretStr("another secret key that takes the place of the first")
KEPT: dict[str, Any] = {"oauth_store_tokens": Switch.ON}


@pytest.fixture
def keeping(app: Litestar, stage: Stage) -> Iterator[Stage]:
    """A service that keeps tokens."""
    with with_settings(app, **KEPT):
        yield stage


async def row(tables: Tables) -> dict[str, Any]:
    """What is linked."""
    [account] = await tables.rows("oauth_account")
    return account


async def test_tokens_are_stored_only_if_the_setting_says_so(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    network.oidc.gives_refresh_tokens = True
    await sign_in(visitor, network)
    account = await row(tables)
    assert (account["access_token"], account["refresh_token"], account["expires_at"]) == ("", None, None)


async def test_what_is_kept_is_sealed_and_can_be_opened(
    keeping: Stage, settings: Settings, network: FakeNetwork, tables: Tables
) -> None:
    network.oidc.gives_refresh_tokens = True
    await sign_in(keeping.person("visitor"), network, answer_fault=AnswerFault.LONG_TOKEN)
    account = await row(tables)
    [token], [refresh] = network.oidc.tokens, network.oidc.refresh_tokens
    assert len(token) == 300
    assert not any(secret in str(account) for secret in (token, refresh))
    assert token_encryption.decrypt(settings, account["access_token"]) == token
    assert token_encryption.decrypt(settings, account["refresh_token"]) == refresh
    assert account["expires_at"] > account["created_at"].timestamp()


async def test_each_sign_in_brings_new_tokens_and_a_missing_one_leaves_the_one_before(
    keeping: Stage, settings: Settings, network: FakeNetwork, tables: Tables
) -> None:
    network.oidc.gives_refresh_tokens = True
    visitor = keeping.person("visitor")
    await sign_in(visitor, network)
    before = await row(tables)
    network.oidc.gives_refresh_tokens = False
    await sign_in(visitor, network)
    after = await row(tables)
    assert token_encryption.decrypt(settings, after["access_token"]) == [*network.oidc.tokens][-1]
    assert (after["access_token"] != before["access_token"], after["refresh_token"]) == (True, before["refresh_token"])


async def test_what_was_kept_goes_with_the_next_sign_in_once_nothing_is_kept(
    app: Litestar, keeping: Stage, network: FakeNetwork, tables: Tables
) -> None:
    network.oidc.gives_refresh_tokens = True
    await sign_in(keeping.person("visitor"), network)
    with with_settings(app, oauth_store_tokens=Switch.OFF):
        await sign_in(keeping.person("visitor"), network)
    account = await row(tables)
    assert (account["access_token"], account["refresh_token"], account["expires_at"]) == ("", None, None)


async def test_a_new_key_takes_the_place_of_the_old_one(
    app: Litestar, keeping: Stage, settings: Settings, network: FakeNetwork, tables: Tables
) -> None:
    visitor = keeping.person("visitor")
    await sign_in(visitor, network)
    sealed = (await row(tables))["access_token"]
    [token] = network.oidc.tokens
    changing = {"secret_key": ANOTHER_KEY, "secret_key_previous": settings.secret_key}
    both = settings.model_copy(update=changing)
    assert token_encryption.decrypt(both, sealed) == token
    with with_settings(app, **changing):
        await sign_in(keeping.person("visitor"), network)
    resealed = (await row(tables))["access_token"]
    changed = both.model_copy(update={"secret_key_previous": None})
    assert token_encryption.decrypt(changed, resealed) == [*network.oidc.tokens][-1]
    assert token_encryption.decrypt(changed, sealed) is None, "its key is gone"


@pytest.mark.parametrize("sealed", [None, "", "made up", "gAAAAA==", "\u20ac"])
def test_what_was_never_sealed_is_no_token(settings: Settings, sealed: str | None) -> None:
    assert token_encryption.decrypt(settings, sealed) is None


async def test_the_export_shows_no_token(keeping: Stage, network: FakeNetwork) -> None:
    network.oidc.gives_refresh_tokens = True
    grace = await keeping.verified("grace")
    await grace.sign_in()
    await link(grace, network)
    export, accounts = await grace.get("/users/me/export"), await grace.get("/users/me/oauth-accounts")
    [account] = export.json()["oauth_account"]
    assert not account.keys() & {"access_token", "refresh_token"}
    assert not any(word in export.text + accounts.text for word in ("refresh_token", "gAAAA", *network.oidc.tokens))
