"""How often passwords can be tried."""

from datetime import timedelta

import pytest
import uvicorn

from app.accounts.attempt_counters import Limit
from app.accounts.known_networks import KNOWN_FOR
from app.accounts.passwords.hashes import Hashes
from app.accounts.throttle import LIMITS
from app.accounts.throttle import Action
from app.factors.sign_in_routes import SUSPICIOUS_ATTEMPTS
from app.http.errors import TooBusy
from app.settings import Settings
from app.settings.types import Switch
from tests.cast import ANOTHER_PASSWORD
from tests.cast import GUESSABLE
from tests.cast import PASSWORD
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


@pytest.mark.checklist("B04", "B05")
@pytest.mark.usefixtures("few_for_an_account")
@pytest.mark.parametrize("email", ["grace@example.com", "nobody@example.com", "no address"])
async def test_an_account_is_closed_to_everybody_after_wrong_passwords_from_anywhere(
    stage: Stage, grace: Person, email: str
) -> None:
    answers = [await guess(stage, f"198.51.100.{number}", email) for number in range(4)]
    assert answers == [401, 401, 401, 429]
    answer = await grace.post("/login", email=email.upper(), password=grace.password)
    assert (answer.status_code, answer.json().get("type")) == (429, "/problems/too-many-attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60


@pytest.mark.checklist("B06")
@pytest.mark.usefixtures("few_for_an_account")
async def test_it_opens_again_by_itself(stage: Stage, grace: Person, clock: Clock) -> None:
    for number in range(4):
        await guess(stage, f"198.51.100.{number}", grace.email)
    clock.advance(timedelta(minutes=15))
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("B06")
@pytest.mark.usefixtures("few_for_an_account")
async def test_its_owner_gets_in_by_a_new_password(stage: Stage, grace: Person, outbox: Outbox) -> None:
    for number in range(4):
        await guess(stage, f"198.51.100.{number}", grace.email)
    await grace.post("/forgot-password", email=grace.email)
    await grace.post("/reset-password", token=outbox.token_for(grace), password=ANOTHER_PASSWORD)
    elsewhere = stage.person("grace", "203.0.113.7")
    elsewhere.password = ANOTHER_PASSWORD
    assert (await elsewhere.sign_in()).status_code == 201


@pytest.mark.checklist("B06")
@pytest.mark.usefixtures("few_for_an_account")
async def test_its_owner_gets_in_from_a_network_that_the_account_was_used_from(
    stage: Stage, grace: Person, clock: Clock
) -> None:
    assert (await grace.sign_in()).status_code == 201
    for number in range(5):
        await guess(stage, f"198.51.100.{number}", grace.email)
    neighbour = stage.person("grace", "192.0.2.2")
    assert (await neighbour.sign_in()).status_code == 429
    assert [(await grace.sign_in()).status_code for _ in range(5)] == [201] * 5
    # Even so the others have gained nothing.
    assert (await neighbour.sign_in()).status_code == 429
    clock.advance(KNOWN_FOR)
    for number in range(4):
        await guess(stage, f"198.51.100.{number}", grace.email)
    assert (await grace.sign_in()).status_code == 429


@pytest.mark.checklist("B06")
@pytest.mark.usefixtures("few_for_an_account")
async def test_a_known_network_can_be_exhausted_too(stage: Stage, grace: Person, outbox: Outbox) -> None:
    await grace.sign_in()
    assert [await guess(stage, "192.0.2.1", grace.email) for _ in range(4)] == [401, 401, 401, 429]
    assert (await stage.person("grace", "198.51.100.7").sign_in()).status_code == 201
    await grace.post("/forgot-password", email=grace.email)
    await grace.post("/reset-password", token=outbox.token_for(grace), password=ANOTHER_PASSWORD)
    grace.password = ANOTHER_PASSWORD
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("B06")
@pytest.mark.usefixtures("few_for_an_account")
async def test_an_account_stays_open_to_the_network_that_reset_its_password(
    stage: Stage, grace: Person, outbox: Outbox
) -> None:
    await grace.post("/forgot-password", email=grace.email)
    await grace.post("/reset-password", token=outbox.token_for(grace), password=ANOTHER_PASSWORD)
    for number in range(5):
        await guess(stage, f"198.51.100.{number}", grace.email)
    grace.password = ANOTHER_PASSWORD
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("B05")
@pytest.mark.usefixtures("few_for_a_network")
async def test_a_network_tries_few_passwords_whatever_the_account(stage: Stage) -> None:
    answers = [await guess(stage, "198.51.100.7", f"user{number}@example.com") for number in range(4)]
    assert answers == [401, 401, 401, 429]
    assert await guess(stage, "198.51.100.8", "user5@example.com") == 401


@pytest.mark.checklist("B08")
@pytest.mark.usefixtures("few_for_a_network")
async def test_a_success_gives_a_network_nothing_for_other_accounts(stage: Stage, mallory: Person) -> None:
    for number in range(2):
        await guess(stage, "192.0.2.1", f"user{number}@example.com")
    assert (await mallory.sign_in()).status_code == 201
    assert [await guess(stage, "192.0.2.1", f"other{number}@example.com") for number in range(2)] == [401, 429]


@pytest.mark.checklist("B06", "B08")
@pytest.mark.usefixtures("few_for_a_network")
async def test_a_network_at_its_limit_is_open_to_accounts_that_know_it(stage: Stage, grace: Person) -> None:
    hopper = await stage.verified("hopper")
    assert (await grace.sign_in()).status_code == 201
    for number in range(4):
        await guess(stage, "192.0.2.1", f"user{number}@example.com")
    assert [(await grace.sign_in()).status_code for _ in range(5)] == [201] * 5
    assert (await hopper.sign_in()).status_code == 429
    # A success gives the network nothing for other accounts.
    assert await guess(stage, "192.0.2.1", "user9@example.com") == 429


@pytest.mark.checklist("B04", "B06")
async def test_a_network_at_its_limit_does_not_show_which_accounts_know_it(
    stage: Stage, grace: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await grace.sign_in()).status_code == 201
    monkeypatch.setitem(LIMITS, Action.SIGN_IN, (FEW, FEW))
    for number in range(4):
        await guess(stage, "192.0.2.1", f"user{number}@example.com")
    mallory = stage.person("mallory")
    unknown = await mallory.post("/login", email="nobody@example.com", password="a guess")
    known = await mallory.post("/login", email=grace.email, password="a guess")
    assert (unknown.status_code, known.status_code, known.json()) == (429, 429, unknown.json())
    waits = [int(answer.headers["Retry-After"]) for answer in (known, unknown)]
    assert max(waits) - min(waits) <= 1
    # The account counts what is tried there, so a neighbour of the owner does not guess for ever.
    for _ in range(2):
        await mallory.post("/login", email=grace.email, password="a guess")
    assert (await grace.sign_in()).status_code == 429
    assert (await stage.person("grace", "198.51.100.7").sign_in()).status_code == 201


@pytest.mark.checklist("B05", "B10")
@pytest.mark.usefixtures("few_for_an_account")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/login", {"email": "grace@example.com", "password": PASSWORD}),
        ("/reauthenticate", {"password": PASSWORD}),
        ("/users/me/password", {"current_password": PASSWORD, "new_password": ANOTHER_PASSWORD}),
        ("/users/me/email", {"email": "hopper@example.com", "password": PASSWORD}),
    ],
)
async def test_a_password_that_could_not_be_checked_does_not_count(
    signed_in: Person, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, str]
) -> None:
    def refuse(*_: object) -> bool:
        raise TooBusy

    with monkeypatch.context() as patch:
        patch.setattr(Hashes, "fits", refuse)
        answers = [await signed_in.post(path, **body) for _ in range(4)]
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers} == {(503, "5")}
    assert (await signed_in.post(path, **body)).is_success


