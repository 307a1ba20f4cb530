"""Passkeys: adding them, signing in with them, and what is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar

from app.accounts.attempt_counters import Limit
from app.settings import Settings
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.factors import authenticator
from tests.factors.authenticator import Authenticator
from tests.factors.steps import add_passkey
from tests.factors.steps import add_totp
from tests.factors.steps import amr_of
from tests.factors.steps import code_of
from tests.factors.steps import first_step
from tests.factors.steps import second_step
from tests.factors.steps import sign_in_by_passkey
from tests.factors.steps import type_of
from tests.tables import Tables


@pytest.fixture
def device() -> Authenticator:
    """A phone."""
    return Authenticator()


@pytest.fixture
async def owner(signed_in: Person, device: Authenticator) -> Person:
    """A signed-in user with a passkey on it."""
    assert (await add_passkey(signed_in, device)).status_code == 201
    return signed_in


@pytest.mark.checklist("K05", "K11", "K12")
async def test_a_passkey_is_added_and_the_first_one_brings_recovery_codes(
    signed_in: Person, device: Authenticator, stage: Stage
) -> None:
    elsewhere = stage.person("grace", "198.51.100.7")
    await elsewhere.sign_in()
    answer = await add_passkey(signed_in, device)
    added = answer.json()
    assert len(added.pop("recovery_codes")) == 10
    assert (added["name"], added["rp_id"], added["is_backed_up"]) == ("Phone", "service.example", False)
    assert added["transports"] == ["hybrid", "internal"]
    assert added["credential_id"] in device.keys
    assert await amr_of(signed_in) == ["pwd", "pop", "mfa"]
    assert (await elsewhere.get("/users/me")).status_code == 401
    second = await add_passkey(signed_in, Authenticator(), "Key")
    assert "recovery_codes" not in second.json()
    listed = (await signed_in.get("/users/me/factors")).json()
    assert [each["name"] for each in listed["passkeys"]] == ["Phone", "Key"]
    assert listed["user_handle"] == device.user_handle
    assert len(authenticator.raw(device.user_handle)) == 64


@pytest.mark.checklist("K04")
async def test_the_options_ask_for_a_key_that_the_user_unlocks(owner: Person, device: Authenticator) -> None:
    asked = (await owner.post("/users/me/passkeys/options")).json()["publicKey"]
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["attestation"] == "none"
    assert [each["id"] for each in asked["excludeCredentials"]] == [*device.keys]
    assert asked["user"]["id"] == device.user_handle


@pytest.mark.checklist("K04", "K12")
async def test_a_passkey_alone_signs_in(owner: Person, device: Authenticator, stage: Stage) -> None:
    person = stage.person("grace", "198.51.100.7")
    assert (await sign_in_by_passkey(person, device)).status_code == 201
    assert await amr_of(person) == ["pop", "user", "mfa"]
    assert (await person.get("/users/me")).json()["email"] == owner.email
    assert (await person.get("/users/me/factors")).json()["passkeys"][0]["last_used_at"] is not None
    assert str(owner.outbox.to(owner)[-1]["Subject"]).startswith("A new sign-in")


@pytest.mark.checklist("K02", "K01")
async def test_the_options_for_signing_in_are_the_same_for_everybody(
    owner: Person, visitor: Person, tables: Tables
) -> None:
    before = {name: len(await tables.rows(name)) for name in tables.names}
    shown = [(await person.post("/passkeys/options")).json() for person in (owner, visitor)]
    for each in shown:
        assert len(each.pop("challenge")) <= 1024
        each["publicKey"].pop("challenge")
    assert shown[0] == shown[1]
    assert shown[0]["publicKey"].keys() == {"timeout", "rpId", "userVerification"}
    assert {name: len(await tables.rows(name)) for name in tables.names} == before


@pytest.mark.usefixtures("owner")
@pytest.mark.checklist("K01")
async def test_a_challenge_works_once(device: Authenticator, visitor: Person) -> None:
    asked = (await visitor.post("/passkeys/options")).json()
    sent = {"challenge": asked["challenge"], "credential": device.get(asked["publicKey"])}
    assert (await visitor.post("/passkeys/sign-in", **sent)).status_code == 201
    assert type_of(await visitor.post("/passkeys/sign-in", **sent)) == (401, "invalid-passkey")


@pytest.mark.usefixtures("owner")
@pytest.mark.checklist("K01")
async def test_a_failed_try_burns_it(device: Authenticator, visitor: Person) -> None:
    asked = (await visitor.post("/passkeys/options")).json()
    right = device.get(asked["publicKey"])
    wrong = right | {"response": right["response"] | {"signature": "AAAA"}}
    for credential in (wrong, right):
        answer = await visitor.post("/passkeys/sign-in", challenge=asked["challenge"], credential=credential)
        assert type_of(answer) == (401, "invalid-passkey")


@pytest.mark.usefixtures("owner")
@pytest.mark.checklist("K01")
async def test_it_counts_for_five_minutes_and_for_its_own_handle(
    device: Authenticator, visitor: Person, clock: Clock
) -> None:
    asked, other = [(await visitor.post("/passkeys/options")).json() for _ in range(2)]
    mixed = {"challenge": other["challenge"], "credential": device.get(asked["publicKey"])}
    assert (await visitor.post("/passkeys/sign-in", **mixed)).status_code == 401
    clock.advance(timedelta(minutes=5))
    late = {"challenge": asked["challenge"], "credential": device.get(asked["publicKey"])}
    assert type_of(await visitor.post("/passkeys/sign-in", **late)) == (401, "invalid-passkey")


def _without_verification(device: Authenticator) -> None:
    device.flags = authenticator.PRESENT


def _in_a_frame(device: Authenticator) -> None:
    device.more_client_data = {"crossOrigin": True}


def _under_another_page(device: Authenticator) -> None:
    device.more_client_data = {"topOrigin": "https://evil.example"}


def _from_another_site(device: Authenticator) -> None:
    device.origin = "https://evil.example"


def _for_another_site(device: Authenticator) -> None:
    device.rp_id = "evil.example"


def _of_another_type(device: Authenticator) -> None:
    device.more_client_data = {"type": "payment.get"}


def _backup_eligible(device: Authenticator) -> None:
    device.flags |= authenticator.BACKUP_ELIGIBLE


def _of_another_user(device: Authenticator) -> None:
    device.more_response = {"userHandle": authenticator.text(bytes(64))}


def _of_no_user(device: Authenticator) -> None:
    device.more_response = {"userHandle": None}


FAULTS: list[Callable[[Authenticator], None]] = [
    _without_verification,
    _in_a_frame,
    _under_another_page,
    _from_another_site,
    _for_another_site,
    _of_another_type,
]
FAULTS_OF_USE = [*FAULTS, _backup_eligible, _of_another_user, _of_no_user]


@pytest.mark.usefixtures("owner")
@pytest.mark.checklist("K03", "K04")
@pytest.mark.parametrize("spoil", FAULTS_OF_USE)
async def test_an_answer_with_a_fault_signs_nobody_in(
    device: Authenticator, visitor: Person, spoil: Callable[[Authenticator], None], tables: Tables
) -> None:
    spoil(device)
    assert type_of(await sign_in_by_passkey(visitor, device)) == (401, "invalid-passkey")
    assert "sign-in.failed" in await tables.kinds()


@pytest.mark.checklist("K03", "K04")
@pytest.mark.parametrize("spoil", FAULTS)
async def test_an_answer_with_a_fault_adds_no_passkey(
    signed_in: Person, device: Authenticator, spoil: Callable[[Authenticator], None]
) -> None:
    spoil(device)
    answer = await add_passkey(signed_in, device)
    assert type_of(answer) == (400, "invalid-factor")
    assert (await signed_in.get("/users/me/factors")).json()["passkeys"] == []


ODD: list[Any] = [{}, {"id": 1}, {"id": "", "response": []}, {"id": "é", "rawId": "x", "type": "x", "response": {}}]
ODD += [{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": text}} for text in ("", "W10")]
DEEP = authenticator.text(b"[" * 20_000)
ODD += [{"id": "AA", "response": {"clientDataJSON": DEEP, "userHandle": 1}}]


@pytest.mark.checklist("K04", "I09")
@pytest.mark.parametrize("credential", ODD)
async def test_what_is_no_credential_is_refused_as_one(
    signed_in: Person, visitor: Person, credential: dict[str, Any]
) -> None:
    asked = (await visitor.post("/passkeys/options")).json()
    answer = await visitor.post("/passkeys/sign-in", challenge=asked["challenge"], credential=credential)
    assert type_of(answer) == (401, "invalid-passkey")
    asked = (await signed_in.post("/users/me/passkeys/options")).json()
    answer = await signed_in.post("/users/me/passkeys", challenge=asked["challenge"], credential=credential)
    assert type_of(answer) == (400, "invalid-factor")


@pytest.mark.checklist("K04")
async def test_a_counter_that_goes_back_is_reported_and_refuses_nobody(
    signed_in: Person, device: Authenticator, visitor: Person, tables: Tables
) -> None:
    device.counter = 10
    await add_passkey(signed_in, device)
    device.counter = 5
    assert (await sign_in_by_passkey(visitor, device)).status_code == 201
    assert "factor.counter-behind" in await tables.kinds()
    assert any("may have been copied" in str(mail["Subject"]) for mail in signed_in.outbox.to(signed_in))
    [row] = await tables.rows("passkey")
    assert row["sign_count"] == 10


@pytest.mark.checklist("K04")
async def test_the_backup_state_follows_the_device(signed_in: Person, device: Authenticator) -> None:
    device.flags |= authenticator.BACKUP_ELIGIBLE
    assert (await add_passkey(signed_in, device)).json()["is_backed_up"] is False
    device.flags |= authenticator.BACKED_UP
    await sign_in_by_passkey(signed_in, device)
    assert (await signed_in.get("/users/me/factors")).json()["passkeys"][0]["is_backed_up"] is True


@pytest.mark.checklist("K01", "K11")
async def test_a_passkey_is_the_second_factor_of_a_password(owner: Person, device: Authenticator) -> None:
    begun = await first_step(owner)
    assert begun["factors"] == ["passkey", "recovery_code"]
    asked = (await owner.post("/login/options", challenge=begun["challenge"])).json()["publicKey"]
    assert [each["id"] for each in asked["allowCredentials"]] == [*device.keys]
    answer = await second_step(owner, begun["challenge"], credential=device.get(asked))
    assert answer.status_code == 201
    assert await amr_of(owner) == ["pwd", "pop", "mfa"]


@pytest.mark.checklist("K01")
async def test_asking_again_replaces_what_a_passkey_must_sign_and_so_does_a_try(
    owner: Person, device: Authenticator
) -> None:
    begun = await first_step(owner)
    former, asked = [(await owner.post("/login/options", challenge=begun["challenge"])).json() for _ in range(2)]
    assert (await second_step(owner, begun["challenge"], credential=device.get(former["publicKey"]))).status_code == 401
    assert (await second_step(owner, begun["challenge"], credential=device.get(asked["publicKey"]))).status_code == 401
    asked = (await owner.post("/login/options", challenge=begun["challenge"])).json()
    assert (await second_step(owner, begun["challenge"], credential=device.get(asked["publicKey"]))).status_code == 201


@pytest.mark.checklist("K07")
async def test_wrong_codes_do_not_hold_up_passkeys(owner: Person, device: Authenticator, stage: Stage) -> None:
    for number in range(10):
        attacker = stage.person("grace", f"198.51.100.{number}")
        begun = await first_step(attacker)
        await second_step(attacker, begun["challenge"], recovery_code="wrong")
    begun = await first_step(owner)
    asked = (await owner.post("/login/options", challenge=begun["challenge"])).json()
    assert (await second_step(owner, begun["challenge"], credential=device.get(asked["publicKey"]))).status_code == 201


@pytest.mark.checklist("K07")
async def test_an_account_has_few_passkeys(owner: Person, tables: Tables) -> None:
    [row] = await tables.rows("passkey")
    columns = ", ".join(name for name in row if name not in {"id", "credential_id"})
    await tables.execute(
        f"INSERT INTO passkey (id, credential_id, {columns}) SELECT gen_random_uuid(), decode(md5(n::text), 'hex'), "  # noqa: S608  # names of columns
        f"{columns} FROM passkey, generate_series(1, 18) n"
    )
    assert (await add_passkey(owner, Authenticator())).status_code == 409


@pytest.mark.usefixtures("owner")
@pytest.mark.checklist("K07")
async def test_sign_ins_by_passkey_are_counted_for_the_network(
    device: Authenticator, visitor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.factors.attempts.PASSKEYS", Limit(2, timedelta(minutes=15)))
    for _ in range(4):
        assert (await sign_in_by_passkey(visitor, device)).status_code == 201, "a success takes its attempt back"
    for _ in range(2):
        assert (await sign_in_by_passkey(visitor, device, credential={})).status_code == 401
    assert type_of(await sign_in_by_passkey(visitor, device)) == (429, "too-many-attempts")


@pytest.mark.checklist("K06")
async def test_users_rename_and_remove_their_own_passkeys_alone(
    owner: Person, device: Authenticator, mallory: Person, clock: Clock
) -> None:
    [own] = (await owner.get("/users/me/factors")).json()["passkeys"]
    path = f"/users/me/passkeys/{own['id']}"
    await mallory.sign_in()
    assert (await mallory.client.patch(path, json={"name": "Mine"})).status_code == 404
    assert (await mallory.client.delete(path)).status_code == 404
    assert (await owner.client.patch(path, json={"name": "Old phone"})).json()["name"] == "Old phone"
    assert (await owner.client.patch(path, json={"name": "a\x00b"})).status_code == 400
    clock.advance(timedelta(minutes=10))
    assert type_of(await owner.client.delete(path)) == (403, "reauthentication-required")
    clock.advance(-timedelta(minutes=10))
    assert (await owner.client.delete(path)).status_code == 204
    assert str(owner.outbox.to(owner)[-1]["Subject"]).endswith("was removed")
    assert (await sign_in_by_passkey(owner, device)).status_code == 401


@pytest.mark.checklist("K06", "E13")
async def test_removing_a_passkey_ends_the_sign_ins_made_with_one(
    owner: Person, device: Authenticator, stage: Stage
) -> None:
    thief = stage.person("grace", "198.51.100.66")
    await sign_in_by_passkey(thief, device)
    [own] = (await owner.get("/users/me/factors")).json()["passkeys"]
    await owner.client.delete(f"/users/me/passkeys/{own['id']}")
    assert (await thief.get("/users/me")).status_code == 401
    assert await amr_of(owner) == ["pwd"]


@pytest.mark.checklist("K06")
async def test_the_last_way_in_stays(owner: Person, tables: Tables) -> None:
    await tables.execute("UPDATE \"user\" SET password_hash = ''")
    [own] = (await owner.get("/users/me/factors")).json()["passkeys"]
    answer = await owner.client.delete(f"/users/me/passkeys/{own['id']}")
    assert type_of(answer) == (409, "last-way-in")
    assert (await owner.get("/users/me/factors")).json()["passkeys"] == [own]


@pytest.mark.checklist("K03")
async def test_a_passkey_of_another_domain_is_no_factor(owner: Person, device: Authenticator, tables: Tables) -> None:
    await tables.execute("UPDATE passkey SET rp_id = 'former.example'")
    assert (await owner.post("/login", email=owner.email, password=owner.password)).status_code == 201
    assert type_of(await sign_in_by_passkey(owner, device)) == (401, "invalid-passkey")


@pytest.mark.usefixtures("owner")
@pytest.mark.checklist("K03")
async def test_native_and_related_origins_can_be_listed(
    device: Authenticator, app: Litestar, monkeypatch: pytest.MonkeyPatch, visitor: Person
) -> None:
    settings: Settings = app.state.settings
    native = "android:apk-key-hash:" + 43 * "a"
    origins = ("https://service.example", "https://shop.example", native)
    monkeypatch.setattr(app.state, "settings", settings.model_copy(update={"passkey_origins": origins}))
    monkeypatch.setattr("app.factors.passkeys.origins_of", lambda _: [*origins])
    device.origin = native
    assert (await sign_in_by_passkey(visitor, device)).status_code == 201
    assert (await visitor.get("/.well-known/webauthn")).json() == {"origins": [*origins[:2]]}


@pytest.mark.checklist("K03")
async def test_the_domain_is_a_setting_and_never_the_host_of_a_request(visitor: Person) -> None:
    visitor.client.headers["Host"] = "evil.example"
    assert (await visitor.post("/passkeys/options")).json()["publicKey"]["rpId"] == "service.example"
    assert (await visitor.get("/.well-known/webauthn")).status_code == 404
    answer = await visitor.get("/.well-known/change-password")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("https://service.example/")


@pytest.mark.checklist("K01")
@pytest.mark.parametrize("changes", [{"credential": {}}, {}])
async def test_the_challenge_of_a_registration_works_once(
    signed_in: Person, device: Authenticator, changes: dict[str, Any]
) -> None:
    asked = (await signed_in.post("/users/me/passkeys/options")).json()
    made = {"challenge": asked["challenge"], "credential": device.create(asked["publicKey"])}
    await signed_in.post("/users/me/passkeys", **(made | changes))
    assert type_of(await signed_in.post("/users/me/passkeys", **made)) == (400, "invalid-challenge")


@pytest.mark.checklist("K01")
async def test_it_is_for_the_sign_in_that_asked(signed_in: Person, device: Authenticator, mallory: Person) -> None:
    await mallory.sign_in()
    asked = (await mallory.post("/users/me/passkeys/options")).json()
    made = {"challenge": asked["challenge"], "credential": device.create(asked["publicKey"])}
    assert type_of(await signed_in.post("/users/me/passkeys", **made)) == (400, "invalid-challenge")
    signing_in = (await signed_in.post("/passkeys/options")).json()["challenge"]
    assert type_of(await second_step(signed_in, signing_in, totp="123456")) == (400, "invalid-challenge")


@pytest.mark.usefixtures("owner")
@pytest.mark.checklist("K04")
async def test_a_passkey_that_is_registered_is_added_to_no_other_account(
    device: Authenticator, mallory: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mallory.sign_in()
    [taken] = device.keys
    monkeypatch.setattr("tests.factors.authenticator.token_bytes", lambda _: authenticator.raw(taken))
    assert (await add_passkey(mallory, Authenticator())).status_code == 409
    assert (await mallory.get("/users/me/factors")).json()["passkeys"] == []


@pytest.mark.usefixtures("owner")
@pytest.mark.checklist("K11")
async def test_a_passkey_of_a_deactivated_user_opens_nothing(
    device: Authenticator, tables: Tables, visitor: Person
) -> None:
    await tables.execute('UPDATE "user" SET is_active = false')
    assert type_of(await sign_in_by_passkey(visitor, device)) == (401, "invalid-passkey")


async def test_lost_both_factors_and_back_by_a_recovery_code(signed_in: Person, device: Authenticator) -> None:
    codes = (await add_passkey(signed_in, device)).json()["recovery_codes"]
    secret, none = await add_totp(signed_in)
    assert none == []
    begun = await first_step(signed_in)
    assert begun["factors"] == ["passkey", "totp", "recovery_code"]
    assert (await second_step(signed_in, begun["challenge"], totp=code_of(secret))).status_code == 201
    begun = await first_step(signed_in)
    assert (await second_step(signed_in, begun["challenge"], recovery_code=codes[3])).status_code == 201
