"""New users from providers whose ID tokens say little: the userinfo endpoint, and what it changes."""

import pytest
from litestar import Litestar

from app.settings.types import Switch
from tests.cast import Person
from tests.cast import Stage
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import link
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.provider.fault_switches import NO_PROOF
from tests.provider.fault_switches import AnswerFault
from tests.provider.fault_switches import EmailClaim
from tests.provider.fault_switches import Endpoint
from tests.provider.fault_switches import TokenFault
from tests.provider.people import Grant
from tests.tables import Tables

PROOF_IN_OTHER_WORDS = [
    EmailClaim.IN_WORDS,
    EmailClaim.ASKED_FOR,
    EmailClaim.HALF,
    EmailClaim.IN_WORDS_ASKED_FOR,
]


def asked_about_users(network: FakeNetwork) -> int:
    """How often the service has asked the userinfo endpoint."""
    return [url.path for url in network.asked].count(Endpoint.USERINFO)


@pytest.mark.checklist("G13")
@pytest.mark.parametrize("address", PROOF_IN_OTHER_WORDS)
@pytest.mark.parametrize("is_signed", [False, True])
async def test_a_new_user_signs_in_wherever_the_provider_says_the_address(
    visitor: Person, network: FakeNetwork, tables: Tables, address: EmailClaim, *, is_signed: bool
) -> None:
    network.oidc.signs_userinfo = is_signed
    assert (await sign_in(visitor, network, address=address)).status_code == 201
    [user] = await tables.rows("user")
    assert (user["email"], user["is_verified"]) == (visitor.email, True)
    assert asked_about_users(network) == (address is not EmailClaim.IN_WORDS)


@pytest.mark.checklist("G13")
@pytest.mark.parametrize("address", [*PROOF_IN_OTHER_WORDS, *NO_PROOF])
async def test_userinfo_is_not_asked_for_an_account_that_is_linked(
    visitor: Person, network: FakeNetwork, tables: Tables, address: EmailClaim
) -> None:
    await sign_in(visitor, network, subject="one")
    assert asked_about_users(network) == 0
    answer = await sign_in(
        visitor, network, subject="one", address=address, endpoint=Endpoint.USERINFO, answer_fault="a 500"
    )
    assert (answer.status_code, asked_about_users(network)) == (201, 0)
    [account] = await tables.rows("oauth_account")
    assert account["account_email"] == visitor.email


@pytest.mark.checklist("G13")
async def test_an_account_that_is_linked_shows_the_address_that_userinfo_says(
    grace: Person, network: FakeNetwork
) -> None:
    await grace.sign_in()
    assert (await link(grace, network, address=EmailClaim.ASKED_FOR)).json()["email"] == grace.email


@pytest.mark.checklist("G07")
@pytest.mark.parametrize("address", NO_PROOF)
async def test_an_unverified_address_in_signed_userinfo_makes_no_account(
    visitor: Person, network: FakeNetwork, tables: Tables, address: EmailClaim
) -> None:
    network.oidc.signs_userinfo = True
    assert problem_of(await sign_in(visitor, network, address=address)) == (400, "address-not-verified")
    assert (await tables.rows("user"), await tables.rows("oauth_account")) == ([], [])


@pytest.mark.checklist("G07")
@pytest.mark.parametrize("value", ["false", "yes", "1", 1, 0, [], [True], {"a": True}, "True story"])
@pytest.mark.parametrize("is_asked_for", [False, True])
async def test_a_value_that_is_no_yes_is_no_proof(
    visitor: Person, network: FakeNetwork, value: object, *, is_asked_for: bool
) -> None:
    address = EmailClaim.ASKED_FOR if is_asked_for else EmailClaim.VERIFIED
    claims = network.oidc.more_userinfo if is_asked_for else network.oidc.more_claims
    claims |= {"email_verified": value}
    assert problem_of(await sign_in(visitor, network, address=address)) == (400, "address-not-verified")