@pytest.mark.usefixtures("few_for_an_account")
@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/users/me/password", {"current_password": PASSWORD, "new_password": GUESSABLE[0]}),
        ("/users/me/password", {"current_password": PASSWORD, "new_password": PASSWORD}),
        ("/users/me/email", {"email": "nowhere", "password": PASSWORD}),
        ("/users/me/email", {"email": "grace@example.com", "password": PASSWORD}),
    ],
)
async def test_a_refused_new_password_or_address_uses_up_no_attempt(
    signed_in: Person, path: str, refused: dict[str, str]
) -> None:
    answers = [await signed_in.post(path, **refused) for _ in range(6)]
    field = "new_password" if "new_password" in refused else "email"
    assert {(answer.status_code, answer.json()["errors"][0]["field"]) for answer in answers} == {(400, field)}
    accepted = {"new_password": ANOTHER_PASSWORD} if field == "new_password" else {"email": "hopper@example.com"}
    assert (await signed_in.post(path, **refused | accepted)).is_success


@pytest.mark.checklist("A07")
async def test_a_refused_sign_up_uses_up_no_mail(visitor: Person, outbox: Outbox) -> None:
    visitor.password = GUESSABLE[0]
    answers = [await visitor.register() for _ in range(LIMITS[Action.REGISTER][0].attempts)]
    assert {answer.status_code for answer in answers} == {400}
    visitor.password = PASSWORD
    await visitor.register()
    assert len(outbox.to(visitor)) == 1


@pytest.mark.checklist("I13")
async def test_refused_sign_ups_count_for_the_network(visitor: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, Action.REGISTER, (MANY, FEW))
    visitor.password = GUESSABLE[0]
    assert [(await visitor.register()).status_code for _ in range(4)] == [400, 400, 400, 429]


@pytest.mark.checklist("B11")
async def test_the_owner_is_told_of_a_sign_in_from_a_network_that_is_new(
    stage: Stage, grace: Person, outbox: Outbox
) -> None:
    assert (await grace.sign_in()).status_code == 201
    assert len(outbox.to(grace)) == 1, "the link was opened on this network, so nothing is new"
    for _ in range(2):
        assert (await stage.person("grace", "198.51.100.7").sign_in()).status_code == 201
    [_, notice] = outbox.to(grace)
    assert "new sign-in" in notice["Subject"]


