"""Whoever has a service of the last release takes what came since, with what they have made of it meanwhile."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.conftest import Shell
from tests.projects import Project
from tests.projects import Tools
from tests.test_rename_imports import rename
from tests.test_updates import CRUFT
from tests.test_updates import SERVICE
from tests.test_updates import Repository
from tests.test_ways_to_generate import generated

REVISIONS = "migrations/versions"
COLUMN = '    nickname: Mapped[str] = mapped_column(sa.String(100), default="", server_default="")\n'
MODEL_ENDS = "    password_hash: Mapped[str] = mapped_column(sa.String(1024), info=SECRET)\n"
OWN_TEST = '''"""Ours."""

from app.accounts import tokens
from tests.cast import Person
from tests.tables import Tables


async def test_people_have_nicknames(grace: Person, tables: Tables) -> None:
    [row] = await tables.rows("user")
    assert (row["email"], row["nickname"]) == (grace.email, "")
    assert tokens.Purpose.VERIFY
'''


def git(*command: str) -> bytes:
    """What git says of this repository."""
    return subprocess.run(["git", *command], cwd=REPOSITORY, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def release() -> str:
    """The commit of the last release: the one that gave it a heading of its own, since clones may lack its tag."""
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    [version, *_] = re.findall(r"^## (\d+\.\d+\.\d+),", changelog, re.MULTILINE)
    return git("log", "--format=%H", "-S", f"\n## {version},", "--", "CHANGELOG.md").decode().split()[-1]


def test_its_revisions_are_still_the_same(release: str) -> None:
    names = git("ls-tree", "-r", "--name-only", release, "--", f"{SERVICE}/{REVISIONS}").decode().splitlines()

    assert names
    for name in names:
        assert (REPOSITORY / name).read_bytes() == git("show", f"{release}:{name}"), name


@pytest.fixture
def forge(release: str, shell: Shell, tmp_path: Path) -> Repository:
    """Where the template is published, on the day of the release."""
    published = Repository(tmp_path / "template.git", shell)
    published.folder.mkdir()
    published.git("init", "--quiet")
    (tmp_path / "release.tar").write_bytes(git("archive", release))
    published.run("tar", "--extract", "--file", tmp_path / "release.tar")
    published.commit()
    return published


def publish(template: Path, forge: Repository) -> None:
    """What this checkout holds takes the place of what was published."""
    forge.git("rm", "--quiet", "-r", ".")
    shutil.copytree(template, forge.folder, dirs_exist_ok=True)
    forge.git("add", "--all")
    # On the day of a release nothing differs.
    forge.git("commit", "--quiet", "--allow-empty", "--message", "What came since")


def generate(shell: Shell, forge: Repository, folder: Path) -> Path:
    """A service in this folder, which remembers where it came from."""
    run = shell.cookiecutter(f"file://{forge.folder}", "--no-input", "author=Grace Hopper", "-o", folder)
    assert run.returncode == 0, run.stderr
    return folder / "my-service"


def make_something_of(service: Project) -> None:
    """What its owner does with it: a column, a revision, a test, and somebody who has an account."""
    service.run("alembic", "upgrade", "head")
    service.run("litestar", "users", "create-user", "--email", "grace@example.com", stdin="correct horse battery\n")
    service.replace("app/models.py", MODEL_ENDS, MODEL_ENDS + COLUMN)
    (service.folder / "tests" / "test_nicknames.py").write_text(OWN_TEST, encoding="utf-8")
    service.run("alembic", "revision", "--autogenerate", "-m", "add nicknames")
    service.run("alembic", "upgrade", "head")


def test_a_service_of_it_takes_what_came_since(
    forge: Repository, shell: Shell, template: Path, tools: Tools, open_folder: Path
) -> None:
    service = Project(generate(shell, forge, open_folder), tools)
    made = Repository(service.folder, shell)
    made.git("init", "--quiet")
    make_something_of(service)
    made.commit()
    publish(template, forge)

    made.run(CRUFT, "update", "--skip-apply-ask")

    assert not [*made.folder.rglob("*.rej")]
    ours, theirs = generated(made.folder), generated(generate(shell, forge, shell.folder))
    assert {name for name, text in theirs.items() if ours.get(name) != text} - {".cruft.json"} == {"app/models.py"}
    assert COLUMN in service.read("app/models.py")
    rename(service.folder)
    service.run("alembic", "merge", "heads", "-m", "join the revisions of the template")
    service.run("alembic", "upgrade", "head")
    service.run("alembic", "check")
    service.run("make", "check")
    service.run(
        "pytest", "-q", "tests/test_nicknames.py", "tests/test_migrations.py", "tests/accounts/test_registration.py"
    )
