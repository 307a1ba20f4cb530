"""What forges and git read: sound by their schemas, and what it runs is there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # It carries no types; cookiecutter needs it.

from tests.conftest import REPOSITORY
from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools

WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture(scope="module")
def baked(bake: Bake) -> Path:
    """The full service."""
    return bake()


def loaded(path: Path) -> dict[str, Any]:
    """What a YAML file says."""
    said: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return said


def require_sound(schema: str, path: Path) -> None:
    """The schema is in the package, so nothing is fetched."""
    validate = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([validate, "--builtin-schema", f"vendor.{schema}", path], check=True)


def workflows(baked: Path) -> list[Path]:
    """Those of the project, and those of the template."""
    return [path for repository in (baked, REPOSITORY) for path in (repository / ".github/workflows").iterdir()]


def test_workflows_are_sound(baked: Path) -> None:
    for workflow in workflows(baked):
        require_sound("github-workflows", workflow)
        assert loaded(workflow)["permissions"] == {"contents": "read"}


def test_actions_of_others_are_named_by_what_they_are(baked: Path) -> None:
    for workflow in workflows(baked):
        used = re.findall(r"uses: \S+@(\S+)", workflow.read_text("utf-8"))
        assert used
        assert all(re.fullmatch("[0-9a-f]{40}", version) for version in used)


def test_the_workflow_runs_what_there_is(baked: Path) -> None:
    [job] = loaded(baked / WORKFLOW)["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    targets = re.findall(r"^([a-z-]+):", (baked / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert {"make check", "make test"} <= {*commands}
    assert {command.removeprefix("make ") for command in commands if command.startswith("make")} <= {*targets}


def test_the_workflow_has_the_versions_of_the_image(baked: Path) -> None:
    workflow, image = ((baked / name).read_text("utf-8") for name in (WORKFLOW, "Dockerfile"))

    assert re.findall(r"uv==(\S+)", workflow) == re.findall(r"uv==(\S+)", image)
    assert re.findall(r'UV_PYTHON: "(.*)"', workflow) == re.findall(r"ARG PYTHON_VERSION=(.*)", image)


def test_the_dependency_bot_understands_its_configuration(baked: Path) -> None:
    require_sound("dependabot", baked / ".github" / "dependabot.yml")


def test_hooks_run_the_tools_of_the_project_and_find_nothing(baked: Path, tools: Tools) -> None:
    [local] = loaded(baked / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    project = Project(baked, tools)
    for hook in local["hooks"]:
        command = shlex.split(hook["entry"])
        assert command[:2] == ["uv", "run"]
        assert hook["language"] == "system"
        project.run(*command, *([] if hook.get("pass_filenames") is False else ["app/asgi.py"]))


def test_editors_are_told_the_same_here_and_there(baked: Path) -> None:
    assert (baked / ".editorconfig").read_bytes() == (REPOSITORY / ".editorconfig").read_bytes()
