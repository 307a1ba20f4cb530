"""What is refused on the way from a provider is in the trail once."""

import secrets

import pytest

from tests.cast import Person
from tests.cast import Stage
from tests.oauth.fake_network import ACCOUNTS
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import link
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import sign_in
from tests.tables import Tables


async def refused(tables: Tables) -> list[str]:
    """The types of refusals in the trail."""
    return [row["after"]["type"] for row in await tables.rows("audit_event") if row["kind"] == "act.refused"]


@pytest.mark.checklist("H09", "G09")
async def test_removing_the_last_way_in_is_recorded(visitor: Person, network: FakeNetwork, tables: Tables) -> None:
    await sign_in(visitor, network)
    [account] = (await visitor.get(ACCOUNTS)).json()
    answer = await visitor.client.delete(f"{ACCOUNTS}/{account['id']}")
    assert problem_of(answer) == (409, "last-way-in")
    assert await refused(tables) == ["last-way-in"]


@pytest.mark.checklist("H09", "G08")
async def test_an_identity_that_belongs_to_another_user_is_recorded(
    signed_in: Person, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    await link(signed_in, network, subject="number 1")
    await stage.verified("mallory")
    # Services remember what they entered of a network in the last minute, and this one is of this test alone.
    elsewhere = stage.person("mallory", f"203.0.113.{secrets.randbelow(256)}")
    await elsewhere.sign_in()
    answer = await link(elsewhere, network, subject="number 1")
    assert problem_of(answer) == (409, "identity-taken")
    assert await refused(tables) == ["identity-taken"]


@pytest.mark.checklist("H09", "I05")
async def test_a_refusal_with_an_entry_of_its_own_is_recorded_once(
    grace: Person, network: FakeNetwork, tables: Tables
) -> None:
    assert problem_of(await sign_in(grace, network)) == (409, "link-required")
    kinds = await tables.kinds()
    assert kinds == ["provider.link-required"]
