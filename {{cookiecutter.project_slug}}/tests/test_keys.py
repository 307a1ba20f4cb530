"""SECRET_KEY is replaced in the steps of docs/secrets.md; at each, instances before and after it work side by side."""

from datetime import timedelta

import pytest

from app.accounts.attempt_counters import Limit
from app.accounts.throttle import LIMITS
from app.accounts.throttle import Action
from tests.cast import ANOTHER_PASSWORD
from tests.cast import Clock
from tests.cast import Stage
from tests.credentials import kind
from tests.key_steps import Pair
from tests.key_steps import is_signed_in
from tests.key_steps import keeps_up
from tests.key_steps import moved
from tests.tables import Tables

pytestmark = pytest.mark.checklist("F10")

FEW, MANY = Limit(3, timedelta(minutes=15)), Limit(1000, timedelta(minutes=15))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three attempts on one account."""
    monkeypatch.setitem(LIMITS, Action.SIGN_IN, (FEW, MANY))


async def guess(stage: Stage, number: int, email: str = "grace@example.com") -> int:
    """How an instance answers a wrong password from some network."""
    mallory = stage.person("mallory", f"198.51.100.{number}")
    return (await mallory.post("/login", email=email, password="a guess")).status_code


async def test_a_sign_in_goes_on_at_the_other_instance(pair: Pair, tables: Tables) -> None:
    here = await pair.first.verified("grace")
    await here.sign_in()
    there = moved(here, pair.second)
    assert await is_signed_in(there)
    assert await keeps_up(there)
    here = moved(there, pair.first)
    assert await is_signed_in(here)
    assert await keeps_up(here)
    assert len(await tables.rows("user_session")) == 1


@pytest.mark.parametrize("times", [1, 2])
async def test_an_answer_that_was_lost_is_given_by_the_other_instance(pair: Pair, tables: Tables, times: int) -> None:
    here = await pair.first.verified("grace")
    await here.sign_in()
    there = moved(here, pair.second)
    for _ in range(times):
        await kind.keep_up(here.client)
    assert await keeps_up(there)
    for person in (there, moved(there, pair.first)):
        assert await keeps_up(person)
    assert len(await tables.rows("user_session")) == 1


async def test_a_sign_in_outlives_all_steps(instances: list[Stage], tables: Tables) -> None:
    grace = await instances[0].verified("grace")
    await grace.sign_in()
    for stage in instances:
        grace = moved(grace, stage)
        assert await is_signed_in(grace)
        assert await keeps_up(grace)
    assert len(await tables.rows("user_session")) == 1


async def test_a_link_that_one_instance_mails_is_good_at_the_other(pair: Pair) -> None:
    pair.first.delivers = False
    visitor = pair.first.person("visitor")
    await visitor.register()
    await pair.second.deliver()
    visitor.outbox = pair.second.outbox
    assert (await visitor.verify()).status_code == 200


async def test_a_mail_whose_link_works_already_is_sent_by_the_other_instance(pair: Pair) -> None:
    pair.first.delivers = False
    grace = await pair.first.verified("grace")
    await grace.sign_in()
    await grace.post("/users/me/email", email="new@example.com", password=grace.password)
    await pair.second.deliver()
    undo = pair.second.outbox.token_for(grace)
    assert (await grace.post("/users/me/email/undo", token=undo)).status_code == 200


async def test_a_mail_that_one_instance_failed_to_send_is_sent_by_the_other(pair: Pair, clock: Clock) -> None:
    grace = await pair.first.verified("grace")
    mailer, pair.first.app.state.mailer = pair.first.app.state.mailer, None
    await grace.post("/forgot-password", email=grace.email)
    pair.first.app.state.mailer = mailer
    clock.advance(timedelta(minutes=1))
    await pair.second.deliver()
    link = pair.second.outbox.token_for(grace)
    assert (await grace.post("/reset-password", token=link, password=ANOTHER_PASSWORD)).status_code == 204


@pytest.mark.usefixtures("few")
async def test_both_instances_count_attempts_together(pair: Pair) -> None:
    grace = await pair.first.verified("grace")
    answers = [await guess(pair[number % 2], number) for number in range(4)]
    assert answers == [401, 401, 401, 429]
    for stage in pair:
        elsewhere = stage.person("grace", "203.0.113.7")
        assert (await elsewhere.post("/login", email=grace.email, password=grace.password)).status_code == 429


@pytest.mark.usefixtures("few")
async def test_a_success_at_one_instance_takes_back_what_both_have_counted(pair: Pair) -> None:
    grace = await pair.first.verified("grace")
    for _ in range(2):
        assert [await guess(pair.first, number) for number in range(2)] == [401, 401]
        elsewhere = pair.second.person("grace", "203.0.113.7")
        assert (await elsewhere.post("/login", email=grace.email, password=grace.password)).status_code == 201


@pytest.mark.usefixtures("few")
async def test_a_network_that_one_instance_has_got_to_know_is_known_to_the_other(pair: Pair) -> None:
    here = await pair.first.verified("grace")
    await here.sign_in()
    for number in range(8):
        await guess(pair[number % 2], number)
    pair.second.outbox.messages.clear()
    there = pair.second.person("grace")
    assert (await there.sign_in()).status_code == 201
    assert pair.second.outbox.messages == [], "nothing is new about it"
