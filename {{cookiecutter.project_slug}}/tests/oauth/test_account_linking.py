"""To whom an account at a provider belongs, and to whom it never comes to belong."""

import asyncio

import pytest
from litestar import Litestar
from sqlalchemy.exc import IntegrityError

from app.settings.types import Switch
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import token_in
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import link
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.provider.fault_switches import NO_PROOF
from tests.provider.fault_switches import EmailClaim
from tests.tables import Tables


@pytest.mark.checklist("G05")
@pytest.mark.parametrize("address", ["grace@example.com", "Grace@Example.COM"])
async def test_an_account_that_is_proven_is_not_linked_by_its_address(
    grace: Person, visitor: Person, network: FakeNetwork, tables: Tables, address: str
) -> None:
    answer = await sign_in(visitor, network, email=address)
    assert problem_of(answer) == (409, "link-required")
    assert "link" in answer.json()["title"]
    assert (await tables.rows("oauth_account"), await tables.rows("user_session")) == ([], [])
    assert (await grace.sign_in()).status_code == 201
    assert "provider.link-required" in await tables.kinds()


@pytest.mark.checklist("G05")
async def test_its_owner_signs_in_and_links(grace: Person, stage: Stage, network: FakeNetwork) -> None:
    await grace.sign_in()
    assert (await link(grace, network)).status_code == 200
    elsewhere = stage.person("grace", "198.51.100.7")
    assert (await sign_in(elsewhere, network)).status_code == 201
    assert (await elsewhere.get("/users/me")).json()["email"] == grace.email


@pytest.mark.checklist("G05")
@pytest.mark.parametrize("address", NO_PROOF)
async def test_an_unverified_address_does_not_tell_who_has_an_account(
    grace: Person, visitor: Person, network: FakeNetwork, address: EmailClaim
) -> None:
    known = await sign_in(visitor, network, email=grace.email, address=address)
    unknown = await sign_in(visitor, network, email="nobody@example.com", address=address)
    assert problem_of(known) == (400, "address-not-verified")
    assert known.content == unknown.content


@pytest.mark.checklist("G06")
async def test_an_earlier_sign_up_gains_nothing_when_the_owner_arrives(
    stage: Stage, network: FakeNetwork, outbox: Outbox, tables: Tables
) -> None:
    owner = stage.person("grace", "203.0.113.9")
    attacker = stage.person("grace", "198.51.100.66")
    attacker.password = "a password of the attacker"
    await attacker.post("/register", email=owner.email, password=attacker.password, display_name="Mallory was here")
    planted = outbox.token_for(owner)
    await attacker.post("/forgot-password", email=owner.email)
    reset = outbox.token_for(owner)

    assert (await sign_in(owner, network)).status_code == 201
    me = (await owner.get("/users/me")).json()
    assert (me["is_verified"], me["display_name"]) == (True, "")
    assert (await attacker.sign_in()).status_code == 401
    for path, body in (
        ("/verify", {"token": planted}),
        ("/reset-password", {"token": reset, "password": ANOTHER_PASSWORD}),
    ):
        assert (await attacker.post(path, **body)).status_code == 400
    [user] = await tables.rows("user")
    assert user["password_hash"] == "!"
    assert "provider.claimed" in await tables.kinds()


