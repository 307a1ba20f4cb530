"""The template's folder is the everything-on project where it lies: Python, linted, typed and tested."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.projects import Project
from tests.projects import Tools

TEMPLATE = REPOSITORY / "{{cookiecutter.project_slug}}"
# Markers stand where the formatter wants imports sorted and lines blank; renderings are held to these rules instead.
RULES_THAT_MARKERS_UPSET = "I001,E301,E302,E303,E304,E305,E306"
CACHES = ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache")


@pytest.fixture(scope="module")
def in_place(tools: Tools) -> Iterator[Project]:
    """The folder itself; what is run there keeps its caches elsewhere, or they would leak into projects."""
    before = caches()
    yield Project(TEMPLATE, tools)
    assert caches() == before


def caches() -> set[Path]:
    """What tools have left in the folder."""
    return {path for name in CACHES for path in TEMPLATE.rglob(name)}


def test_every_file_is_python() -> None:
    for path in sorted(TEMPLATE.rglob("*.py")):
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_ruff_finds_nothing_but_what_markers_upset(in_place: Project) -> None:
    in_place.run("ruff", "check", "--extend-ignore", RULES_THAT_MARKERS_UPSET)


def test_types_are_strict_and_hold(in_place: Project) -> None:
    in_place.run("mypy", "app", "migrations", "tests", "scripts", "../proofs")


@pytest.mark.parametrize("kind", ["session", "jwt", "jwt_cookie"])
def test_tests_of_what_kinds_differ_in_pass_with_each(kind: str, in_place: Project) -> None:
    path = f"{REPOSITORY / 'tools'}:."

    shown = in_place.run(
        *(sys.executable, "-m", "pytest", "-p", "in_place", "-p", "no:cacheprovider", "--kind", kind),
        # Renderings run all of them.
        *("tests/auth", "tests/test_authorization.py", "tests/test_openapi.py"),
        PYTHONPATH=path,
        # Tests start processes of their own, which leave bytecode too.
        PYTHONPYCACHEPREFIX=str(in_place.tools.caches / "pycache"),
    )

    assert " passed" in shown
