"""`litestar users create-user` and `invite-user`, and what every command about users needs."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from typing import cast

import anyio
import click
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


class AddressType(click.ParamType[str]):
    """An e-mail address; anything else is refused in one line."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The one spelling of the address."""
        try:
            return email_address.normalise_email(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


email_option = click.option("--email", prompt="E-mail address", type=AddressType(), help="The address to sign in with.")


@click.command
@email_option
@click.pass_context
def create_user(context: click.Context, email: str) -> None:
    """Make a user who can sign in at once.

    The password is asked for; where nobody can be asked, it is the first line of standard input. If it is empty, one is
    generated and shown once.
    """
    choice = choose_password()

    async def store() -> None:
        async with service_of(context) as service:
            await add_verified_user(service, email, choice.password)

    anyio.run(store)
    click.echo(f"Made {email}, verified and active.")
    choice.show_if_generated()


@click.command
@email_option
@click.pass_context
def invite_user(context: click.Context, email: str) -> None:
    """Make a user who chooses a password by mail, whoever may register; the service sends the mail when it runs."""

    async def store() -> None:
        async with service_of(context) as service:
            try:
                await service.invite(email)
            except Conflict as error:
                raise click.ClickException(f"{error} Nothing was changed.") from error

    anyio.run(store)
    click.echo(f"Invited {email}.")


class Choice(NamedTuple):
    """A password, and whether anybody has seen it."""

    password: str
    is_generated: bool

    def show_if_generated(self) -> None:
        """Show it now: it can never be shown again."""
        if self.is_generated:
            click.echo(f"Password, shown this once: {self.password}")


def choose_password() -> Choice:
    """The password that somebody types twice, pipes in, or leaves to us."""
    if sys.stdin.isatty():
        password = click.prompt(
            "Password (empty: make one)", default="", show_default=False, hide_input=True, confirmation_prompt=True
        )
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        return Choice(policy.generate(), is_generated=True)
    return Choice(password, is_generated=False)


async def add_verified_user(service: RegistrationService, email: str, password: str) -> User:
    """Store a user who can sign in at once.

    Raises:
        ClickException: if the address has an account that is proven or deactivated, or the password is easily guessed.
    """
    try:
        return await service.vouch_for(email, password)
    except InvalidField as error:
        raise click.ClickException(" ".join(part.message for part in error.errors)) from error
    except Conflict as error:
        raise click.ClickException(f"{error} Nothing was changed.") from error


def app_of(context: click.Context) -> Litestar:
    """The application that the command line was started with."""
    # Litestar keeps its environment there, or what makes it.
    environment = context.find_root().obj
    app: Litestar = (environment() if callable(environment) else environment).app
    return app


@asynccontextmanager
async def service_of(context: click.Context) -> AsyncIterator[RegistrationService]:
    """The service, in a transaction that is stored when the block ends without an error.

    Raises:
        ClickException: if the database is away or has no tables.
    """
    app = app_of(context)
    try:
        async with command_transaction(app) as session:
            yield cast("RegistrationService", get_user_service(app, session))
    except ProgrammingError as error:
        raise click.ClickException("The tables are missing or old. Run first: alembic upgrade head") from error
    except (OperationalError, OSError) as error:
        raise click.ClickException("The database does not answer. Is DATABASE_URL right?") from error
