"""`litestar users list-users`, `deactivate-user` and `activate-user`."""

from typing import cast

import anyio
import click

from app.accounts.commands import email_option
from app.accounts.commands import find_user
from app.accounts.commands import service_of
from app.models import User
from app.rbac.user_administration import AdministrationService
from app.rbac.user_search import AccountState
from app.rbac.user_search import Sort
from app.rbac.user_search import UserFilter
from app.rbac.user_search import users_matching


@click.command
@click.option("--search", default="", help="The beginning of the address or name, in any case.")
@click.option("--role", help="The name of a role.")
@click.option(
    "--state", type=click.Choice([state.value for state in AccountState]), help="Whether the users can sign in."
)
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="The most users to list."
)
@click.pass_context
def list_users(context: click.Context, search: str, role: str | None, state: str | None, limit: int) -> None:
    """List users by address, with their state and roles, separated by tabs."""

    async def read() -> list[str]:
        wanted = users_matching(UserFilter(search, role, AccountState(state) if state else None, Sort.EMAIL))
        async with service_of(context) as service:
            return [_line(user) for user in await service.session.scalars(wanted.limit(limit + 1))]

    lines = anyio.run(read)
    for line in lines[:limit]:
        click.echo(line)
    if len(lines) > limit:
        click.echo(f"More than {limit} users match. Use --search, --role or --state, or a higher --limit.", err=True)


@click.command
@email_option
@click.pass_context
def deactivate_user(context: click.Context, email: str) -> None:
    """Deactivate a user and sign them out everywhere. Running it again changes nothing; `activate-user` undoes it."""
    anyio.run(_store, context, email, User(is_active=False))
    click.echo(f"{email} is deactivated and signed out everywhere.")


@click.command
@email_option
@click.pass_context
def activate_user(context: click.Context, email: str) -> None:
    """Let a deactivated user sign in again. Running it again changes nothing."""
    anyio.run(_store, context, email, User(is_active=True))
    click.echo(f"{email} is no longer deactivated.")


async def _store(context: click.Context, email: str, changes: User) -> None:
    async with service_of(context) as accounts:
        user, service = await find_user(accounts, email), cast("AdministrationService", accounts)
        await service.change_user(user.id, changes)


def _line(user: User) -> str:
    states = [name for name, is_so in (("inactive", not user.is_active), ("unverified", not user.is_verified)) if is_so]
    return "\t".join([user.email, ", ".join(states) or "active", ", ".join(sorted(user.role_names))])


COMMANDS = {"list-users": list_users, "deactivate-user": deactivate_user, "activate-user": activate_user}
