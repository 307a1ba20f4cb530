"""The full service, installed as its owner would, on every other Python here; its own tests run on the newest."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.projects import SLOWEST_SECONDS
from tests.test_projects import SLOW

REPOSITORY = Path(__file__).parent.parent
UV = Path(sys.executable).with_name("uv")
SUPPORTED = ("3.11", "3.12", "3.13")
# Of November 2024. Older ones install no dependency groups, or not all of them.
OLDEST_UV = "0.5.0"
SAY_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def interpreters() -> dict[str, Path]:
    """A supported Python of each version: the one that runs the tests, then those on PATH, then those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    on_path = [shutil.which(f"python{version}") for version in SUPPORTED]
    candidates = [sys.executable, *(path for path in on_path if path), *map(str, sorted(pyenv.glob("*/bin/python")))]
    found: dict[str, Path] = {}
    for candidate in candidates:
        # A shim may be there whose Python is not.
        said = subprocess.run([candidate, "-c", SAY_VERSION], capture_output=True, text=True, check=False)
        version = said.stdout.strip()
        if said.returncode == 0 and version in SUPPORTED:
            found.setdefault(version, Path(candidate))
    return found


FOUND = interpreters()
# On the one that runs this, each combination passes its tests anyway.
OTHERS = {version: python for version, python in FOUND.items() if python != Path(sys.executable)} or FOUND


def caches_in(folder: Path) -> dict[str, str]:
    """Databases lie in this folder and go with it; packages stay where they are for the next time."""
    packages = subprocess.run([UV, "cache", "dir"], capture_output=True, text=True, check=True)
    return {"XDG_CACHE_HOME": str(folder), "UV_CACHE_DIR": packages.stdout.strip()}


def environment_in(folder: Path) -> dict[str, str]:
    """Whatever uv may need to reach the package registry, and nothing that changes how Python runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | caches_in(folder)


@pytest.mark.parametrize("version", sorted(OTHERS))
def test_installed_service_starts_and_passes_its_own_tests(version: str, bake: Bake, open_folder: Path) -> None:
    project = shutil.copytree(bake(), open_folder / "project")
    environment = environment_in(open_folder) | {"UV_PYTHON": str(OTHERS[version])}

    def run(*command: str) -> str:
        ended = subprocess.run(
            [UV, *command],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=SLOWEST_SECONDS,
        )
        assert ended.returncode == 0, f"uv {' '.join(command)}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    run("sync", "--quiet")
    assert run("run", "python", "-c", SAY_VERSION).strip() == version
    run("run", "litestar", "users", "--help")
    if version == max(OTHERS):
        assert " passed" in run("run", "pytest", "-q", "-n", "2", *SLOW)


def test_an_old_uv_reads_every_setting(bake: Bake, open_folder: Path) -> None:
    project = shutil.copytree(bake(), open_folder / "project")
    command = [str(UV), "tool", "run", f"uv=={OLDEST_UV}", "lock"]
    environment = environment_in(open_folder)
    locked = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)

    assert "warning" not in locked.stderr
    lock = tomllib.loads((project / "uv.lock").read_text("utf-8"))
    assert "exclude-newer" in lock["options"]
    assert "flask" not in {package["name"] for package in lock["package"]}


def test_each_supported_python_is_one_that_the_service_allows() -> None:
    text = (REPOSITORY / "{{cookiecutter.project_slug}}" / "pyproject.toml").read_text("utf-8")

    assert tomllib.loads(text)["project"]["requires-python"] == f">={SUPPORTED[0]}"
