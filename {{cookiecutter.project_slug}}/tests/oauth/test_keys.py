"""SECRET_KEY is replaced while people are at a provider: every trip ends well, at whichever instance it ends."""

import pytest

from app.oauth import token_encryption
from app.oauth.exchange_codes import ARE_IN_COOKIES
from app.settings.types import Switch
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.key_steps import Pair
from tests.key_steps import is_signed_in
from tests.key_steps import moved
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.tables import Tables

pytestmark = pytest.mark.checklist("F10")
PAGE = "https://app.example/welcome"


async def test_a_sign_in_that_one_instance_begins_ends_at_the_other(pair: Pair, network: FakeNetwork) -> None:
    here = pair.first.person("grace")
    back = await network.consent(await leave(here))
    there = pair.second.person("grace")
    there.client.cookies.update(here.client.cookies)
    assert (await come_back(there, back)).status_code == 201
    assert await is_signed_in(there)
    assert await is_signed_in(moved(there, pair.first))


async def test_linking_that_one_instance_begins_ends_at_the_other(
    pair: Pair, network: FakeNetwork, tables: Tables
) -> None:
    here = await pair.first.verified("grace")
    await here.sign_in()
    back = await network.consent(await leave(here, "/oauth2-associate/oidc/authorize"))
    there = moved(here, pair.second)
    there.client.cookies.update(here.client.cookies)
    assert (await come_back(there, back)).status_code == 200
    assert len(await tables.rows("oauth_account")) == 1


async def test_a_code_that_one_instance_leaves_is_good_at_the_other(pair: Pair, network: FakeNetwork) -> None:
    here = pair.first.person("grace")
    with with_settings(pair.first.app, oauth_return_url=PAGE):
        answer = await here.get(await network.consent(await leave(here)))
    assert answer.status_code == 302
    there = pair.second.person("grace")
    if ARE_IN_COOKIES:
        there.client.cookies.update(here.client.cookies)
    else:
        code = query_of(answer.headers["Location"])["code"]
        kind.present(there.client, await there.post("/oauth2/exchange", code=code))
    assert await is_signed_in(there)


async def test_a_token_that_one_instance_seals_is_opened_by_the_other(
    pair: Pair, network: FakeNetwork, tables: Tables
) -> None:
    with with_settings(pair.first.app, oauth_store_tokens=Switch.ON):
        await sign_in(pair.first.person("grace"), network)
    [account] = await tables.rows("oauth_account")
    [token] = network.oidc.tokens
    assert token_encryption.decrypt(pair.second.app.state.settings, account["access_token"]) == token


async def test_a_trip_whose_key_was_unset_meanwhile_begins_again(instances: list[Stage], network: FakeNetwork) -> None:
    here = instances[0].person("grace")
    back = await network.consent(await leave(here))
    there = instances[3].person("grace")
    there.client.cookies.update(here.client.cookies)
    asked = len(network.asked)
    assert (problem_of(await there.get(back)), len(network.asked)) == ((400, "invalid-state"), asked)


async def test_a_trip_that_a_former_version_has_begun_ends_well(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    back = await network.consent(await leave(visitor))
    await tables.execute("UPDATE oauth_state SET key_id = ''")
    assert (await come_back(visitor, back)).status_code == 201
