"""The checklist and the tests name the same rows."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import PROJECT_ROOT
from tests.checklist import ROWS
from tests.checklist import marked_rows


def test_every_row_has_a_test() -> None:
    assert set(ROWS) <= marked_rows(Path(__file__).parent)


def test_every_test_names_rows_that_there_are(request: pytest.FixtureRequest) -> None:
    named = {row for item in request.session.items for mark in item.iter_markers("checklist") for row in mark.args}
    assert named <= set(ROWS)


def test_the_command_lists_rows_and_the_tests_that_hold_them() -> None:
    held = "tests/test_bounds.py"
    done = subprocess.run(  # noqa: S603  # of the project
        [sys.executable, "-m", "tests.checklist", "--collect-only", held],
        cwd=PROJECT_ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr == ""
    assert held in done.stdout
    assert f"A01  {ROWS['A01']}" in done.stdout
    # Nothing was run.
    assert "     open    no test holds this" in done.stdout
    assert done.returncode == 1
