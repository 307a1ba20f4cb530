"""How often passwords can be tried."""

from datetime import timedelta

import pytest
from litestar import Request
from litestar.types import HTTPScope
from pydantic import SecretStr

from app.accounts.client_address import client_network
from app.accounts.throttle import LIMITS
from app.accounts.throttle import Action
from app.accounts.throttle import Limit
from app.settings import Environment
from app.settings import Settings
from app.settings import Throttle
from tests.cast import ANOTHER_PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.other_services import another_stage
from tests.tables import Tables

FEW = Limit(3, timedelta(minutes=15))
MANY = Limit(1000, timedelta(minutes=15))


@pytest.fixture
def few_for_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three attempts on one account."""
    monkeypatch.setitem(LIMITS, Action.SIGN_IN, (FEW, MANY))


@pytest.fixture
def few_for_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three attempts from one network."""
    monkeypatch.setitem(LIMITS, Action.SIGN_IN, (MANY, FEW))


async def guess(stage: Stage, address: str, email: str) -> int:
    """Try a wrong password from somewhere."""
    answer = await stage.person("mallory", address).post("/login", email=email, password="a guess")
    return answer.status_code


@pytest.mark.usefixtures("few_for_an_account")
@pytest.mark.parametrize("email", ["grace@example.com", "nobody@example.com", "no address"])
async def test_an_account_is_closed_to_everybody_after_wrong_passwords_from_anywhere(
    stage: Stage, grace: Person, email: str
) -> None:
    answers = [await guess(stage, f"198.51.100.{number}", email) for number in range(4)]
    assert answers == [401, 401, 401, 429]
    answer = await grace.post("/login", email=email.upper(), password=grace.password)
    assert (answer.status_code, answer.json()["type"]) == (429, "/problems/too-many-attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60


@pytest.mark.usefixtures("few_for_an_account")
async def test_it_opens_again_by_itself(stage: Stage, grace: Person, clock: Clock) -> None:
    for number in range(4):
        await guess(stage, f"198.51.100.{number}", grace.email)
    clock.advance(timedelta(minutes=15))
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.usefixtures("few_for_an_account")
async def test_its_owner_gets_in_by_a_new_password(stage: Stage, grace: Person, outbox: Outbox) -> None:
    for number in range(4):
        await guess(stage, f"198.51.100.{number}", grace.email)
    await grace.post("/forgot-password", email=grace.email)
    await grace.post("/reset-password", token=outbox.token_for(grace), password=ANOTHER_PASSWORD)
    grace.password = ANOTHER_PASSWORD
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.usefixtures("few_for_an_account")
async def test_signing_in_again_and_again_is_no_attack(grace: Person) -> None:
    assert {(await grace.sign_in()).status_code for _ in range(5)} == {201}


@pytest.mark.usefixtures("few_for_a_network")
async def test_a_network_tries_few_passwords_whatever_the_account(stage: Stage) -> None:
    answers = [await guess(stage, "198.51.100.7", f"user{number}@example.com") for number in range(4)]
    assert answers == [401, 401, 401, 429]
    assert await guess(stage, "198.51.100.8", "user5@example.com") == 401


@pytest.mark.usefixtures("few_for_a_network")
async def test_a_success_gives_a_network_nothing_for_other_accounts(stage: Stage, mallory: Person) -> None:
    for number in range(2):
        await guess(stage, "192.0.2.1", f"user{number}@example.com")
    assert (await mallory.sign_in()).status_code == 201
    assert [await guess(stage, "192.0.2.1", f"other{number}@example.com") for number in range(2)] == [401, 429]


async def test_the_table_names_nobody_and_does_not_grow(stage: Stage, tables: Tables, clock: Clock) -> None:
    for number in range(4):
        await guess(stage, f"198.51.100.{number}", f"user{number}@example.com")
    assert "user1" not in str(await tables.rows("attempts"))
    clock.advance(timedelta(minutes=15))
    await guess(stage, "198.51.100.7", "user9@example.com")
    assert len(await tables.rows("attempts")) == 2


@pytest.mark.usefixtures("tables", "few_for_an_account")
async def test_counting_can_be_turned_off_outside_production(settings: Settings) -> None:
    async with another_stage(settings, throttle=Throttle.OFF) as stage:
        assert {await guess(stage, "198.51.100.7", "user@example.com") for _ in range(5)} == {401}


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "198.51.100.66, 198.51.100.1, 10.0.0.3", "198.51.100.1"),
        ("10.0.0.2", "10.0.0.3, 10.0.0.4", "10.0.0.3"),
        ("10.0.0.2", "anything at all", "unknown"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("2001:DB8::1", "", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::2", "", "2001:db8::/64"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
    ],
)
def test_headers_count_as_far_as_trusted_proxies_vouch(peer: str, forwarded: str, network: str) -> None:
    settings = Settings(environment=Environment.TEST, secret_key=SecretStr("s" * 32), trusted_proxies="10.0.0.0/24")
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    headers += [(b"forwarded", b"for=192.0.2.99"), (b"x-real-ip", b"192.0.2.99")]
    # The rest of a scope is not looked at.
    scope: HTTPScope = {"type": "http", "client": (peer, 1), "headers": headers}  # type: ignore[typeddict-item]
    assert client_network(Request(scope), settings) == network
