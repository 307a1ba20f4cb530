"""A service that was generated with one kind of credentials becomes one with another, as its guide says."""

import shutil
from itertools import permutations
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.guides import Commands
from tests.guides import steps
from tests.projects import Project
from tests.projects import Tools

KINDS = ("session", "jwt", "jwt_cookie")
# What somebody reads, and what is secret.
NOT_CODE = {
    "README.md",
    "docs/access-tokens.md",
    "docs/architecture.md",
    "docs/credentials.md",
    "docs/providers.md",
    "docs/requests.http",
    "docs/trail.md",
    ".env",
}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by its name."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    is_code = {name: name not in NOT_CODE and not name.startswith("docs/decisions/") for name in files}
    return {name: content for name, content in files.items() if is_code[name]}


@pytest.mark.parametrize(("before", "after"), [*permutations(KINDS, 2)])
def test_the_commands_of_the_guide_give_what_is_generated_for_that_kind(
    before: str, after: str, bake: Bake, tools: Tools, tmp_path: Path
) -> None:
    has_pages = "jwt" not in {before, after}
    old, new = (bake(auth_backend=kind, include_pages=has_pages) for kind in (before, after))
    project = shutil.copytree(old, tmp_path / "here" / "my-service")
    fresh = shutil.copytree(new, tmp_path / "here" / "other" / "my-service")
    [commands] = steps((project / "docs/credentials.md").read_text("utf-8"))
    assert isinstance(commands, Commands)

    assert contents(project) != contents(fresh)
    commands(Project(project, tools))

    assert contents(project) == contents(fresh)
