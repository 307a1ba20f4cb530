"""`litestar users create-user` and `invite-user`, and what every command about users needs."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from typing import cast

import anyio
import click
from advanced_alchemy.exceptions import NotFoundError
from litestar import Litestar
from litestar_users.utils import get_user_service
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import ProgrammingError

from app import email_address
from app.accounts.passwords import policy
from app.accounts.registration import RegistrationService
from app.database.transactions import command_transaction
from app.http.errors import Conflict
from app.http.errors import InvalidField
from app.models import User

DELETED = "What this command was about to change has just been deleted."


class AddressType(click.ParamType[str]):
    """An e-mail address, in its normalised spelling."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The normalised spelling; an invalid address is an error of one line."""
        try:
            return email_address.normalise_email(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


email_option = click.option("--email", prompt="E-mail address", type=AddressType(), help="The address to sign in with.")


@click.command
@email_option
@click.pass_context
def create_user(context: click.Context, email: str) -> None:
    """Create a user who can sign in at once.

    The command asks for a password. Without a terminal, it reads the first line of standard input. If that is empty, it
    generates a password and shows it once.
    """
    choice = choose_password()

    async def store() -> None:
        async with service_of(context) as service:
            await service.vouch_for(email, choice.password)

    anyio.run(store)
    click.echo(f"Created {email}: verified, active.")
    choice.show_if_generated()


@click.command
@email_option
@click.pass_context
def invite_user(context: click.Context, email: str) -> None:
    """Create a user who sets a password by mail, also if registration is closed. The running service sends the mail."""

    async def store() -> None:
        async with service_of(context) as service:
            await service.invite(email)

    anyio.run(store)
    click.echo(f"Invited {email}.")


class Choice(NamedTuple):
    """A password, and whether it was generated and must be shown."""

    password: str
    is_generated: bool

    def show_if_generated(self) -> None:
        """Print a generated password. It is not stored anywhere."""
        if self.is_generated:
            click.echo(f"Generated password, shown only once: {self.password}")


def choose_password() -> Choice:
    """The password that is typed or piped in, or a generated one if that is empty."""
    if sys.stdin.isatty():
        password = click.prompt(
            "Password (leave empty to generate one)",
            default="",
            show_default=False,
            hide_input=True,
            confirmation_prompt=True,
        )
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        return Choice(policy.generate(), is_generated=True)
    return Choice(password, is_generated=False)


def app_of(context: click.Context) -> Litestar:
    """The application that the command line was started with."""
    # Litestar stores its environment there, or a function that returns it.
    environment = context.find_root().obj
    app: Litestar = (environment() if callable(environment) else environment).app
    return app


@asynccontextmanager
async def service_of(context: click.Context) -> AsyncIterator[RegistrationService]:
    """The user service, in a transaction that is stored unless the block raises.

    Raises:
        ClickException: if the block breaks a rule of the service, or the database does not answer or has no tables.
    """
    app = app_of(context)
    try:
        async with command_transaction(app) as session:
            yield cast("RegistrationService", get_user_service(app, session))
    except InvalidField as error:
        raise click.ClickException(" ".join(part.message for part in error.errors)) from error
    except Conflict as error:
        raise click.ClickException(f"{error} Nothing was changed.") from error
    except NotFoundError as error:
        raise click.ClickException(f"{DELETED} Nothing was changed.") from error
    except ProgrammingError as error:
        raise click.ClickException("The tables are missing or old. First run: alembic upgrade head") from error
    except (OperationalError, OSError) as error:
        raise click.ClickException("The database does not answer. Is DATABASE_URL right?") from error


async def find_user(service: RegistrationService, email: str, otherwise: str = "Nothing was changed.") -> User:
    """The user with this e-mail address.

    Raises:
        ClickException: if there is none; it ends with `otherwise`.
    """
    user = await service.find(email)
    if user is None:
        raise click.ClickException(f"No user has the address {email}. {otherwise}")
    return user
