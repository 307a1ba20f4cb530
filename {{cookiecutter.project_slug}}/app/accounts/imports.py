"""`litestar users import-users`: the users of another system, with the passwords that they have."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import NoReturn
from uuid import UUID
from uuid import uuid4

import anyio
import click
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import email_address
from app.accounts import audit
from app.accounts import ownership
from app.accounts.audit import Event
from app.accounts.commands import app_of
from app.accounts.commands import service_of
from app.accounts.ownership import unproven_until
from app.accounts.passwords import hasher
from app.accounts.passwords.hasher import stored_costs
from app.accounts.passwords.hashes import Hashes
from app.accounts.passwords.hashes import cost_of
from app.models import User
from app.settings import Settings

REQUIRED, OPTIONAL = ("email", "password_hash", "is_verified"), ("display_name",)
YES_OR_NO = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
BATCH = 500
MAX_SHOWN = 20
# Each check of a password computes a hash of each cost.
MAX_COSTS = 20


@click.command
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--skip-existing", is_flag=True, help="Leave out addresses that have an account, instead of stopping.")
@click.pass_context
def import_users(context: click.Context, file: Path, *, skip_existing: bool) -> None:
    """Import users from a CSV file with the columns email, password_hash, is_verified and, optionally, display_name.

    docs/importing-users.md lists the forms of password hashes. If a line is wrong, nothing is imported.
    """
    settings: Settings = app_of(context).state.settings
    users = read_users(file, settings)
    costs_of_file = {cost for user in users if (cost := cost_of(user["password_hash"]))}

    async def store() -> list[str]:
        async with service_of(context) as service:
            require_few(costs_of_file | {*await stored_costs(service.session)})
            existing = await insert_users(service.session, users)
            if existing and not skip_existing:
                fail([f"{email} has an account already." for email in existing], "Or skip them: --skip-existing")
            return existing

    existing = {*anyio.run(store)}
    click.echo(f"Imported {len(users) - len(existing)} users; {len(existing)} have an account already.")
    costs = Counter(cost_of(user["password_hash"]) for user in users if user["email"] not in existing)
    others = {cost: count for cost, count in costs.items() if cost and cost != Hashes(settings).cost}
    for cost, count in others.items():
        click.echo(f"Users with a hash of the cost {cost}: {count}. Each is renewed when its user signs in.")
    if others:
        click.echo("Restart the service now, so that its response times do not tell who has an account.")


def read_users(file: Path, settings: Settings) -> list[dict[str, Any]]:
    """The users in a CSV file.

    Raises:
        ClickException: if a column is missing or unknown, or a line is wrong; it names the first twenty lines.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            require_columns(rows.fieldnames or [])
            users: dict[str, dict[str, Any]] = {}
            errors: list[str] = []
            for row in rows:
                try:
                    user = user_of(row, settings)
                    if user["email"] in users:
                        raise ValueError(f"{user['email']} is in the file twice.")  # noqa: TRY301  # collected below
                    users[user["email"]] = user
                except ValueError as error:
                    errors.append(f"Line {rows.line_num}: {error}")
    except (UnicodeDecodeError, csv.Error) as error:
        raise click.ClickException(f"{file} is not a CSV file in UTF-8: {error}") from error
    if errors:
        fail(errors)
    return [*users.values()]


def require_columns(names: Sequence[str]) -> None:
    """Require the columns that the command needs, each once and no others.

    Raises:
        ClickException: if one is missing, unknown or there twice.
    """
    if missing := [name for name in REQUIRED if name not in names]:
        raise click.ClickException(f"The first line names no column {', '.join(missing)}.")
    if len({*names}) < len(names):
        raise click.ClickException("The first line names a column twice.")
    if unknown := [name for name in names if name not in (*REQUIRED, *OPTIONAL)]:
        raise click.ClickException(f"Unknown column: {', '.join(unknown)}. Remove it from the file.")


def user_of(row: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """The columns of one user.

    Raises:
        ValueError: if a value is wrong.
    """
    if None in row or None in row.values():
        raise ValueError("it has more or fewer values than the first line has columns.")
    stored, name = row["password_hash"], row.get("display_name", "")
    is_verified = YES_OR_NO.get(row["is_verified"].lower())
    if is_verified is None:
        raise ValueError("is_verified is neither true nor false.")
    if stored and (cost_of(stored) is None or len(stored) > User.password_hash.type.length):
        raise ValueError("password_hash has a form that is unknown or costs too much. See docs/importing-users.md.")
    if len(name) > (longest := User.display_name.type.length) or not name.isprintable():
        raise ValueError(f"display_name needs at most {longest} characters, all of them printable.")
    return {
        "id": uuid4(),
        "email": email_address.normalise_email(row["email"]),
        "password_hash": stored or hasher.NONE,
        "display_name": name,
        "is_active": True,
        "is_verified": is_verified,
        "unproven_until": None if is_verified else unproven_until(settings),
    }


def require_few(costs: set[str]) -> None:
    """Refuse so many costs that a sign-in would take too long.

    Raises:
        ClickException: says what to do.
    """
    if len(costs) > MAX_COSTS:
        says = f"The hashes would have {len(costs)} different costs, and at most {MAX_COSTS} are possible."
        fail([says], "Leave password_hash empty for the users whose cost is rare.")


async def insert_users(session: AsyncSession, users: list[dict[str, Any]]) -> list[str]:
    """Store the users, and return the addresses that have an account and stay as they are."""
    existing: list[str] = []
    with click.progressbar(length=len(users), label="Importing") as progress:
        for start in range(0, len(users), BATCH):
            some = users[start : start + BATCH]
            new = insert(User).on_conflict_do_nothing().returning(User.id)
            stored = {*await session.scalars(new.values(some))}
            for user in some:
                if new_id := user["id"] if user["id"] in stored else await take_over(session, user):
                    audit.record(session, Event.CREATED, new_id)
                else:
                    existing.append(user["email"])
            await session.flush()
            session.expunge_all()
            progress.update(len(some))
    return existing


async def take_over(session: AsyncSession, user: dict[str, Any]) -> UUID | None:
    """Give an unverified account to the verified user of the other system; returns its id, or None if there is none."""
    if not user["is_verified"]:
        return None
    # Locked as a row: PostgreSQL has room for a few thousand other locks, and the file may name more accounts.
    is_it = (func.lower(User.email) == user["email"]) & ~User.is_verified & User.is_active
    found = select(User).where(is_it).with_for_update(of=User, key_share=True)
    unproven = (await session.scalars(found)).one_or_none()
    if unproven is None:
        return None
    kept = {"password_hash": user["password_hash"], "display_name": user["display_name"]}
    await ownership.hand_over(session, unproven, **kept)
    return unproven.id


def fail(errors: list[str], hint: str = "") -> NoReturn:
    """End the command, and show the first errors.

    Raises:
        ClickException: always.
    """
    more = [f"... and {len(errors) - MAX_SHOWN} more."] if len(errors) > MAX_SHOWN else []
    raise click.ClickException("\n".join([*errors[:MAX_SHOWN], *more, f"Nothing was imported. {hint}".strip()]))
