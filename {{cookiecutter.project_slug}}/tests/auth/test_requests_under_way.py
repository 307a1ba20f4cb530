"""What begins before a sign-in ends, and arrives after it, counts for nothing."""

import json
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable

import pytest
from litestar import delete
from litestar import post
from litestar.params import JSONBody

from app.auth import late_bodies
from app.settings import Settings
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Person
from tests.cast import Stage
from tests.other_services import another_stage
from tests.tables import Tables

End = Callable[[Person], Awaitable[object]]


async def reset(owner: Person) -> None:
    """Choose a password by mail."""
    await owner.post("/forgot-password", email=owner.email)
    token = owner.outbox.token_for(owner)
    assert (await owner.post("/reset-password", token=token, password=ANOTHER_PASSWORD)).status_code == 204


async def sign_out(owner: Person) -> None:
    """End the sign-in."""
    assert (await owner.sign_out()).status_code == 204


async def change_password(owner: Person) -> None:
    """Sign in elsewhere and change the password there, which ends every other sign-in."""
    owner.client.cookies.clear()
    await owner.sign_in()
    body = {"current_password": owner.password, "new_password": ANOTHER_PASSWORD}
    assert (await owner.post("/users/me/password", **body)).status_code == 204


@pytest.mark.checklist("D12", "E04")
@pytest.mark.parametrize("end", [reset, sign_out, change_password])
async def test_a_body_that_arrives_after_the_sign_in_has_ended_changes_nothing(
    signed_in: Person, stage: Stage, tables: Tables, end: End
) -> None:
    thief = stage.copy_of(signed_in)

    async def late() -> AsyncIterator[bytes]:
        # By now the service knows who sends the request, and waits for its body.
        await end(signed_in)
        yield b'{"display_name": "Your account is locked: call 555-0100"}'

    headers = {"Content-Type": "application/json"}
    answer = await thief.client.patch("/users/me", content=late(), headers=headers)
    assert answer.status_code == 401
    assert [row["display_name"] for row in await tables.rows("user")] == [""]


@pytest.mark.checklist("E04")
@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/reauthenticate", {"password": PASSWORD}),
        ("/users/me/password", {"current_password": PASSWORD, "new_password": ANOTHER_PASSWORD}),
        ("/users/me/email", {"password": PASSWORD, "email": "mallory@evil.example"}),
    ],
)
async def test_a_right_password_that_arrives_after_the_sign_in_has_ended_changes_nothing(
    signed_in: Person, stage: Stage, tables: Tables, path: str, more: dict[str, str]
) -> None:
    thief, before = stage.copy_of(signed_in), await tables.rows("user")

    async def late() -> AsyncIterator[bytes]:
        await sign_out(signed_in)
        yield json.dumps(more).encode()

    answer = await thief.client.post(path, content=late(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 401
    assert (await tables.rows("user"), await tables.rows("one_time_token")) == (before, [])


@post("/acts")
async def act(data: JSONBody[dict[str, str]]) -> dict[str, str]:
    """A route as owners write them, which takes no lock on its caller."""
    return data


@delete("/acts", status_code=204)
async def undo_act() -> None:
    """A route without a body."""


@pytest.mark.checklist("D12", "E11")
@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("end", [reset, sign_out, change_password])
async def test_a_body_that_arrives_late_does_not_reach_a_route_of_an_owner(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, end: End
) -> None:
    monkeypatch.setattr(late_bodies, "LATE_AFTER_SECONDS", 0)
    async with another_stage(settings, act) as stage:
        owner = await stage.verified("grace")
        await owner.sign_in()
        thief = stage.copy_of(owner)

        async def late() -> AsyncIterator[bytes]:
            yield b"{"
            await end(owner)
            yield b"}"

        headers = {"Content-Type": "application/json"}
        thief.client.event_hooks = {"response": []}
        assert (await thief.client.post("/acts", content=b"{}", headers=headers)).status_code == 201
        assert (await thief.client.post("/acts", content=late(), headers=headers)).status_code == 401


@pytest.mark.checklist("D12", "E11")
@pytest.mark.usefixtures("tables")
async def test_chunks_that_end_late_do_not_reach_a_route_of_an_owner_without_a_body(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_bodies, "LATE_AFTER_SECONDS", 0)
    async with another_stage(settings, undo_act) as stage:
        owner = await stage.verified("grace")
        await owner.sign_in()
        thief = stage.copy_of(owner)

        async def late() -> AsyncIterator[bytes]:
            await sign_out(owner)
            # Chunks without content: some clients announce them for a request without a body.
            for _ in ():
                yield b""

        thief.client.event_hooks = {"response": []}
        assert (await thief.client.delete("/acts")).status_code == 204
        assert (await thief.client.request("DELETE", "/acts", content=late())).status_code == 401
