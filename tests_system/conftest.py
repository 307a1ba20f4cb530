"""The full service, running, and a browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from tests.conftest import Bake
from tests.conftest import _no_virtualenv_leaks_into_subprocesses
from tests.conftest import bake
from tests.conftest import template
from tests.conftest import tools
from tests.projects import Project
from tests.projects import Tools
from tests.server import Server
from tests.server import serving
from tests_system.browser import Browser
from tests_system.browser import browsing

__all__ = ["_no_virtualenv_leaks_into_subprocesses", "bake", "template", "tools"]

KINDS = ("session", "jwt", "jwt_cookie")


class Generate(Protocol):
    """Generates a project from these answers, in which commands are run; the others have their defaults."""

    def __call__(self, **answers: str | bool) -> Project:
        """Copies what was generated, so that commands change it alone."""


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of credentials in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def generate(bake: Bake, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Generate:
    """A project of its own for each call."""

    def generated(**answers: str | bool) -> Project:
        rendering = bake(**answers)
        return Project(shutil.copytree(rendering, tmp_path_factory.mktemp("project") / rendering.name), tools)

    return generated


@pytest.fixture(scope="session")
def server_of_kind(kind: str, generate: Generate) -> Iterator[Server]:
    """The service with every feature on and this kind of credentials, started once."""
    with started(kind, generate) as running:
        yield running


@pytest.fixture(scope="session")
def server(generate: Generate) -> Iterator[Server]:
    """Likewise, where the kind makes no difference."""
    with started("session", generate) as running:
        yield running


@contextmanager
def started(kind: str, generate: Generate) -> Iterator[Server]:
    """The service, generated, migrated and running."""
    project = generate(auth_backend=kind)
    project.run("alembic", "upgrade", "head")
    with serving(project) as running:
        yield running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser with a profile of its own."""
    with browsing(tmp_path) as started:
        yield started
