"""Removes the example: its table, its folders, its revision, and the lines that mention it, which say so.

A project with revisions of its own keeps the revision of the example, which they build on, and drops the table by a
revision of its own.
"""

import re
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
REVISION = "migrations/versions/0002_notes.py"
PATHS = ("app/notes", "tests/notes", "scripts/remove_example.py")
FILES = ("app/*.py", "migrations/*.py", "tests/*.py", "pyproject.toml", "README.md", "docs/architecture.md", "Makefile")
# A line that ends with the word, or lines between two comments of Mermaid.
MARKED = re.compile(r"^[^\n]*# example$\n|^ *%% example$.*?^ *%% /example$\n", re.MULTILINE | re.DOTALL)


def main() -> None:
    """Remove what is there."""
    # Those of the template have numbers; others have a date.
    is_built_upon = any(not path.name.startswith("00") for path in (PROJECT / REVISION).parent.glob("*.py"))
    alembic("upgrade", "head")
    if not is_built_upon:
        alembic("downgrade", "0001")
        (PROJECT / REVISION).unlink()
    for file in (file for pattern in FILES for file in PROJECT.glob(pattern)):
        file.write_text(MARKED.sub("", file.read_text(encoding="utf-8")), encoding="utf-8")
    for name in PATHS:
        path = PROJECT / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if is_built_upon:
        alembic("revision", "--autogenerate", "-m", "remove the example")
    alembic("upgrade", "head")
    print("The example is gone. Look at the difference, and commit it.")


def alembic(*command: str) -> None:
    """Run Alembic as it is installed for the project."""
    subprocess.run(["alembic", *command], cwd=PROJECT, check=True)  # noqa: S603, S607  # that of the project


if __name__ == "__main__":
    main()
