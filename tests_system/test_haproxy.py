"""Two machines behind HAProxy: one dies under load, and no sign-in, change or mail is lost or doubled."""

import re
import shutil
from pathlib import Path

from tests_system.conftest import Generate

# Of the machine that dies.
PROCESSES = 2
FAULT = re.compile(r"^ +a worker is killed +(\d+) +(\d+) +0 +(\d+) +\d+ +(\d+) +([\d.]+) +(\d+)$", re.MULTILINE)


def test_a_machine_that_dies_takes_nothing_along(generate: Generate, template: Path) -> None:
    project = generate()
    shutil.copytree(template / "proofs", project.folder / "proofs")

    shown = project.run("python", "-m", "proofs.faults", "--haproxy", "--seconds", "3", "a_worker_is_killed")

    [(operations, acknowledged, unknown, mailed_again, _, complaints)] = FAULT.findall(shown)
    assert int(operations) == int(acknowledged) + int(unknown)
    assert int(unknown) < int(acknowledged) / 10, shown
    assert int(complaints) == 0, shown
    # Each process holds one mail at most, so the two that were killed can have had as many accepted and not yet noted.
    assert int(mailed_again) <= PROCESSES, shown
