"""The template as a stranger gets it, and two ways to generate from it: in this process, and from a shell."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from pytest_cookies.plugin import Cookies

from tests.combinations import COMBINATIONS
from tests.combinations import Combination
from tests.projects import Project
from tests.projects import Tools

REPOSITORY = Path(__file__).parent.parent


class Bake(Protocol):
    """Generates a new project from these answers and returns its folder; whatever goes wrong is raised."""

    def __call__(self, **answers: str | bool) -> Path:
        """Leaves questions without an answer at their defaults, the author empty."""


@dataclass(frozen=True)
class Shell:
    """A stranger's shell, with a home, a temporary folder and a folder to work in of its own."""

    home: Path
    temporary: Path
    folder: Path

    def leftovers(self) -> list[Path]:
        """Whatever a command has left anywhere."""
        return [left for place in (self.home, self.temporary, self.folder) for left in place.iterdir()]

    @property
    def environment(self) -> dict[str, str]:
        """Holds nothing of the person who runs the tests, so their configuration, replays and git name stay out."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PWD": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def cookiecutter(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs the real command; bytes that are no UTF-8 come back as they went in."""
        return subprocess.run(
            [COOKIECUTTER, *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
            timeout=60,
        )


COOKIECUTTER = Path(sys.executable).with_name("cookiecutter")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to accept what is generated now as what is expected from now on."""
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/ from what is generated")


@pytest.fixture(scope="session", autouse=True)
def _no_virtualenv_leaks_into_subprocesses() -> Iterator[None]:
    """A tool that is run inside a project would otherwise install into, or read from, the tests' own environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VIRTUAL_ENV", raising=False)
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of what git tracks or would track; the caches of tools would leak from here into projects."""
    export = tmp_path_factory.mktemp("export") / "template"
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    for name in filter(None, os.fsdecode(listing.stdout).split("\0")):
        source, target = REPOSITORY / name, export / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return export


@pytest.fixture(scope="session")
def bake(template: Path, cookies_session: Cookies) -> Bake:
    """pytest-cookies with failures raised; it keeps cookiecutter's files in a folder of its own."""

    def bake_project(**answers: str | bool) -> Path:
        result = cookies_session.bake(extra_context={"author": "", **answers}, template=str(template))
        if result.exception is not None:
            raise result.exception
        # It names the folder of this run, and every answer.
        Path(result.project_path, ".cruft.json").unlink()
        return Path(result.project_path)

    return bake_project


@pytest.fixture(scope="session", params=COMBINATIONS, ids=str)
def combination(request: pytest.FixtureRequest) -> Combination:
    """Each combination of answers in turn; with `--dist worksteal` few are worked on by more than one process."""
    chosen: Combination = request.param
    return chosen


@pytest.fixture(scope="session")
def rendering(combination: Combination, bake: Bake) -> Path:
    """What a combination generates; tests only read it, and run things in `project`."""
    return bake(**combination.answers)


@pytest.fixture(scope="session")
def tools() -> Iterator[Tools]:
    """Where commands find their tools and leave their caches; short, since the path of a socket has 107 characters."""
    with tempfile.TemporaryDirectory() as caches:
        made = Tools(Path(caches))
        yield made
        made.stop_databases()


@pytest.fixture(scope="session")
def project(rendering: Path, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the rendering in which things are run."""
    return Project(shutil.copytree(rendering, tmp_path_factory.mktemp("project") / rendering.name), tools)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A fresh shell for each test."""
    made = Shell(tmp_path / "home", tmp_path / "temporary", tmp_path / "work")
    for folder in (made.home, made.temporary, made.folder):
        folder.mkdir()
    return made


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may enter, unlike pytest's own: started by root, PostgreSQL runs as another user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
