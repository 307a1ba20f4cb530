"""A service that was generated with one kind of credentials becomes one with another, as its README says."""

import re
import shutil
import subprocess
from itertools import permutations
from pathlib import Path

import pytest

from tests.conftest import Bake

KINDS = ("session", "jwt", "jwt_cookie")
# What somebody reads, and what is secret.
NOT_CODE = {"README.md", ".env"}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by its name."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in files.items() if name not in NOT_CODE}


@pytest.mark.parametrize(("before", "after"), [*permutations(KINDS, 2)])
def test_the_commands_of_the_readme_give_what_is_generated_for_that_kind(
    before: str, after: str, bake: Bake, tmp_path: Path
) -> None:
    project = shutil.copytree(bake(auth_backend=before), tmp_path / "here" / "my-service")
    fresh = shutil.copytree(bake(auth_backend=after), tmp_path / "here" / "other" / "my-service")
    [commands] = re.findall(
        r"```console\n(rm -r app/auth.*?)```", (project / "README.md").read_text("utf-8"), re.DOTALL
    )

    assert contents(project) != contents(fresh)
    subprocess.run(["sh", "-ec", commands], cwd=project, check=True)

    assert contents(project) == contents(fresh)
