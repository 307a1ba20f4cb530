"""Each sign-in says how and when it was made (RFC 8176)."""

from datetime import datetime
from datetime import timedelta

import pytest

from tests.cast import ANOTHER_PASSWORD
from tests.cast import Clock
from tests.cast import Person


@pytest.mark.checklist("K12")
async def test_a_sign_in_by_password_says_so(signed_in: Person) -> None:
    [device] = (await signed_in.get("/users/me/sessions")).json()
    assert device["amr"] == ["pwd"]
    passed = datetime.fromisoformat(device["authenticated_at"]) - datetime.fromisoformat(device["created_at"])
    assert abs(passed) < timedelta(seconds=1)


@pytest.mark.checklist("K12")
async def test_confirming_the_password_moves_its_time(signed_in: Person, clock: Clock) -> None:
    [before] = (await signed_in.get("/users/me/sessions")).json()
    clock.advance(timedelta(minutes=5))
    await signed_in.post("/reauthenticate", password=signed_in.password)
    [after] = (await signed_in.get("/users/me/sessions")).json()
    passed = datetime.fromisoformat(after["authenticated_at"]) - datetime.fromisoformat(before["authenticated_at"])
    assert passed >= timedelta(minutes=5)
    assert after["amr"] == ["pwd"]


@pytest.mark.checklist("K12")
async def test_a_new_password_makes_a_sign_in_by_password_recent(signed_in: Person, clock: Clock) -> None:
    clock.advance(timedelta(minutes=11))
    await signed_in.post("/users/me/password", current_password=signed_in.password, new_password=ANOTHER_PASSWORD)
    assert (await signed_in.get("/users/me/export")).status_code == 200
