"""Making, listing and ending tokens; what is stored of them and what is told."""

import re
from datetime import timedelta
from typing import Any
from typing import cast
from zlib import crc32

import pytest
from litestar import Litestar
from litestar_users.utils import get_user_service
from sqlalchemy import select

from app.access_tokens.tokens import MAX_TOKENS
from app.access_tokens.tokens import tell_of_expiry
from app.accounts.service_base import AccountService
from app.database.transactions import new_transaction
from app.http.program_tokens import ALPHABET
from app.http.program_tokens import PREFIX
from app.http.program_tokens import generate_token
from app.models import User
from app.operations.expired_rows import remove_expired_rows
from tests.access_tokens.program import PATH
from tests.access_tokens.program import holding
from tests.access_tokens.program import make
from tests.access_tokens.program import program_of
from tests.access_tokens.program import token_of
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.command_line import Operator
from tests.racing import at_once
from tests.racing import statuses
from tests.tables import Tables
from tests.work import Work


@pytest.mark.checklist("L01")
async def test_a_token_is_shown_once_and_stored_as_a_digest(signed_in: Person, tables: Tables) -> None:
    made = (await make(signed_in)).json()
    token = made.pop("token")
    assert made.pop("last_used_at") is None
    assert made["prefix"] == token.removeprefix(PREFIX)[:8]

    [listed] = (await signed_in.get(PATH)).json()
    assert listed == made | {"last_used_at": None}
    [row] = await tables.rows("access_token")
    assert token.removeprefix(PREFIX)[8:] not in str(row)
    export = (await signed_in.get("/users/me/export")).json()
    assert [each["name"] for each in export["access_token"]] == ["nightly job"]
    assert "digest" not in export["access_token"][0]
    assert token not in str(await tables.rows("audit_event")) + str(export)


@pytest.mark.checklist("L01")
async def test_scanners_find_a_token_by_its_form_and_checksum(signed_in: Person) -> None:
    token = (await make(signed_in)).json()["token"]
    found = re.search(re.escape(PREFIX) + r"([0-9A-Za-z]{30})([0-9A-Za-z]{6})(?![0-9A-Za-z])", f"TOKEN={token}\n")
    assert found is not None
    number = 0
    for letter in found[2]:
        number = number * 62 + ALPHABET.index(letter)
    assert number == crc32(found[1].encode())


@pytest.mark.checklist("L01")
@pytest.mark.parametrize("change", ["checksum", "shorter", "longer", "empty", "not ascii"])
async def test_a_wrong_checksum_costs_no_statement_and_no_hash(stage: Stage, work: Work, change: str) -> None:
    right = generate_token()
    wrong = {
        "checksum": right[:-1] + ("0" if right[-1] != "0" else "1"),
        "shorter": right[:-1],
        "longer": right + "0",
        "empty": PREFIX,
        "not ascii": right[:-1] + "\u00e9",
    }[change]
    program = stage.person("program")
    program.client.headers["Authorization"] = f"Bearer {wrong}".encode().decode("latin-1")
    work.take()
    assert (await program.get("/users/me")).status_code == 401
    assert work.take() == ([], 0)
    program.client.headers["Authorization"] = f"Bearer {right}"
    assert (await program.get("/users/me")).status_code == 401
    statements, hashes = work.take()
    assert len(statements) == 1
    assert hashes == 0


async def test_a_request_with_a_token_takes_one_statement(grace: Person, stage: Stage, work: Work) -> None:
    program = await program_of(stage, grace)
    await program.get("/users/me")
    work.take()
    assert (await program.get("/users/me")).status_code == 200
    statements, _ = work.take()
    assert len(statements) == 1
    assert work.transactions == 0


async def test_a_token_needs_a_sign_in_of_the_last_ten_minutes(signed_in: Person, clock: Clock) -> None:
    clock.advance(timedelta(minutes=10))
    answer = await make(signed_in)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/reauthentication-required")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"access": "all"}, "access"),
        ({"expires_in_days": 366}, "expires_in_days"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": " "}, "name"),
        ({"user_id": "x"}, "user_id"),
    ],
)
async def test_what_is_no_token_is_refused_by_name(signed_in: Person, changes: dict[str, Any], field: str) -> None:
    answer = await make(signed_in, **changes)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_the_fiftieth_token_is_refused_also_of_parallel_requests(signed_in: Person, tables: Tables) -> None:
    await make(signed_in)
    values = "gen_random_uuid(), user_id, decode(md5(n::text), 'hex'), n::text, 'p', 'read', now(), expires_at"
    await tables.execute(
        "INSERT INTO access_token (id, user_id, digest, name, prefix, access, created_at, expires_at) "  # noqa: S608  # written here
        f"SELECT {values} FROM access_token, generate_series(1, {MAX_TOKENS - 2}) AS n"
    )
    answers = await at_once(tables, *(make(signed_in) for _ in range(3)))
    assert statuses(answers) == [201, 409, 409]
    assert len((await signed_in.get(PATH)).json()) == MAX_TOKENS