@pytest.mark.checklist("G06")
async def test_sign_ins_from_before_the_address_was_verified_end(
    grace: Person, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    # As far as it can go: signed in, and with an account of theirs linked, when the address is found to be unproven.
    await grace.sign_in()
    await link(grace, network, subject="mallory", email="mallory@example.com")
    await tables.execute('UPDATE "user" SET is_verified = false')
    owner = stage.person("grace", "203.0.113.9")
    assert (await sign_in(owner, network, "google", subject="the owner")).status_code == 201
    assert (await grace.get("/users/me")).status_code == 401
    assert (await grace.sign_in()).status_code == 401
    mallory = stage.person("mallory")
    assert (await sign_in(mallory, network, subject="mallory")).status_code == 201
    assert (await mallory.get("/users/me")).json()["email"] == mallory.email


@pytest.mark.checklist("G06")
async def test_a_registration_after_the_owner_arrived_gains_nothing_either(
    stage: Stage, network: FakeNetwork, outbox: Outbox, tables: Tables
) -> None:
    owner, attacker = stage.person("grace", "203.0.113.9"), stage.person("grace", "198.51.100.66")
    await sign_in(owner, network)
    before = await tables.rows("user")
    assert (await attacker.register()).status_code == 202
    assert "has an account" in outbox.to(owner)[-1]["Subject"]
    assert (await attacker.sign_in()).status_code == 401
    assert await tables.rows("user") == before


@pytest.mark.checklist("G06")
async def test_an_invitation_is_accepted_by_coming_from_a_provider(
    app: Litestar, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    with with_settings(app, registration=frozenset({"invite"}), oauth_sign_up=Switch.OFF):
        await tables.execute(
            'INSERT INTO "user" (id, email, password_hash, is_active, is_verified) '
            "VALUES (gen_random_uuid(), 'visitor@example.com', '!', true, false)"
        )
        invited = stage.person("visitor")
        assert (await sign_in(invited, network)).status_code == 201


@pytest.mark.checklist("G07")
@pytest.mark.parametrize("address", NO_PROOF)
async def test_an_unverified_address_makes_no_account(
    visitor: Person, network: FakeNetwork, tables: Tables, address: EmailClaim
) -> None:
    assert problem_of(await sign_in(visitor, network, address=address)) == (400, "address-not-verified")
    assert (await tables.rows("user"), await tables.rows("oauth_account")) == ([], [])


@pytest.mark.checklist("G07")
async def test_what_is_no_address_makes_no_account_and_no_mistake(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    for email in ("", "nowhere", 5, None, ["grace@example.com"]):
        network.oidc.more_claims = {"email": email}
        assert (email, *problem_of(await sign_in(visitor, network))) == (email, 400, "address-not-verified")
    assert await tables.rows("user") == []


@pytest.mark.checklist("G07", "G13")
async def test_an_address_that_cannot_be_stored_is_refused_with_a_true_sentence(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    for email in ("a@b", "grace@ex\u00e4mple.com", "a" * 250 + "@example.com", "a\0@b.example"):
        network.oidc.more_claims = {"email": email}
        assert (email, *problem_of(await sign_in(visitor, network))) == (email, 400, "address-not-supported")
        network.oidc.more_claims |= {"email_verified": False}
        assert (email, *problem_of(await sign_in(visitor, network))) == (email, 400, "address-not-verified")
    assert await tables.rows("user") == []


@pytest.mark.checklist("G13")
async def test_an_address_with_an_international_domain_makes_an_account(visitor: Person, network: FakeNetwork) -> None:
    assert (await sign_in(visitor, network, email="grace@xn--exmple-cua.com")).status_code == 201
    assert (await visitor.get("/users/me")).json()["email"] == "grace@xn--exmple-cua.com"


@pytest.mark.checklist("G08")
async def test_parallel_returns_of_one_person_leave_one_account(
    stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    people = [stage.person("grace") for _ in range(4)]
    backs = [await network.consent(await leave(person), email=person.email) for person in people]
    answers = await asyncio.gather(*(person.get(back) for person, back in zip(people, backs, strict=True)))
    assert [answer.status_code for answer in answers] == [201] * 4
    counts = {name: len(await tables.rows(name)) for name in ("user", "oauth_account", "user_session")}
    assert counts == {"user": 1, "oauth_account": 1, "user_session": 4}


@pytest.mark.checklist("G08")
async def test_one_answer_that_comes_back_four_times_at_once_counts_once(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    back = await network.consent(await leave(visitor))
    answers = await asyncio.gather(*(visitor.get(back) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
    assert len(await tables.rows("user_session")) == 1


@pytest.mark.checklist("G08")
async def test_two_providers_that_vouch_for_one_address_at_once_make_one_account(
    stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    people = [stage.person("grace") for _ in range(4)]
    providers = ("oidc", "google", "gitlab", "github")
    backs = [
        await network.consent(await leave(person, f"/oauth2/{provider}/authorize"), email=person.email)
        for person, provider in zip(people, providers, strict=True)
    ]
    answers = await asyncio.gather(*(person.get(back) for person, back in zip(people, backs, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (len(await tables.rows("user")), len(await tables.rows("oauth_account"))) == (1, 1)


@pytest.mark.checklist("G06", "G08")
@pytest.mark.parametrize("attempt", range(4))
async def test_a_registration_at_the_same_moment_leaves_one_account_without_the_password_of_a_stranger(
    stage: Stage, network: FakeNetwork, tables: Tables, attempt: int
) -> None:
    owner, attacker = stage.person("grace", "203.0.113.9"), stage.person("grace", "198.51.100.66")
    back = await network.consent(await leave(owner), email=owner.email)
    requests = [owner.get(back), attacker.register()]
    answers = await asyncio.gather(*(requests[::-1] if attempt % 2 else requests))
    assert {answer.status_code for answer in answers} == {201, 202}
    [user] = await tables.rows("user")
    assert (user["is_verified"], user["password_hash"]) == (True, "!")
    assert (await attacker.sign_in()).status_code == 401


@pytest.mark.checklist("G08")
async def test_an_account_at_a_provider_is_linked_to_one_user(
    grace: Person, mallory: Person, network: FakeNetwork, tables: Tables
) -> None:
    await grace.sign_in()
    await mallory.sign_in()
    assert (await link(grace, network)).status_code == 200
    assert problem_of(await link(mallory, network, email=grace.email)) == (409, "identity-taken")
    assert (await link(grace, network)).status_code == 200
    assert len(await tables.rows("oauth_account")) == 1


@pytest.mark.checklist("G08")
async def test_two_users_who_link_the_same_account_at_once_do_not_both_have_it(
    grace: Person, mallory: Person, network: FakeNetwork, tables: Tables
) -> None:
    backs = []
    for person in (grace, mallory):
        await person.sign_in()
        backs.append(await network.consent(await leave(person, "/oauth2-associate/oidc/authorize"), subject="one"))
    answers = await asyncio.gather(grace.get(backs[0]), mallory.get(backs[1]))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await tables.rows("oauth_account")) == 1


@pytest.mark.checklist("G08")
async def test_linking_again_and_signing_in_at_once_do_not_wait_for_each_other(
    grace: Person, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    await grace.sign_in()
    await link(grace, network)
    elsewhere = stage.person("grace", "198.51.100.7")
    again = await network.consent(await leave(grace, "/oauth2-associate/oidc/authorize"))
    back = await network.consent(await leave(elsewhere))
    # Both come to the user, the one that links first, before either goes on.
    async with tables.changing('SELECT id FROM "user" FOR NO KEY UPDATE'):
        requests = [asyncio.create_task(grace.get(again))]
        await tables.somebody_waits()
        requests.append(asyncio.create_task(elsewhere.get(back)))
        await tables.somebody_waits(2)
    assert [(await request).status_code for request in requests] == [200, 201]


@pytest.mark.checklist("G08")
async def test_the_table_itself_holds_an_account_once(grace: Person, network: FakeNetwork, tables: Tables) -> None:
    await grace.sign_in()
    await link(grace, network)
    copy = (
        "INSERT INTO oauth_account (id, user_id, oauth_name, issuer, account_id, account_email, access_token) "
        "SELECT gen_random_uuid(), user_id, oauth_name, issuer, account_id, '', '' FROM oauth_account"
    )
    with pytest.raises(IntegrityError):
        await tables.execute(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"oauth_sign_up": Switch.OFF},
        {"registration": frozenset({"invite"})},
        {"registration": frozenset({"example.org"})},
    ],
)
async def test_who_gets_an_account_by_coming_from_a_provider_is_a_setting(
    app: Litestar, stage: Stage, network: FakeNetwork, tables: Tables, changes: dict[str, object]
) -> None:
    with with_settings(app, **changes):
        outsider, insider = stage.person("grace"), stage.person("barbara")
        assert problem_of(await sign_in(outsider, network)) == (403, "sign-up-closed")
        assert await tables.rows("user") == []
        answer = await sign_in(insider, network, email="barbara@example.org")
        is_admitted = changes.get("registration") == {"example.org"}
        assert answer.status_code == (201 if is_admitted else 403)
    assert "provider.sign-up-refused" in await tables.kinds()


async def test_a_deleted_user_can_sign_up_again(visitor: Person, network: FakeNetwork, tables: Tables) -> None:
    await sign_in(visitor, network)
    [before] = await tables.rows("user")
    assert (await visitor.client.delete("/users/me")).status_code == 204
    assert await tables.rows("oauth_account") == []
    assert (await sign_in(visitor, network)).status_code == 201
    [after] = await tables.rows("user")
    assert before["id"] != after["id"]


@pytest.mark.checklist("B03")
async def test_an_account_without_a_password_answers_as_if_it_were_wrong(visitor: Person, network: FakeNetwork) -> None:
    await sign_in(visitor, network)
    answers = [
        await visitor.post("/login", email=email, password=password)
        for email in (visitor.email, "nobody@example.com")
        for password in (PASSWORD, "!", "")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}


@pytest.mark.checklist("D12", "G05")
async def test_a_password_chosen_by_mail_takes_the_place_of_the_provider(
    visitor: Person, network: FakeNetwork, outbox: Outbox
) -> None:
    await sign_in(visitor, network)
    await visitor.post("/forgot-password", email=visitor.email)
    token = token_in(outbox.to(visitor)[-1])
    assert (await visitor.post("/reset-password", token=token, password=PASSWORD)).status_code == 204
    assert (await visitor.sign_in()).status_code == 201
    assert problem_of(await sign_in(visitor, network)) == (409, "link-required")