@pytest.mark.checklist("B11")
async def test_the_owner_is_told_of_a_sign_in_after_many_wrong_passwords(grace: Person, outbox: Outbox) -> None:
    await grace.sign_in()
    for wrong in range(SUSPICIOUS_ATTEMPTS):
        await grace.post("/login", email=grace.email, password=f"wrong {wrong}")
    assert (await grace.sign_in()).status_code == 201
    assert "new sign-in" in outbox.to(grace)[-1]["Subject"]


@pytest.mark.checklist("A07")
@pytest.mark.parametrize("path", ["/register", "/verify/resend", "/forgot-password"])
async def test_an_address_gets_few_mails_an_hour_from_all_networks(
    stage: Stage, visitor: Person, outbox: Outbox, clock: Clock, path: str
) -> None:
    await visitor.register()
    body = {"password": PASSWORD} if path == "/register" else {}
    before = len(outbox.to(visitor))
    limit = LIMITS[Action.REGISTER][0].attempts
    for number in range(limit + 3):
        somebody = stage.person("somebody", f"198.51.100.{number}")
        answer = await somebody.post(path, email=visitor.email.title(), **body)
        assert answer.status_code == 202
    expected = limit - 1 if path == "/register" else limit
    assert len(outbox.to(visitor)) - before == expected
    clock.advance(timedelta(hours=1))
    await visitor.post(path, email=visitor.email, **body)
    assert len(outbox.to(visitor)) - before == expected + 1


@pytest.mark.checklist("A07")
@pytest.mark.parametrize("path", ["/register", "/verify/resend", "/forgot-password"])
async def test_a_network_asks_for_few_mails_to_all_addresses(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for action in (Action.REGISTER, Action.RESEND_VERIFICATION, Action.FORGET_PASSWORD):
        monkeypatch.setitem(LIMITS, action, (MANY, FEW))
    somebody = stage.person("somebody")
    body = {"password": PASSWORD} if path == "/register" else {}
    answers = [await somebody.post(path, email=f"user{number}@example.com", **body) for number in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


async def test_the_table_of_attempts_names_no_address(stage: Stage, tables: Tables) -> None:
    for number in range(4):
        await guess(stage, f"198.51.100.{number}", f"user{number}@example.com")
    assert "user1" not in str(await tables.rows("attempts"))


@pytest.mark.usefixtures("tables", "few_for_an_account")
async def test_counting_can_be_turned_off_outside_production(settings: Settings) -> None:
    async with another_stage(settings, throttle=Switch.OFF) as stage:
        assert {await guess(stage, "198.51.100.7", "user@example.com") for _ in range(5)} == {401}


@pytest.mark.checklist("B07")
@pytest.mark.usefixtures("app")
def test_uvicorn_trusts_no_header_by_default() -> None:
    # By default, uvicorn reads the client's address from a header that any process on this machine can write.
    assert uvicorn.Config("app.asgi:app").forwarded_allow_ips == ""


@pytest.mark.checklist("B12")
@pytest.mark.usefixtures("few_for_a_network")
async def test_clients_of_an_unknown_network_do_not_use_up_each_others_attempts(stage: Stage, grace: Person) -> None:
    for number in range(8):
        assert await guess(stage, "", f"user{number}@example.com") == 401
    somewhere = stage.person("grace", "")
    assert [(await somewhere.sign_in()).status_code for _ in range(3)] == [201] * 3
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("B12", "B04")
@pytest.mark.usefixtures("few_for_an_account")
async def test_wrong_passwords_from_an_unknown_network_count_for_the_account(stage: Stage, grace: Person) -> None:
    assert (await grace.sign_in()).status_code == 201
    somewhere = stage.person("grace", "")
    told = len(stage.outbox.to(grace))
    assert [(await somewhere.sign_in()).status_code for _ in range(2)] == [201] * 2
    assert len(stage.outbox.to(grace)) == told + 2, "each of them may come from anywhere"
    assert [await guess(stage, "", grace.email) for _ in range(4)] == [401, 401, 401, 429]
    assert await guess(stage, "198.51.100.7", grace.email) == 429
    # From a network that the account knows, its owner still gets in.
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("B12")
@pytest.mark.parametrize("path", ["/register", "/verify/resend", "/forgot-password"])
async def test_clients_of_an_unknown_network_do_not_use_up_each_others_mails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for action in (Action.REGISTER, Action.RESEND_VERIFICATION, Action.FORGET_PASSWORD):
        monkeypatch.setitem(LIMITS, action, (MANY, FEW))
    somebody, body = stage.person("somebody", ""), {"password": PASSWORD} if path == "/register" else {}
    answers = [await somebody.post(path, email=f"user{number}@example.com", **body) for number in range(5)]
    assert {answer.status_code for answer in answers} == {202}
