"""Each way in which people start cookiecutter ends in the same complete project."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import COOKIECUTTER
from tests.conftest import Bake
from tests.conftest import Shell

OWNER_ONLY = 0o600
NEXT_STEPS = ["  uv run alembic upgrade head", "  uv run litestar run"]
# No locale but C, and Python told not to help itself to UTF-8.
ASCII_ONLY = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def generated(project: Path) -> dict[str, bytes]:
    """Every file of the project but the `.env`, which is never the same twice, and the address of the template."""
    files = (path for path in project.rglob("*") if path.is_file() and path.name not in {".env", ".cruft.json"})
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in files}


def secret_of(project: Path) -> str:
    """The value of SECRET_KEY in the project's `.env`."""
    lines = (project / ".env").read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("SECRET_KEY=") for line in lines if line.startswith("SECRET_KEY="))


def make_env(project: Path) -> subprocess.CompletedProcess[str]:
    """What `make setup` does for a colleague, from a folder elsewhere."""
    script = project / "scripts" / "make_env.py"
    return subprocess.run([sys.executable, script], cwd="/", capture_output=True, text=True, check=True)


def clone_of(template: Path, target: Path) -> Path:
    """A bare repository that holds the template, as a forge would."""
    git = ["git", "-c", "user.name=Grace", "-c", "user.email=grace@example.com", "-c", "init.defaultBranch=main"]
    work = target.with_name("checkout")
    shutil.copytree(template, work)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Template"]):
        subprocess.run([*git, *command], cwd=work, check=True)
    subprocess.run([*git, "clone", "-q", "--bare", work, target], check=True)
    return target


@pytest.fixture(scope="session")
def expected(bake: Bake) -> dict[str, bytes]:
    """What all defaults give."""
    return generated(bake())


def test_no_input_gives_the_defaults_in_a_folder_named_after_the_slug(
    shell: Shell, template: Path, expected: dict[str, bytes]
) -> None:
    run = shell.cookiecutter(template, "--no-input")

    assert run.returncode == 0, run.stderr
    assert generated(shell.folder / "my-service") == expected
    assert run.stdout.splitlines()[-4:] == ["Next:", "  cd my-service", *NEXT_STEPS]
    assert run.stderr == ""


def test_replay_repeats_the_answers_with_another_secret(shell: Shell, template: Path) -> None:
    shell.cookiecutter(template, "--no-input", "project_slug=shop", "auth_backend=jwt", "include_rbac=no")
    first = (shell.folder / "shop").rename(shell.folder / "first")

    run = shell.cookiecutter(template, "--replay")

    assert run.returncode == 0, run.stderr
    assert generated(shell.folder / "shop") == generated(first)
    assert secret_of(shell.folder / "shop") != secret_of(first)


@pytest.mark.parametrize("output", ["out", "an 'odd' folder", "größe"])
def test_printed_cd_leads_into_the_project(output: str, shell: Shell, template: Path) -> None:
    run = shell.cookiecutter(template, "--no-input", "-o", output)

    change_folder = next(line for line in run.stdout.splitlines() if line.startswith("  cd "))
    stood = subprocess.run(
        ["/bin/sh", "-c", f"{change_folder} && pwd -P"], cwd=shell.folder, capture_output=True, text=True, check=True
    )
    assert Path(stood.stdout.strip()) == (shell.folder / output / "my-service").resolve()
    assert not change_folder.startswith("  cd /")


def test_git_url(shell: Shell, template: Path, expected: dict[str, bytes]) -> None:
    bare = clone_of(template, shell.folder.parent / "template.git")

    run = shell.cookiecutter(f"file://{bare}", "--no-input")

    assert run.returncode == 0, run.stderr
    project = shell.folder / "my-service"
    assert json.loads((project / ".cruft.json").read_text(encoding="utf-8"))["template"] == f"file://{bare}"
    assert generated(project) == expected


def test_paths_with_spaces_and_umlauts(shell: Shell, template: Path, expected: dict[str, bytes]) -> None:
    odd = shutil.copytree(template, shell.folder / "die größte Vorlage" / "template")

    run = shell.cookiecutter(odd, "--no-input", "-o", "meine Größen")

    assert run.returncode == 0, run.stderr
    assert generated(shell.folder / "meine Größen" / "my-service") == expected


def test_terminal_that_only_knows_ascii(shell: Shell, template: Path, expected: dict[str, bytes]) -> None:
    run = shell.cookiecutter(template, "--no-input", "-o", "größe", **ASCII_ONLY)

    assert run.returncode == 0, run.stderr
    assert generated(shell.folder / "größe" / "my-service") == expected
    assert "  cd 'größe/my-service'" in run.stdout


