"""The command line: `litestar users ...`."""

from collections.abc import Mapping
from importlib import import_module

import click


class Users(click.Group):
    """Loads its commands when they are asked for.

    Litestar loads what its entry points name while the libraries that our commands need are half imported.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # as click declares it
        """The names of our commands."""
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # likewise
        """One of our commands."""
        return _commands().get(cmd_name)


users = Users("users", help="Manage users.")


def _commands() -> Mapping[str, click.Command]:
    commands: list[click.Command] = import_module("app.users").COMMANDS
    return {command.name: command for command in commands if command.name}
