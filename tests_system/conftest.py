"""The full service, running, and somebody in front of a browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.combinations import Combination
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


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of credentials in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def server_of_kind(kind: str, bake: Bake, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service with every feature on and this kind of credentials, started once."""
    with started(kind, bake, tools, tmp_path_factory) as running:
        yield running


@pytest.fixture(scope="session")
def server(bake: Bake, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Likewise, where the kind makes no difference."""
    with started("session", bake, tools, tmp_path_factory) as running:
        yield running


@contextmanager
def started(kind: str, bake: Bake, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service, generated, migrated and running."""
    rendering = bake(**Combination(kind, include_rbac=True, include_oauth=True).answers)
    project = Project(shutil.copytree(rendering, tmp_path_factory.mktemp("project") / rendering.name), tools)
    project.run("alembic", "upgrade", "head")
    with serving(project) as running:
        yield running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser with a profile of its own."""
    with browsing(tmp_path) as started:
        yield started