def test_umlaut_in_such_a_terminal_is_refused_rather_than_garbled(shell: Shell, template: Path) -> None:
    run = shell.cookiecutter(template, "--no-input", "project_name=Größe", **ASCII_ONLY)

    assert run.returncode != 0
    assert run.stdout == "project_name did not arrive as UTF-8. Type plain letters, or set LC_ALL=C.UTF-8\n"


def test_no_network(shell: Shell, template: Path, expected: dict[str, bytes]) -> None:
    nowhere = "http://127.0.0.1:9"

    run = shell.cookiecutter(template, "--no-input", http_proxy=nowhere, https_proxy=nowhere, ALL_PROXY=nowhere)

    assert run.returncode == 0, run.stderr
    assert generated(shell.folder / "my-service") == expected


def test_no_git(shell: Shell, template: Path, expected: dict[str, bytes]) -> None:
    run = shell.cookiecutter(template, "--no-input", PATH=str(shell.temporary))

    assert run.returncode == 0, run.stderr
    assert generated(shell.folder / "my-service") == expected


@pytest.mark.parametrize(("name", "holder"), [("Grace Hopper", "Grace Hopper"), ("Grace {{ 7*7 }}", "My Service")])
def test_author_comes_from_git_unless_the_name_there_would_be_refused(
    name: str, holder: str, shell: Shell, template: Path
) -> None:
    (shell.home / ".gitconfig").write_text(f'[user]\n  name = "{name}"\n', encoding="utf-8")

    shell.cookiecutter(template, "--no-input")

    assert f" {holder}\n" in (shell.folder / "my-service" / "LICENSE").read_text(encoding="utf-8")


def test_closed_output_does_not_undo_the_project(shell: Shell, template: Path, expected: dict[str, bytes]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as broken_pipe:
        command: list[Path | str] = [COOKIECUTTER, template, "--no-input"]
        subprocess.run(command, cwd=shell.folder, env=shell.environment, stdout=broken_pipe, check=True)

    assert generated(shell.folder / "my-service") == expected


def test_second_project_of_the_same_name_leaves_the_first_untouched(shell: Shell, template: Path) -> None:
    shell.cookiecutter(template, "--no-input")
    project = shell.folder / "my-service"
    (project / "notes.txt").write_text("mine", encoding="utf-8")
    before, secret = generated(project), secret_of(project)

    run = shell.cookiecutter(template, "--no-input", "auth_backend=jwt")

    assert run.returncode != 0
    assert (run.stdout + run.stderr).splitlines() == [
        'The folder "my-service" exists. Type another project_slug, or remove it'
    ]
    assert (generated(project), secret_of(project)) == (before, secret)


def test_line_endings_are_lf_even_from_a_checkout_with_crlf(shell: Shell, template: Path) -> None:
    bare = clone_of(template, shell.folder.parent / "template.git")
    checkout = shell.folder / "template"
    subprocess.run(["git", "clone", "-q", "-c", "core.autocrlf=true", bare, checkout], check=True)

    run = shell.cookiecutter(checkout, "--no-input")

    assert run.returncode == 0, run.stderr
    project = shell.folder / "my-service"
    assert [path for path in project.rglob("*") if path.is_file() and b"\r\n" in path.read_bytes()] == []


def test_secret_is_fresh_private_and_nowhere_else(shell: Shell, template: Path) -> None:
    shell.cookiecutter(template, "--no-input", "-o", "one")
    shell.cookiecutter(template, "--no-input", "-o", "two")

    one, two = shell.folder / "one" / "my-service", shell.folder / "two" / "my-service"
    assert secret_of(one) != secret_of(two)
    assert len(secret_of(one)) == 64
    assert stat.S_IMODE((one / ".env").stat().st_mode) == OWNER_ONLY
    # The whole world of the shell: replay file, rendered hook, both projects.
    files = [path for path in shell.folder.parent.rglob("*") if path.is_file()]
    assert [path for path in files if secret_of(one).encode() in path.read_bytes()] == [one / ".env"]
    assert any(path.parent.name == ".cookiecutter_replay" for path in files)


def test_colleague_makes_the_missing_env_with_the_same_script(bake: Bake) -> None:
    project = bake()
    first = secret_of(project)
    (project / ".env").unlink()

    made = make_env(project)

    assert made.stdout == "Wrote .env with new secrets. Keep it out of git.\n"
    assert secret_of(project) != first
    assert stat.S_IMODE((project / ".env").stat().st_mode) == OWNER_ONLY


def test_existing_env_stays_as_it_is(bake: Bake) -> None:
    project = bake()
    (project / ".env").write_text("SECRET_KEY=mine\n", encoding="utf-8")

    kept = make_env(project)

    assert kept.stdout == ".env already exists and stays as it is.\n"
    assert secret_of(project) == "mine"
