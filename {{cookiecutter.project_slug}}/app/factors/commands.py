"""`litestar users remove-factors`."""

import anyio
import click

from app.accounts.commands import email_option
from app.accounts.commands import find_user
from app.accounts.commands import service_of
from app.accounts.row_locks import lock_user
from app.factors.enrolment import remove_all


@click.command
@email_option
@click.pass_context
def remove_factors(context: click.Context, email: str) -> None:
    """Remove every second factor of a user who has lost them all. They are signed out everywhere and told by mail."""

    async def store() -> bool:
        async with service_of(context) as service:
            user = await lock_user(service.session, (await find_user(service, email)).id)
            return await remove_all(service.session, user)

    if not anyio.run(store):
        raise click.ClickException(f"{email} has no second factor. Nothing was changed.")
    click.echo(f"{email} has no second factor any more and is signed out everywhere.")