async def test_expired_tokens_do_not_count(signed_in: Person, tables: Tables, clock: Clock) -> None:
    await make(signed_in, expires_in_days=1)
    await tables.execute(
        "INSERT INTO access_token (id, user_id, digest, name, prefix, access, created_at, expires_at) SELECT "  # noqa: S608  # written here
        "gen_random_uuid(), user_id, decode(md5(n::text), 'hex'), n::text, 'p', 'read', now(), expires_at "
        f"FROM access_token, generate_series(1, {MAX_TOKENS - 1}) AS n"
    )
    clock.advance(timedelta(days=1))
    await signed_in.sign_in()
    assert (await make(signed_in)).status_code == 201
    assert len((await signed_in.get(PATH)).json()) == 1


@pytest.mark.checklist("L05")
async def test_making_and_ending_are_entered_and_told(signed_in: Person, tables: Tables) -> None:
    made = (await make(signed_in)).json()
    assert (await signed_in.client.delete(f"{PATH}/{made['id']}")).status_code == 204
    assert (await signed_in.client.delete(f"{PATH}/{made['id']}")).status_code == 404
    told = [text_of(message) for message in signed_in.outbox.to(signed_in)[-2:]]
    assert all('"nightly job"' in text for text in told)
    rows = {row["kind"]: row for row in await tables.rows("audit_event") if "token" in row["kind"]}
    assert sorted(rows) == ["access-token.created", "access-token.ended"]
    for entered in (rows["access-token.created"]["after"], rows["access-token.ended"]["before"]):
        assert (entered["name"], entered["prefix"]) == ("nightly job", made["prefix"])


async def test_an_hour_sees_at_most_twenty_new_tokens(signed_in: Person, mallory: Person, clock: Clock) -> None:
    for _ in range(20):
        made = (await make(signed_in)).json()
        await signed_in.client.delete(f"{PATH}/{made['id']}")
    mails = len(signed_in.outbox.to(signed_in))
    refused = await make(signed_in)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-attempts")
    assert len(signed_in.outbox.to(signed_in)) == mails
    await mallory.sign_in()
    assert (await make(mallory)).status_code == 201
    clock.advance(timedelta(hours=1))
    await signed_in.sign_in()
    assert (await make(signed_in)).status_code == 201


async def test_tokens_of_others_are_neither_seen_nor_ended(mallory: Person, signed_in: Person, stage: Stage) -> None:
    made = (await make(signed_in)).json()
    await mallory.sign_in()
    assert (await mallory.get(PATH)).json() == []
    assert (await mallory.client.delete(f"{PATH}/{made['id']}")).status_code == 404
    assert (await holding(stage, made["token"]).get("/users/me")).status_code == 200


@pytest.mark.checklist("L05")
async def test_the_first_use_from_a_new_network_is_entered_and_told(
    grace: Person, stage: Stage, tables: Tables
) -> None:
    program = await program_of(stage, grace)
    thief = holding(stage, token_of(program), "198.51.100.66")
    mails = len(grace.outbox.to(grace))
    await program.get("/users/me")
    assert len(grace.outbox.to(grace)) == mails
    # Within the same minute, and on a route that is closed.
    await thief.get("/users/me/export")
    await thief.get("/users/me")
    [told] = grace.outbox.to(grace)[mails:]
    assert "new network" in told["Subject"]
    used = [row for row in await tables.rows("audit_event") if row["kind"] == "access-token.used-first"]
    assert {row["after"]["network"] for row in used} == {"192.0.2.1", "198.51.100.66"}
    assert used[0]["target_id"] == used[0]["actor_id"]


async def test_a_program_in_many_networks_is_told_once_a_day(grace: Person, stage: Stage, clock: Clock) -> None:
    token = token_of(await program_of(stage, grace))
    mails = len(grace.outbox.to(grace))
    for number in range(3):
        await holding(stage, token, f"198.51.100.{number}").get("/users/me")
    assert len(grace.outbox.to(grace)) == mails + 1
    clock.advance(timedelta(days=1, minutes=1))
    await holding(stage, token, "203.0.113.1").get("/users/me")
    assert len(grace.outbox.to(grace)) == mails + 2


@pytest.mark.checklist("L05")
async def test_the_last_use_is_noted_once_a_minute(
    grace: Person, stage: Stage, tables: Tables, work: Work, clock: Clock
) -> None:
    program = await program_of(stage, grace)
    await program.get("/users/me")
    [first] = await tables.rows("access_token")
    clock.advance(timedelta(seconds=59))
    work.take()
    await program.get("/users/me")
    assert len(work.take()[0]) == 1
    clock.advance(timedelta(seconds=1))
    await program.get("/users/me")
    [second] = await tables.rows("access_token")
    assert second["last_used_at"] - first["last_used_at"] >= timedelta(minutes=1)
    assert second["networks"] == ["192.0.2.1"]


