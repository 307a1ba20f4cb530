"""Each rendering holds what it should, no more and no less."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.combinations import Combination
from tests.conftest import REPOSITORY
from tests.conftest import Bake
from tests.projects import Project
from tests.traces import traces

GOLDEN = REPOSITORY / "tests" / "golden"
# What an editor fills in is no expression of ours.
UNRENDERED = re.compile(r"\{\{(?!\w+\.response\.body\.)|\{%|\{#|(?<!uvx )\bcookiecutter\b")
PRINT_ROUTES = """
from app.asgi import create_app
print(*sorted(f"{m} {r.path}" for r in create_app().routes for m in r.methods - {"HEAD", "OPTIONS"}), sep="\\n")
"""
# An address that nobody answers at: routes can be listed without a database.
NO_DATABASE = "postgresql://nobody@localhost:1/none"


def files(rendering: Path) -> Iterator[tuple[str, str]]:
    """Every file as name and text."""
    for path in sorted(rendering.rglob("*")):
        if path.is_file():
            yield path.relative_to(rendering).as_posix(), path.read_text(encoding="utf-8")


def compare(name: str, lines: list[str], *, update: bool) -> None:
    """Compares with tests/golden/, or writes there what is expected from now on."""
    golden = GOLDEN / name
    if update:
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8").splitlines(), "If this is intended: pytest --update-golden"


def test_it_has_the_files_of_the_golden_list_and_no_others(
    rendering: Path, combination: Combination, pytestconfig: pytest.Config
) -> None:
    names = [name for name, _ in files(rendering)]

    compare(f"{combination}.files", names, update=pytestconfig.getoption("update_golden"))


def test_it_has_the_routes_of_the_golden_list_and_no_others(
    project: Project, combination: Combination, pytestconfig: pytest.Config
) -> None:
    routes = project.run("python", "-c", PRINT_ROUTES, DATABASE_URL=NO_DATABASE).splitlines()

    compare(f"{combination}.routes", routes, update=pytestconfig.getoption("update_golden"))


def test_with_jwt_there_are_no_pages_whatever_the_answer(bake: Bake) -> None:
    yes, no = (dict(files(bake(auth_backend="jwt", include_pages=answer))) for answer in (True, False))

    # Each project has secrets of its own.
    assert yes | {".env": ""} == no | {".env": ""}


def test_nothing_is_left_unrendered(rendering: Path, template: Path) -> None:
    copied = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))["_copy_without_render"]

    left = [
        f"{name}: {line}"
        for name, text in files(rendering)
        if not any(fnmatch(name, pattern) for pattern in copied)
        for line in text.splitlines()
        if UNRENDERED.search(line)
    ]

    assert not left, "\n".join(left)


def test_no_trace_is_left_of_what_was_declined(rendering: Path, combination: Combination) -> None:
    left = [trace for name, text in files(rendering) for trace in traces(name, text, combination)]

    assert not left, "\n".join(sorted(set(left)))


@pytest.mark.parametrize("line", ["class RoleService:", "user_role", "--create-admin", "may_administer = is_admin"])
def test_traces_are_found_whichever_way_they_are_written(line: str) -> None:
    combination = Combination("session", include_rbac=False, include_oauth=True, include_pages=True)

    assert list(traces("app/x.py", line, combination)) == [f"app/x.py: rbac: {line}"]


def test_files_end_with_one_line_break_and_lines_with_their_last_letter(rendering: Path) -> None:
    untidy = [
        name
        for name, text in files(rendering)
        if text and (not text.endswith("\n") or text.endswith("\n\n") or re.search(r"[ \t]$", text, re.MULTILINE))
    ]

    assert untidy == []
