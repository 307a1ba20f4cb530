"""`litestar users create-admin`, `create-role`, `assign-role`, `revoke-role`."""

from typing import cast

import anyio
import click
from advanced_alchemy.exceptions import IntegrityError
from advanced_alchemy.exceptions import NotFoundError

from app.accounts.commands import Choice
from app.accounts.commands import app_of
from app.accounts.commands import choose_password
from app.accounts.commands import email_option
from app.accounts.commands import find_user
from app.accounts.commands import service_of
from app.accounts.user_commands import COLUMNS
from app.accounts.user_commands import FILTERS
from app.accounts.user_commands import list_users
from app.factors.held import usable_factors
from app.http.outages import constraint_of
from app.models import Role
from app.models import User
from app.permissions import ADMINISTRATOR
from app.permissions import Permission
from app.rbac.acts import begin
from app.rbac.role_service import RoleService
from app.rbac.user_search import has_role
from app.settings.factors import SecondFactor
from app.settings.factors import second_factor_of

role_option = click.option("--role", prompt="Role", help="The name of the role.")


@click.command
@email_option
@click.pass_context
def create_admin(context: click.Context, email: str) -> None:
    """Create an administrator, or make an existing user one. Running it again changes nothing.

    Asks for the password of a new user. Without a terminal, the password is the first line of standard input. If it is
    empty, a password is generated and shown once. A user with a confirmed address keeps their password.
    """
    has_factor = False

    async def is_confirmed() -> bool:
        async with service_of(context) as service:
            user = await service.find(email)
            return user is not None and user.is_verified

    async def store(choice: Choice | None) -> None:
        nonlocal has_factor
        async with service_of(context) as service:
            user = await service.vouch_for(email, choice.password) if choice else await find_user(service, email)
            await _assign(cast("RoleService", service), user, ADMINISTRATOR)
            if not user.is_active:
                raise click.ClickException(f"{email} is deactivated. Nothing was changed.")
            has_factor = bool(await usable_factors(service.session, user.id))

    # The database ends a transaction that waits for someone who types.
    choice = None if anyio.run(is_confirmed) else choose_password()
    anyio.run(store, choice)
    click.echo(f"{email} is an administrator.")
    if not has_factor and second_factor_of(app_of(context).state.settings) is not SecondFactor.OPTIONAL:
        click.echo("Administration needs a second factor. Sign in and add a passkey or an authenticator app first.")
    if choice:
        choice.show_if_generated()


@click.command
@click.option("--name", "--role", "role", prompt="Role name", help="The name of the role.")
@click.option("--description", default="", help="The purpose of the role.")
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    type=click.Choice([permission.value for permission in Permission]),
    help="A permission of the role; repeat the option for several.",
)
@click.pass_context
def create_role(context: click.Context, role: str, description: str, permissions: tuple[str, ...]) -> None:
    """Create a role with these permissions."""

    async def store() -> None:
        async with service_of(context) as service:
            try:
                await service.add_role(Role(name=role, description=description, permissions=[*permissions]))
            except IntegrityError as error:
                if "uq_role_name" not in constraint_of(error):
                    raise
                raise click.ClickException(f"The role {role} already exists. Nothing was changed.") from error

    anyio.run(store)
    click.echo(f"Created the role {role}: {', '.join(permissions) or 'no permissions'}.")


@click.command
@email_option
@role_option
@click.pass_context
def assign_role(context: click.Context, email: str, role: str) -> None:
    """Assign a role to a user. Running it again changes nothing."""

    async def store() -> None:
        async with service_of(context) as accounts:
            user = await find_user(accounts, email, "Create one: litestar users create-user")
            await _assign(cast("RoleService", accounts), user, role)

    anyio.run(store)
    click.echo(f"{email} has the role {role}.")


@click.command
@email_option
@role_option
@click.pass_context
def revoke_role(context: click.Context, email: str, role: str) -> None:
    """Revoke a role of a user. Running it again changes nothing."""

    async def store() -> None:
        async with service_of(context) as accounts:
            user, service = await find_user(accounts, email), cast("RoleService", accounts)
            revoked = await _lock(service, user, role, "Nothing was changed.")
            if revoked in user.roles:
                await service.revoke_role(user.id, revoked.id)

    anyio.run(store)
    click.echo(f"{email} does not have the role {role}.")


def extend_list_users() -> None:
    """Add the option `--role` and the roles of each user to `list-users`."""
    list_users.params.append(click.Option(["--role"], help="The name of a role."))
    FILTERS["role"] = has_role
    COLUMNS.append(lambda user: ", ".join(sorted(user.role_names)))


async def _assign(service: RoleService, user: User, name: str) -> None:
    role = await _lock(service, user, name, "Create it: litestar users create-role")
    if role not in user.roles:
        await service.assign_role(user.id, role.id)


async def _lock(service: RoleService, user: User, name: str, otherwise: str) -> Role:
    """The role, after it and the user were locked."""
    try:
        role = await service.get_role_by_name(name)
    except NotFoundError as error:
        raise click.ClickException(f"The role {name} does not exist. {otherwise}") from error
    await begin(service.session, user_ids=[user.id], role_ids=[role.id])
    return role


COMMANDS = {
    "create-admin": create_admin,
    "create-role": create_role,
    "assign-role": assign_role,
    "revoke-role": revoke_role,
}
