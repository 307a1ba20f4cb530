"""Each rendering meets its own standards, by its own configuration."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.projects import Project


def test_its_own_checks_pass(project: Project) -> None:
    assert tomllib.loads(project.read("pyproject.toml"))["tool"]["mypy"]["strict"] is True

    project.run("make", "check")


def test_every_ignored_rule_has_a_reason(rendering: Path) -> None:
    sources = [*rendering.rglob("*.py"), rendering / "pyproject.toml"]

    bare = [f"{path.name}: {line}" for path in sources for line in unexplained(path.read_text(encoding="utf-8"))]

    assert not bare, "\n".join(bare)


def unexplained(text: str) -> Iterator[str]:
    """Lines that ignore a rule with no reason behind it, as in `# noqa: X  # because`, and none in the line above."""
    above = ""
    for line in map(str.strip, text.splitlines()):
        _, ignore, rest = re.split(r"(# noqa|# type: ignore|$)", line, maxsplit=1)
        if ignore and "  # " not in rest and not above.startswith("#"):
            yield line
        elif not ignore:
            above = line
