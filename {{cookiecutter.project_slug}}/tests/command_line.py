"""The command line, as an operator types it."""

from types import SimpleNamespace

from anyio import to_thread
from click.testing import CliRunner
from click.testing import Result

from app.settings import Settings
from app.users import COMMANDS
from tests.other_services import service_with


class Operator:
    """A person with a shell on the server; passwords are piped in, a line each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def types(self, *words: str, stdin: str = "") -> Result:
        """Run `litestar users ...` in a process of its own, nearly: in a thread, with an application of its own."""
        environment = SimpleNamespace(app=service_with(self._settings))
        return await to_thread.run_sync(lambda: CliRunner().invoke(COMMANDS, words, input=stdin, obj=environment))
