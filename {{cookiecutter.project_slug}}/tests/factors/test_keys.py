"""SECRET_KEY is replaced: secrets of authenticator apps stay readable, and are encrypted again with the new key."""

import pytest

from app.factors.encryption_key import encrypt_again
from app.settings import Settings
from tests.factors.authenticator import Authenticator
from tests.factors.steps import add_passkey
from tests.factors.steps import add_totp
from tests.factors.steps import code_of
from tests.factors.steps import first_step
from tests.factors.steps import second_step
from tests.factors.steps import sign_in_by_passkey
from tests.key_steps import STEPS
from tests.key_steps import Pair
from tests.key_steps import moved
from tests.key_steps import running_at
from tests.tables import Tables
from tests.test_doctor import ask


@pytest.mark.checklist("F10", "K08")
async def test_a_sign_in_that_one_instance_begins_ends_at_the_other(pair: Pair) -> None:
    here = await pair.first.verified("grace")
    await here.sign_in()
    secret, _ = await add_totp(here)
    asked = await first_step(here)
    there = moved(here, pair.second)
    assert (await second_step(there, asked["challenge"], totp=code_of(secret))).status_code == 201


@pytest.mark.checklist("F10", "K08")
async def test_secrets_are_encrypted_again_and_the_doctor_counts_the_others(settings: Settings, tables: Tables) -> None:
    async with running_at(settings, STEPS[0]) as [before]:
        here = await before.verified("grace")
        await here.sign_in()
        secret, codes = await add_totp(here)
        device = Authenticator()
        await add_passkey(here, device)
    [former] = await tables.rows("totp")
    assert "former key: 1." in (await ask(settings.model_copy(update=STEPS[2]))).output
    async with running_at(settings, STEPS[2]) as [during]:
        assert await encrypt_again(during.app) > 0
        [present] = await tables.rows("totp")
        assert present["secret"] != former["secret"]
        await encrypt_again(during.app)
        assert await tables.rows("totp") == [present]
    assert "former key:" not in (await ask(settings.model_copy(update=STEPS[3]))).output
    async with running_at(settings, STEPS[3]) as [after]:
        there = after.person("grace")
        for factor in ({"totp": code_of(secret)}, {"recovery_code": codes[0]}):
            asked = await first_step(there)
            assert (await second_step(there, asked["challenge"], **factor)).status_code == 201
        assert (await sign_in_by_passkey(there, device)).status_code == 201


async def test_the_doctor_says_that_there_are_no_passkeys_at_an_ip_address(settings: Settings, tables: Tables) -> None:
    del tables
    said = await ask(settings.model_copy(update={"base_url": "https://192.0.2.10"}))
    assert "There are no passkeys" in said.output
