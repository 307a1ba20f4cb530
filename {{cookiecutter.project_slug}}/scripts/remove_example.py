"""Removes the example: its table, its folders, its revision, and the lines that end with `# example`.

If the project has revisions of its own, they build on the revision of the example. It stays then, and a new revision
drops the table.
"""

import re
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
REVISION = "migrations/versions/0002_notes.py"
PATHS = ("app/notes", "tests/notes", "scripts/remove_example.py")
FILES = ("app/*.py", "tests/*.py", "pyproject.toml", "README.md", "docs/architecture.md", "Makefile")
# A line that ends with the word, or lines between two comments of Mermaid.
MARKED = re.compile(r"^[^\n]*# example$\n|^ *%% example$.*?^ *%% /example$\n", re.MULTILINE | re.DOTALL)


def main() -> None:
    """Remove the example."""
    # Names of the template's revisions begin with a number, names of others with a date.
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
    print("Removed the example. Review the changes with git diff, and commit them.")


def alembic(*command: str) -> None:
    """Run the project's Alembic."""
    subprocess.run(["alembic", *command], cwd=PROJECT, check=True)  # noqa: S603, S607  # that of the project


if __name__ == "__main__":
    main()
