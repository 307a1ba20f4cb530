"""Two machines behind HAProxy: one dies under load, and nobody is signed out, nothing is lost, no mail goes twice."""

import re
import shutil
from pathlib import Path

from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools

FAULT = re.compile(r"^ +a worker is killed +(\d+) +(\d+) +0 +(\d+) +\d+ +(\d+) +([\d.]+) +(\d+)$", re.MULTILINE)


def test_a_machine_that_dies_takes_nothing_along(bake: Bake, tools: Tools, tmp_path: Path) -> None:
    project = Project(shutil.copytree(bake(), tmp_path / "my-service"), tools)

    shown = project.run("python", "-m", "tests.faults", "--haproxy", "--seconds", "3", "a_worker_is_killed")

    [(operations, acknowledged, unknown, mailed_again, _, complaints)] = FAULT.findall(shown)
    assert int(operations) == int(acknowledged) + int(unknown)
    assert int(unknown) < int(acknowledged) / 10, shown
    assert (mailed_again, complaints) == ("0", "0"), shown
