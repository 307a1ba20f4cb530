"""Signing in with a provider is a sign-in like any other."""

import pytest
from litestar import Litestar

from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import sign_in
from tests.tables import Tables


async def test_a_new_user_has_an_account_and_is_signed_in(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    answer = await sign_in(visitor, network)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    me = (await visitor.get("/users/me")).json()
    assert (me["email"], me["is_verified"], me["is_active"]) == (visitor.email, True, True)
    [user] = await tables.rows("user")
    assert user["password_hash"] == "!"
    trail = sorted(await tables.rows("audit_event"), key=lambda row: row["created_at"])
    assert [row["kind"] for row in trail] == ["user.registered", "sign-in.succeeded"]
    assert {(row["actor_id"], row["target_id"]) for row in trail} == {(user["id"], user["id"])}


async def test_coming_again_is_a_sign_in(visitor: Person, stage: Stage, network: FakeNetwork, tables: Tables) -> None:
    await sign_in(visitor, network)
    again = stage.person("visitor")
    assert (await sign_in(again, network)).status_code == 201
    assert (len(await tables.rows("user")), len(await tables.rows("user_session"))) == (1, 2)


async def test_the_answer_is_that_of_a_sign_in_by_password(grace: Person, stage: Stage, network: FakeNetwork) -> None:
    hopper = stage.person("hopper")
    by_provider, by_password = await sign_in(hopper, network), await grace.sign_in()
    assert by_provider.json().keys() == by_password.json().keys()
    assert (await hopper.sign_out()).status_code == 204
    assert (await hopper.get("/users/me")).status_code == 401


@pytest.mark.checklist("E01")
async def test_what_a_caller_brought_along_is_never_adopted(
    visitor: Person, stage: Stage, network: FakeNetwork
) -> None:
    await sign_in(visitor, network)
    planted, names = "chosen-by-an-attacker", [*visitor.client.cookies]
    scheme = visitor.client.headers.pop("Authorization", "").partition(" ")[0]
    visitor.client.cookies.clear()
    back = await network.consent(await leave(visitor), email=visitor.email)
    for name in names:
        visitor.client.cookies.set(name, planted, domain="service.example")
    answer = await visitor.get(back)
    assert (answer.status_code, planted in answer.text + str(answer.headers)) == (201, False)
    thief = stage.person("mallory")
    headers = {"Cookie": "; ".join(f"{name}={planted}" for name in names), "Authorization": f"{scheme} {planted}"}
    assert (await thief.client.get("/users/me", headers=headers)).status_code == 401


@pytest.mark.checklist("E01")
async def test_each_sign_in_is_one_of_its_own(visitor: Person, network: FakeNetwork) -> None:
    held = set()
    for _ in range(3):
        await sign_in(visitor, network)
        held.add(kind.held(visitor.client))
    assert len(held) == 3


@pytest.mark.checklist("B11")
async def test_a_sign_in_from_a_new_network_is_told_by_mail(
    visitor: Person, stage: Stage, network: FakeNetwork, outbox: Outbox
) -> None:
    await sign_in(visitor, network)
    assert outbox.to(visitor) == [], "the user has just confirmed the address"
    await sign_in(visitor, network)
    assert outbox.to(visitor) == []
    elsewhere = stage.person("visitor", "198.51.100.7")
    await sign_in(elsewhere, network)
    [mail] = outbox.to(visitor)
    assert "A new sign-in" in mail["Subject"]
    await sign_in(elsewhere, network)
    assert outbox.to(visitor) == [mail]


@pytest.mark.checklist("B06", "B08")
async def test_a_network_that_came_from_a_provider_is_known_and_has_no_attempts_given_back(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    await sign_in(visitor, network)
    before = {row["bucket"]: row["count"] for row in await tables.rows("attempts")}
    for _ in range(3):
        assert (await visitor.post("/login", email=visitor.email, password="a guess")).status_code == 401
    tried = {row["bucket"]: row["count"] for row in await tables.rows("attempts") if row["bucket"] not in before}
    assert sorted(tried.values()) == [3, 3]
    await sign_in(visitor, network)
    after = {row["bucket"]: row["count"] for row in await tables.rows("attempts") if row["bucket"] in tried}
    assert after == tried


@pytest.mark.checklist("E11", "B03")
@pytest.mark.parametrize("state", ["is_active = false", "is_verified = false"])
async def test_a_deactivated_user_does_not_sign_in_with_a_provider(
    visitor: Person, network: FakeNetwork, tables: Tables, state: str
) -> None:
    await sign_in(visitor, network)
    await tables.execute(f'UPDATE "user" SET {state}')  # noqa: S608  # written above
    assert problem_of(await sign_in(visitor, network)) == (401, "invalid-credentials")
    assert len(await tables.rows("user_session")) == 1
    assert "sign-in.failed" in await tables.kinds()


@pytest.mark.checklist("E11", "G06")
async def test_an_account_that_was_deactivated_before_it_was_proven_stays_so(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    await visitor.register()
    await tables.execute('UPDATE "user" SET is_active = false')
    assert problem_of(await sign_in(visitor, network)) == (401, "invalid-credentials")
    [user] = await tables.rows("user")
    assert (user["is_verified"], await tables.rows("oauth_account")) == (False, [])


@pytest.mark.checklist("I05", "C06")
async def test_no_log_line_and_no_entry_of_the_trail_holds_a_secret(
    visitor: Person, network: FakeNetwork, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "app")
    address = await leave(visitor)
    secrets = [*visitor.client.cookies.values()]
    await come_back(visitor, await network.consent(address, email=visitor.email))
    await sign_in(visitor, network, token_fault="expired")
    secrets += [*network.oidc.tokens, network.oidc.client_secret]
    text = caplog.text + str(await tables.rows("audit_event"))
    assert secrets
    assert not any(secret in text for secret in secrets)


async def test_the_providers_are_listed_for_everybody(app: Litestar, visitor: Person) -> None:
    assert app.state.settings.oauth_google_client_id
    answer = await visitor.get("/oauth2/providers")
    assert (answer.status_code, answer.json()) == (
        200,
        [
            {"name": "apple", "label": "Apple"},
            {"name": "github", "label": "GitHub"},
            {"name": "gitlab", "label": "GitLab"},
            {"name": "google", "label": "Google"},
            {"name": "microsoft", "label": "Microsoft"},
            {"name": "oidc", "label": "provider.example"},
        ],
    )