@pytest.mark.checklist("L05")
async def test_of_parallel_first_uses_one_is_entered(grace: Person, stage: Stage, tables: Tables) -> None:
    token = token_of(await program_of(stage, grace))
    thieves = [holding(stage, token, "198.51.100.66") for _ in range(4)]
    mails = len(grace.outbox.to(grace))
    await at_once(tables, *(thief.get("/users/me") for thief in thieves))
    await stage.deliver()
    assert len(grace.outbox.to(grace)) == mails + 1
    kinds = [row["kind"] for row in await tables.rows("audit_event")]
    assert kinds.count("access-token.used-first") == 1


@pytest.mark.checklist("L05")
async def test_parallel_first_uses_from_several_networks_are_all_entered(
    grace: Person, stage: Stage, tables: Tables
) -> None:
    token = token_of(await program_of(stage, grace))
    addresses = ["198.51.100.66", "198.51.100.77", "203.0.113.7"]
    programs = [holding(stage, token, address) for address in addresses]
    mails = len(grace.outbox.to(grace))
    await at_once(tables, *(program.get("/users/me") for program in programs))
    await stage.deliver()
    used = await tables.trail("access-token.used-first")
    assert sorted(row["after"]["network"] for row in used) == addresses
    assert len(grace.outbox.to(grace)) == mails + 1
    [row] = await tables.rows("access_token")
    assert sorted(row["networks"]) == ["192.0.2.1", *addresses]


async def test_expiry_is_told_a_week_before_and_once(app: Litestar, grace: Person, stage: Stage, clock: Clock) -> None:
    await program_of(stage, grace)
    await make(grace, name="short", expires_in_days=7)
    mails = len(grace.outbox.to(grace))
    for days, more in ((22, 0), (2, 1), (1, 1)):
        clock.advance(timedelta(days=days))
        await tell_of_expiry(app)
        await stage.deliver()
        assert len(grace.outbox.to(grace)) == mails + more
    assert '"nightly job" expires within a week' in text_of(grace.outbox.to(grace)[-1])


@pytest.mark.checklist("L04")
async def test_an_expired_token_is_refused_and_removed(
    app: Litestar, grace: Person, stage: Stage, tables: Tables, clock: Clock
) -> None:
    program = await program_of(stage, grace, expires_in_days=1)
    clock.advance(timedelta(days=1) - timedelta(seconds=1))
    assert (await program.get("/users/me")).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert (await program.get("/users/me")).status_code == 401
    await remove_expired_rows(app)
    assert await tables.rows("access_token") == []


async def test_the_command_line_makes_a_token_for_a_service_account(
    operator: Operator, grace: Person, stage: Stage
) -> None:
    words = ("create-token", "--email", grace.email, "--name", "backup", "--access", "write", "--expires-in-days", "30")
    done = await operator.types(*words)
    assert done.exit_code == 0, done.output
    program = holding(stage, done.stdout.strip())
    assert (await program.get("/users/me")).json()["email"] == grace.email
    refused = await operator.types("create-token", "--email", "nobody@example.com", "--name", "backup")
    assert refused.exit_code == 1
    assert "No user has the address" in refused.output
    refused = await operator.types("create-token", "--email", grace.email, "--name", "x" * 101)
    assert refused.exit_code == 1
    assert "Nothing was changed" in refused.output


@pytest.mark.checklist("L04", "L05")
async def test_deactivation_on_the_command_line_ends_tokens_for_good(
    operator: Operator, grace: Person, stage: Stage, tables: Tables
) -> None:
    program = await program_of(stage, grace)
    for command in ("deactivate-user", "activate-user"):
        assert (await operator.types(command, "--email", grace.email)).exit_code == 0
        assert (await program.get("/users/me")).status_code == 401
    [entry] = await tables.trail("access-token.ended")
    [user] = await tables.rows("user")
    assert entry["target_id"] == user["id"]


@pytest.mark.checklist("L04")
async def test_the_service_without_features_ends_the_tokens_of_a_deactivated_user_too(
    app: Litestar, grace: Person, stage: Stage, tables: Tables
) -> None:
    await program_of(stage, grace)
    async with new_transaction(app) as session:
        user = (await session.scalars(select(User))).unique().one()
        service = cast("AccountService", get_user_service(app, session))
        # Features replace this method.
        await AccountService.set_active(service, user.id, is_active=False)
    assert await tables.rows("access_token") == []


@pytest.mark.checklist("L04")
@pytest.mark.parametrize("state", ["is_active = false", "is_verified = false"])
async def test_an_account_that_cannot_sign_in_gets_no_token(
    operator: Operator, grace: Person, tables: Tables, state: str
) -> None:
    await tables.execute(f'UPDATE "user" SET {state}')  # noqa: S608  # written above
    refused = await operator.types("create-token", "--email", grace.email, "--name", "backup")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        "Error: The account is deactivated, or its address is not confirmed. Nothing was changed.\n"
    )
    assert await tables.rows("access_token") == []