@pytest.mark.checklist("G04", "G07")
@pytest.mark.parametrize("is_signed", [False, True])
async def test_an_address_of_another_account_is_not_taken(
    visitor: Person, network: FakeNetwork, tables: Tables, *, is_signed: bool
) -> None:
    network.oidc.signs_userinfo = is_signed
    answer = await sign_in(visitor, network, address=EmailClaim.OF_ANOTHER)
    assert (problem_of(answer), await tables.rows("user")) == ((400, "invalid-identity"), [])


@pytest.mark.checklist("G04")
@pytest.mark.parametrize(
    "claims",
    [{"iss": "https://another.example"}, {"aud": "another-client"}, {"aud": ["another-client"]}, {"aud": 5}],
    ids=str,
)
async def test_signed_userinfo_of_another_issuer_or_for_another_client_is_not_taken(
    visitor: Person, network: FakeNetwork, claims: dict[str, object]
) -> None:
    network.oidc.signs_userinfo, network.oidc.more_userinfo = True, claims
    answer = await sign_in(visitor, network, address=EmailClaim.ASKED_FOR)
    assert problem_of(answer) == (400, "invalid-identity")


@pytest.mark.checklist("G04")
@pytest.mark.parametrize(
    "fault",
    [
        TokenFault.ANOTHER_KEY,
        TokenFault.UNSIGNED,
        TokenFault.ALG_NONE,
        TokenFault.SHARED_SECRET,
        TokenFault.UNKNOWN_KEY,
    ],
)
async def test_userinfo_with_a_wrong_signature_is_not_taken(
    visitor: Person, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch, fault: TokenFault
) -> None:
    network.oidc.signs_userinfo = True
    signed = network.oidc.signed_about

    def faulty(grant: Grant) -> str:
        grant.token_fault = fault
        return signed(grant)

    monkeypatch.setattr(network.oidc, "signed_about", faulty)
    answer = await sign_in(visitor, network, address=EmailClaim.ASKED_FOR)
    assert problem_of(answer) == (400, "invalid-identity")


@pytest.mark.checklist("G13")
@pytest.mark.parametrize("address", [EmailClaim.UNSAID, EmailClaim.HALF])
async def test_an_address_of_a_company_that_is_trusted_needs_no_further_word(
    app: Litestar, stage: Stage, network: FakeNetwork, tables: Tables, address: EmailClaim
) -> None:
    with with_settings(app, oauth_oidc_trusts_email=Switch.ON):
        assert (await sign_in(stage.person("hopper"), network, address=address)).status_code == 201
    [user] = await tables.rows("user")
    assert (user["email"], user["is_verified"]) == ("hopper@example.com", True)


@pytest.mark.checklist("G07")
@pytest.mark.parametrize("address", [EmailClaim.UNVERIFIED, EmailClaim.MISSING, EmailClaim.CONTRADICTED])
async def test_a_no_of_a_company_that_is_trusted_stays_a_no(
    app: Litestar, visitor: Person, network: FakeNetwork, address: EmailClaim
) -> None:
    with with_settings(app, oauth_oidc_trusts_email=Switch.ON):
        answer = await sign_in(visitor, network, address=address)
    assert problem_of(answer) == (400, "address-not-verified")


@pytest.mark.checklist("G11")
async def test_a_provider_without_userinfo_is_believed_as_far_as_it_goes(visitor: Person, network: FakeNetwork) -> None:
    network.oidc.more_metadata = {"userinfo_endpoint": None}
    assert problem_of(await sign_in(visitor, network, address=EmailClaim.HALF)) == (400, "address-not-verified")
    assert (await sign_in(visitor, network)).status_code == 201


@pytest.mark.checklist("G11")
async def test_userinfo_that_fails_keeps_a_new_user_out(visitor: Person, network: FakeNetwork, tables: Tables) -> None:
    faults = {"endpoint": Endpoint.USERINFO, "answer_fault": AnswerFault.BROKEN}
    answer = await sign_in(visitor, network, address=EmailClaim.HALF, **faults)
    assert (problem_of(answer), await tables.rows("user")) == ((502, "provider-failed"), [])
