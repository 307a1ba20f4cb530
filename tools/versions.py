"""Moves the day whose versions every service gets, shows what that changes, and tests every combination with it.

    .venv/bin/python tools/versions.py [day]

The default is the day a week ago: by then, errors in a release and malicious code are often found. Review the changes,
then commit or revert them.
"""

import re
import subprocess
import sys
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from importlib.metadata import distributions
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PYPROJECT = REPOSITORY / "{{cookiecutter.project_slug}}" / "pyproject.toml"
INSTALL = REPOSITORY / "tools" / "install.py"
DAY = re.compile(r'^exclude-newer = "(\d{4}-\d\d-\d\d)T00:00:00Z"$', re.MULTILINE)


def main(words: list[str]) -> int | str:
    """Returns the exit status of the tests, or the reason why nothing was done."""
    try:
        day = date.fromisoformat(words[0]) if words else datetime.now(UTC).date() - timedelta(days=7)
    except ValueError:
        return f"{words[0]} is no day. Say it as in: make versions DAY=2026-12-01"
    print(move(PYPROJECT, day))
    before = installed()
    if subprocess.run([sys.executable, INSTALL, "dev", sys.executable, "--upgrade"], check=False).returncode:  # noqa: S603 - our own script
        return "Those versions do not fit together; uv has said why. The bounds are in pyproject.toml."
    print(*changes(before, installed()), sep="\n")
    return subprocess.run(["make", "test"], cwd=REPOSITORY, check=False).returncode  # noqa: S607 - the one in PATH


def move(pyproject: Path, day: date) -> str:
    """Write the day, and print it."""
    text = pyproject.read_text("utf-8")
    [former] = DAY.findall(text)
    pyproject.write_text(DAY.sub(f'exclude-newer = "{day}T00:00:00Z"', text), "utf-8")
    return f"exclude-newer: {former} -> {day}"


def installed() -> dict[str, str]:
    """The version of each package in this environment."""
    return {found.metadata["Name"].lower(): found.version for found in distributions()}


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """A line for each difference."""
    names = sorted({*before.items()} ^ {*after.items()})
    return [f"{name}: {before.get(name, 'none')} -> {after.get(name, 'none')}" for name in dict(names)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
