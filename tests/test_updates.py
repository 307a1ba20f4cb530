"""A project takes what the template has learned since, and keeps what its owner has changed."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.conftest import REPOSITORY
from tests.conftest import Bake
from tests.conftest import Shell
from tests.guides import Commands
from tests.guides import steps
from tests.projects import Project
from tests.projects import Tools
from tests.test_ways_to_generate import clone_of
from tests.test_ways_to_generate import secret_of

CRUFT = Path(sys.executable).with_name("cruft")
SERVICE = "{{cookiecutter.project_slug}}"
ANSWERS = {"auth_backend": "jwt", "include_rbac": "no", "author": "Grace Hopper"}


class Repository:
    """A folder in git, and somebody who works there."""

    def __init__(self, folder: Path, shell: Shell) -> None:
        """Nothing has happened so far."""
        self.folder = folder
        self._shell = shell

    @property
    def environment(self) -> dict[str, str]:
        """That of the shell."""
        return self._shell.environment

    def git(self, *command: str) -> str:
        """Do something with git."""
        identity = ("-c", "user.name=Grace", "-c", "user.email=grace@example.com", "-c", "init.defaultBranch=main")
        return self.run("git", *identity, *command)

    def run(self, *command: str | Path) -> str:
        """What the command prints."""
        run = subprocess.run(
            command, cwd=self.folder, env=self._shell.environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def commit(self) -> str:
        """Commit whatever is there; returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "A change")
        return self.git("rev-parse", "HEAD").strip()

    def append(self, name: str, line: str) -> None:
        """Add a line to a file, or make it of that."""
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


@pytest.fixture
def forge(shell: Shell, template: Path) -> Repository:
    """Where the template is published."""
    clone_of(template, shell.folder.parent / "template.git")
    checkout = Repository(shell.folder.parent / "checkout", shell)
    checkout.git("remote", "add", "origin", str(shell.folder.parent / "template.git"))
    return checkout


@pytest.fixture
def project(shell: Shell, forge: Repository) -> Repository:
    """A project that was generated from there with answers of its own, and committed."""
    url = f"file://{forge.folder.with_name('template.git')}"
    run = shell.cookiecutter(url, "--no-input", *(f"{key}={answer}" for key, answer in ANSWERS.items()))
    assert run.returncode == 0, run.stderr
    made = Repository(shell.folder / "my-service", shell)
    made.git("init", "--quiet")
    made.commit()
    return made


def origin(project: Repository) -> dict[str, object]:
    """What the project remembers about its template."""
    remembered: dict[str, object] = json.loads((project.folder / ".cruft.json").read_text(encoding="utf-8"))
    return remembered


def test_it_remembers_where_it_came_from_and_what_was_answered(project: Repository, forge: Repository) -> None:
    remembered = origin(project)
    context = remembered.pop("context")
    assert remembered == {
        "template": f"file://{forge.folder.with_name('template.git')}",
        "commit": forge.git("rev-parse", "HEAD").strip(),
        "checkout": None,
        "directory": None,
    }
    assert context == {
        "cookiecutter": {
            "project_name": "My Service",
            "project_slug": "my-service",
            "author": "Grace Hopper",
            "auth_backend": "jwt",
            "include_rbac": False,
            "include_oauth": True,
            "include_pages": True,
            "license": "MIT",
        }
    }


def documented_command() -> str:
    """The command of the guide, which is also that of the README and of UPGRADING.md."""
    guide = (REPOSITORY / SERVICE / "docs/updates.md").read_text(encoding="utf-8")
    [command] = [step.text.strip() for step in steps(guide) if isinstance(step, Commands) and "cruft" in step.text]
    for name in ("README.md", "UPGRADING.md", "SECURITY.md"):
        assert f"`{command}`" in (REPOSITORY / name).read_text(encoding="utf-8"), name
    return command


