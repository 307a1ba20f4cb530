"""The proofs of proofs/ in their short form. `make mutants`, `make faults` and `make timing` take their time."""

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools

FAULTS = (
    *("postgres_dies", "the_line_is_cut_before_commits", "the_line_is_cut_after_commits", "a_worker_is_killed"),
    *("a_clock_is_wrong", "the_key_is_replaced", "the_mail_server_flaps"),
)


@pytest.fixture
def proving(bake: Bake, template: Path, tools: Tools, tmp_path: Path) -> Project:
    """A service with the proofs in it."""
    project = shutil.copytree(bake(auth_backend="jwt_cookie"), tmp_path / "my-service")
    shutil.copytree(template / "proofs", project / "proofs")
    return Project(project, tools)


def test_a_defence_that_is_removed_makes_its_test_fail(proving: Project) -> None:
    shown = proving.run("python", "-m", "proofs.mutants", "--only", "Notes of others are not")

    assert re.findall(r"^ +\d/2  (\w+) ", shown, re.MULTILINE) == ["caught", "caught"], shown


def test_a_mutant_that_no_test_notices_is_named(proving: Project) -> None:
    proving.replace("proofs/mutants/notes.py", "Note.id.is_not(None) if user else owned_by", "owned_by")

    ended = proving.attempt("python", "-m", "proofs.mutants", "--only", "Notes of others are not read")

    assert (ended.returncode, ended.stdout.split("\n")[0]) == (1, "  1/1  UNNOTICED  Notes of others are not read")


def test_nothing_that_was_acknowledged_is_lost(proving: Project) -> None:
    shown = proving.run("python", "-m", "proofs.faults", "--seconds", "1", *FAULTS)

    rows = re.findall(r"^ *[a-z ]+\d.* (\d+)$", shown, re.MULTILINE)
    assert rows == ["0"] * len(FAULTS), shown


def test_times_of_answers_are_compared(proving: Project) -> None:
    ended = proving.attempt("python", "-m", "proofs.timing", "--pairs", "2", "--only", "/register")

    # Two pairs are too few to tell.
    [verdict] = re.findall(r"^POST /register: unknown and verified .* ms .* (same|TELLS)$", ended.stdout, re.MULTILINE)
    assert ended.returncode == {"same": 0, "TELLS": 1}[verdict]
