"""`litestar users list-users`, `deactivate-user` and `activate-user`."""

from collections.abc import Callable

import anyio
import click
from sqlalchemy import ColumnElement

from app.accounts.commands import email_option
from app.accounts.commands import find_user
from app.accounts.commands import service_of
from app.accounts.user_search import AccountState
from app.accounts.user_search import UserFilter
from app.accounts.user_search import users_matching
from app.models import User

# What a feature adds to the list: options, each with its condition, and columns.
FILTERS: dict[str, Callable[[str], ColumnElement[bool]]] = {}
COLUMNS: list[Callable[[User], str]] = []


@click.command
@click.option("--search", default="", help="The beginning of the address or name, in any case.")
@click.option(
    "--state", type=click.Choice([state.value for state in AccountState]), help="Whether the users can sign in."
)
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="The most users to list."
)
@click.pass_context
def list_users(context: click.Context, /, search: str, state: str | None, limit: int, **others: str | None) -> None:
    """List users by address, with their state, separated by tabs."""
    conditions = tuple(FILTERS[name](text) for name, text in others.items() if text is not None)
    wanted = UserFilter(search=search, state=AccountState(state) if state else None, others=conditions)

    async def read() -> list[str]:
        matching = users_matching(wanted).limit(limit + 1)
        async with service_of(context) as service:
            return [_line(user) for user in await service.session.scalars(matching)]

    lines = anyio.run(read)
    for line in lines[:limit]:
        click.echo(line)
    if len(lines) > limit:
        click.echo(f"More than {limit} users match. Narrow the search, or use a higher --limit.", err=True)


@click.command
@email_option
@click.pass_context
def deactivate_user(context: click.Context, email: str) -> None:
    """Deactivate a user and sign them out everywhere. Running it again changes nothing; `activate-user` undoes it."""
    _set_active(context, email, is_active=False)
    click.echo(f"{email} is deactivated and signed out everywhere.")


@click.command
@email_option
@click.pass_context
def activate_user(context: click.Context, email: str) -> None:
    """Let a deactivated user sign in again. Running it again changes nothing."""
    _set_active(context, email, is_active=True)
    click.echo(f"{email} is no longer deactivated.")


def _set_active(context: click.Context, email: str, *, is_active: bool) -> None:
    async def store() -> None:
        async with service_of(context) as service:
            user = await find_user(service, email)
            await service.set_active(user.id, is_active=is_active)

    anyio.run(store)


def _line(user: User) -> str:
    states = [name for name, is_so in (("inactive", not user.is_active), ("unverified", not user.is_verified)) if is_so]
    columns = [user.email, ", ".join(states) or "active"]
    return "\t".join([*columns, *(column(user) for column in COLUMNS)])