def update_in_a_terminal(project: Repository) -> str:
    """What the documented command shows in a terminal in which nothing is typed."""
    program, *arguments = shlex.split(documented_command().removeprefix("uvx "))
    assert program == "cruft"
    terminal = pexpect.spawn(
        str(CRUFT), arguments, cwd=str(project.folder), env=project.environment, encoding="utf-8", timeout=120
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0, terminal.before
    return str(terminal.before)


def test_the_documented_command_updates_in_a_terminal_and_marks_conflicts(
    project: Repository, forge: Repository
) -> None:
    for folder, line in ((project.folder, "# Mine."), (forge.folder / SERVICE, "# New.")):
        path = folder / "app/http/errors.py"
        first, rest = path.read_text(encoding="utf-8").split("\n", 1)
        path.write_text(f"{line}\n{rest}", encoding="utf-8")
        assert first.startswith('"""')
    project.commit()
    forge.append(f"{SERVICE}/app/new.py", "NEW = True")
    newest = forge.commit()
    forge.git("push", "--quiet", "origin", "HEAD:main")

    assert "Traceback" not in update_in_a_terminal(project)

    assert origin(project)["commit"] == newest
    assert "UU app/http/errors.py" in project.git("status", "--short").splitlines()
    text = (project.folder / "app/http/errors.py").read_text(encoding="utf-8")
    assert re.search("^<<<<<<< .*# Mine.*^=======$.*# New.*^>>>>>>> ", text, re.MULTILINE | re.DOTALL)
    assert (project.folder / "app/new.py").is_file()
    assert not [*project.folder.rglob("*.rej")]


@pytest.mark.parametrize(("has_git", "is_absolute"), [(True, True), (True, False), (False, True)])
def test_a_local_folder_is_remembered_with_the_answers(
    shell: Shell, template: Path, *, has_git: bool, is_absolute: bool
) -> None:
    folder = Path(shutil.copytree(template, shell.folder.parent / "local"))
    commit = ""
    if has_git:
        local = Repository(folder, shell)
        local.git("init", "--quiet")
        commit = local.commit()

    run = shell.cookiecutter(folder if is_absolute else "../local", "--no-input", "author=Grace Hopper")

    assert run.returncode == 0, run.stderr
    remembered = origin(Repository(shell.folder / "my-service", shell))
    assert (remembered["template"], remembered["commit"]) == (str(folder), commit)
    assert "Grace Hopper" in str(remembered["context"])


def test_an_update_brings_what_is_new_and_keeps_what_was_changed(project: Repository, forge: Repository) -> None:
    secret = secret_of(project.folder)
    project.append("app/operations/health.py", "# Mine.")
    project.append("app/mine.py", "MINE = True")
    project.append(".env", "OPENAPI=off")
    project.commit()
    forge.append(f"{SERVICE}/app/http/errors.py", "# New.")
    forge.append(f"{SERVICE}/app/new.py", "NEW = True")
    forge.append(f"{SERVICE}/app/rbac/new.py", "DECLINED = True")
    newest = forge.commit()
    forge.git("push", "--quiet", "origin", "HEAD:main")

    assert "Good work!" in project.run(CRUFT, "update", "--skip-apply-ask")

    assert set(project.git("status", "--short").split()) == {
        "M",
        "A",
        ".cruft.json",
        "app/http/errors.py",
        "app/new.py",
    }
    assert origin(project)["commit"] == newest
    assert (project.folder / "app/operations/health.py").read_text(encoding="utf-8").endswith("# Mine.\n")
    assert (project.folder / ".env").read_text(encoding="utf-8").endswith("OPENAPI=off\n")
    assert secret_of(project.folder) == secret
    assert not [*project.folder.rglob("*.rej")]


@pytest.mark.parametrize("state", ["packed", "detached"])
def test_the_commit_is_known_however_git_keeps_it(state: str, shell: Shell, forge: Repository) -> None:
    clone = Repository(shell.folder.parent / "clone", shell)
    forge.git("clone", "--quiet", str(forge.folder.with_name("template.git")), str(clone.folder))
    clone.git("remote", "set-url", "origin", "https://grace:hidden@word@forge.example/template.git")
    clone.git(*{"packed": ["pack-refs", "--all"], "detached": ["checkout", "--quiet", "--detach"]}[state])

    run = shell.cookiecutter(clone.folder, "--no-input")

    assert run.returncode == 0, run.stderr
    remembered = origin(Repository(shell.folder / "my-service", shell))
    assert remembered["commit"] == forge.git("rev-parse", "HEAD").strip()
    assert remembered["template"] == "https://forge.example/template.git"


REVISION = '''"""{name}."""

from alembic import op

revision = "{name}"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.execute("CREATE TABLE {name} (id integer)")


def downgrade() -> None:
    """Take this revision back."""
    op.execute("DROP TABLE {name}")
'''


def test_revisions_of_both_sides_are_merged_as_the_guide_says(bake: Bake, tools: Tools, open_folder: Path) -> None:
    service = Project(shutil.copytree(bake(), open_folder / "my-service"), tools)
    *_, merge = steps(service.read("docs/updates.md"))
    assert isinstance(merge, Commands)
    for name in ("ours", "theirs"):
        (service.folder / f"migrations/versions/{name}.py").write_text(REVISION.format(name=name), encoding="utf-8")
    service.run("alembic", "upgrade", "ours")
    assert service.attempt("alembic", "upgrade", "head").returncode != 0

    merge(service)

    assert service.run("alembic", "current").count("(head)") == 1
    service.run("ruff", "check", "migrations")


def test_what_was_declined_is_added_as_the_page_on_upgrades_says(
    shell: Shell, forge: Repository, tools: Tools, open_folder: Path
) -> None:
    url = f"file://{forge.folder.with_name('template.git')}"
    run = shell.cookiecutter(url, "--no-input", "include_rbac=no", "include_oauth=no", "-o", open_folder)
    assert run.returncode == 0, run.stderr
    made = Repository(open_folder / "my-service", shell)
    made.git("init", "--quiet")
    made.commit()
    service = Project(made.folder, tools)
    service.run("alembic", "upgrade", "head")
    service.run("litestar", "users", "create-user", "--email", "grace@example.com", stdin="correct horse battery\n")
    page = (REPOSITORY / "UPGRADING.md").read_text("utf-8").partition("## Add roles or other providers later")[2]
    before, after = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    [seed] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)

    for command in before.replace("uvx cruft", str(CRUFT)).splitlines():
        service.run(*shlex.split(command))
    [revision] = (made.folder / "migrations" / "versions").glob("20*.py")
    upgrade, end, downgrade = revision.read_text("utf-8").partition("    # ### end Alembic commands ###\n")
    revision.write_text(upgrade + end + seed + downgrade, "utf-8")
    for command in after.replace("create-admin", "create-admin --email grace@example.com").splitlines():
        service.run(*shlex.split(command))

    service.run("alembic", "check")
    service.run("make", "check")
    service.run("pytest", "-q", "tests/rbac/test_roles.py", "tests/oauth/test_sign_in.py", "tests/test_migrations.py")
