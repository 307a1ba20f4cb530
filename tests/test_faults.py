"""Faults under load, in their short form: what was acknowledged is there afterwards. `make faults` takes its time."""

import re
import shutil
from pathlib import Path

from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools

FAULTS = (
    *("postgres_dies", "the_line_is_cut_before_commits", "the_line_is_cut_after_commits", "a_worker_is_killed"),
    *("a_clock_is_wrong", "the_key_is_replaced", "the_mail_server_flaps"),
)


def test_nothing_that_was_acknowledged_is_lost(bake: Bake, tools: Tools, tmp_path: Path) -> None:
    project = Project(shutil.copytree(bake(auth_backend="jwt_cookie"), tmp_path / "my-service"), tools)

    shown = project.run("python", "-m", "tests.faults", "--seconds", "1", *FAULTS)

    rows = re.findall(r"^ *[a-z ]+\d.* (\d+)$", shown, re.MULTILINE)
    assert rows == ["0"] * len(FAULTS), shown
