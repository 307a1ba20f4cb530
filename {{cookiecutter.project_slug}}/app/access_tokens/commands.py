"""`litestar users create-token`, for service accounts."""

from typing import Any

import anyio
import click
from msgspec import ValidationError
from msgspec import convert

from app.access_tokens import tokens
from app.access_tokens.schemas import NewToken
from app.accounts.commands import email_option
from app.accounts.commands import find_user
from app.accounts.commands import service_of
from app.http.program_tokens import Access


@click.command
@email_option
@click.option("--name", prompt="Name", help="What uses the token.")
@click.option("--access", type=click.Choice([access.value for access in Access]), default="read", show_default=True)
@click.option("--expires-in-days", type=click.IntRange(1, 365), default=90, show_default=True)
@click.pass_context
def create_token(context: click.Context, /, email: str, **limits: Any) -> None:
    """Create an access token of a user, for a program. It is shown once."""
    try:
        wanted = convert(limits, NewToken)
    except ValidationError as error:
        raise click.ClickException(f"{error}. Nothing was changed.") from error

    async def store() -> str:
        async with service_of(context) as service:
            user = await find_user(service, email, "Create one: litestar users create-user")
            return (await tokens.make(service.session, user.id, wanted, is_strong=True)).token

    token = anyio.run(store)
    click.echo(f"Created a token of {email}, shown only once:", err=True)
    click.echo(token)
