"""The full service, running, and somebody in front of a browser."""

import shutil
from collections.abc import Iterator
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

EVERYTHING = Combination("session", include_rbac=True, include_oauth=True)


@pytest.fixture(scope="session")
def server(bake: Bake, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service with every feature on, generated, migrated and started once."""
    rendering = bake(**EVERYTHING.answers)
    project = Project(shutil.copytree(rendering, tmp_path_factory.mktemp("project") / rendering.name), tools)
    project.run("alembic", "upgrade", "head")
    with serving(project) as running:
        yield running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser with a profile of its own."""
    with browsing(tmp_path) as started:
        yield started
