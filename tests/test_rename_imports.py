"""The script that renames imports in the code of an owner finds what has moved, and all of it is there."""

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.test_updates import SERVICE

TOOLS = REPOSITORY / "tools"
BEFORE = """
from app import callers as who
from app.accounts import passwords, tokens
from app.accounts.passwords import (
    Hasher,
    require_good,
)
from app.database import aside
from app.models import User


async def mine(session, settings):
    passwords.require_good("x"), passwords.hasher_for(settings), tokens.find(session)
    async with aside(session):
        return Hasher, require_good, who.caller().ip, passwords


def unrelated(tokens, aside: User):
    return [tokens.find, aside]
"""
AFTER = """
from app.http import current_request as who
from app.accounts.passwords import hasher
from app.accounts.passwords import policy
from app.accounts import one_time_tokens
from app.accounts.passwords.hasher import Hasher
from app.accounts.passwords.policy import require_good
from app.database.transactions import separate_transaction
from app.models import User


async def mine(session, settings):
    policy.require_good("x"), hasher.hasher_for(settings), one_time_tokens.find(session)
    async with separate_transaction(session):
        return Hasher, require_good, who.current_request().ip, hasher


def unrelated(tokens, aside: User):
    return [tokens.find, aside]
"""


def rename(folder: Path) -> str:
    """Run the script there, as UPGRADING.md says; returns what it prints."""
    command = [sys.executable, str(TOOLS / "rename_imports.py"), str(folder)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_each_import_and_each_use_is_renamed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "mine.py").write_text(BEFORE, encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "theirs.py").write_text(BEFORE, encoding="utf-8")

    assert rename(tmp_path) == "app/mine.py\n"
    assert (tmp_path / "app" / "mine.py").read_text(encoding="utf-8") == AFTER
    assert (tmp_path / ".venv" / "theirs.py").read_text(encoding="utf-8") == BEFORE
    assert rename(tmp_path) == "", "a second run changes nothing"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "if 1: from app.accounts import passwords, tokens; x = None\n",
            "if 1: from app.accounts.passwords import hasher; from app.accounts import one_time_tokens; x = None\n",
        ),
        (
            "x = 1; from app.accounts import passwords, tokens\n",
            "x = 1; from app.accounts.passwords import hasher; from app.accounts import one_time_tokens\n",
        ),
        (
            "from app.accounts import passwords, tokens; x = 1\n",
            "from app.accounts.passwords import hasher\nfrom app.accounts import one_time_tokens; x = 1\n",
        ),
    ],
)
def test_an_import_that_shares_its_line_stays_on_it(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "mine.py").write_text(before, encoding="utf-8")

    rename(tmp_path)

    assert (tmp_path / "mine.py").read_text(encoding="utf-8") == after


def moved(table: str) -> dict[str, str]:
    """One table of the script."""
    tables: dict[str, dict[str, str]] = runpy.run_path(str(TOOLS / "moved_in_0_2.py"))
    return tables[table]


@pytest.mark.parametrize("module", sorted(moved("MODULES").values()))
def test_a_module_that_has_moved_is_where_the_script_says(module: str) -> None:
    path = REPOSITORY / SERVICE / module.replace(".", "/")

    assert path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@pytest.mark.parametrize("name", sorted(moved("NAMES").values()))
def test_a_name_that_has_moved_is_where_the_script_says(name: str) -> None:
    module, _, name = name.rpartition(".")
    path = REPOSITORY / SERVICE / module.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    defined = {getattr(node, "name", "") for node in tree.body}
    assigned = {ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
    annotated = {ast.unparse(node.target) for node in tree.body if isinstance(node, ast.AnnAssign)}

    assert name in defined | assigned | annotated


def test_a_module_that_came_with_the_update_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "app/accounts/mail").mkdir(parents=True)
    (tmp_path / "app/accounts/mail/newest.py").touch()
    (tmp_path / "mine.py").write_text("from app.accounts.mail import newest\n", encoding="utf-8")

    assert rename(tmp_path) == ""
