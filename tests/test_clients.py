"""`make client` says what is missing; tests_system/test_clients.py runs it with what it needs."""

import shutil
from pathlib import Path

from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools


def test_without_node_a_line_says_what_to_install(bake: Bake, tools: Tools, tmp_path: Path) -> None:
    project = Project(bake(), tools)
    for tool in ("make", "sh"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")

    tried = project.attempt("make", "client", PATH=str(tmp_path))

    assert tried.returncode != 0
    assert tried.stdout.splitlines() == ["make client needs npx, a part of Node.js: install it from https://nodejs.org"]
    assert not (project.folder / "openapi.json").exists()
