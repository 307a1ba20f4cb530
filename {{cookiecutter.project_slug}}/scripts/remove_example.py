"""Removes the example: its table, its folders, its revision, and the lines that end with `# example`.

If you have changed the example, it removes nothing and says what you have changed. If the project has revisions of its
own, they build on the revision of the example. It stays then, and a new revision drops the table.
"""

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

PROJECT = Path(__file__).resolve().parent.parent
REVISION = "migrations/versions/0002_notes.py"
FOLDERS = ("app/notes", "tests/notes")
SCRIPTS = ("scripts/remove_example.py", "scripts/example.sha256")
FILES = ("app/*.py", "app/*/routes.py", "tests/*.py", "pyproject.toml", "README.md", "docs/architecture.md", "Makefile")
# A line that ends with the word, or lines between two comments of Mermaid.
MARKED = re.compile(r"^[^\n]*# example$\n|^ *%% example$.*?^ *%% /example$\n", re.MULTILINE | re.DOTALL)
# The digests of the files and marked lines as they were generated.
GENERATED = PROJECT / "scripts" / "example.sha256"


def main() -> None:
    """Remove the example."""
    if changed := [*changes()]:
        sys.exit("\n".join(["Nothing was removed, because you have changed or used the example:", *changed]))
    # Names of the template's revisions begin with a number, names of others with a date.
    is_built_upon = any(not path.name.startswith("00") for path in (PROJECT / REVISION).parent.glob("*.py"))
    alembic("upgrade", "head")
    if not is_built_upon:
        asyncio.run(drop_table())
        (PROJECT / REVISION).unlink()
    for file in marked_files():
        file.write_text(MARKED.sub("", file.read_text(encoding="utf-8")), encoding="utf-8")
    for name in FOLDERS:
        shutil.rmtree(PROJECT / name)
    for name in SCRIPTS:
        (PROJECT / name).unlink()
    if is_built_upon:
        alembic("revision", "--autogenerate", "-m", "remove the example")
    alembic("upgrade", "head")
    print("Removed the example and its table `note`. Review the changes with git diff, and commit them.")


async def drop_table() -> None:
    """Drop the table of the example alone: a step back of Alembic would drop what younger revisions added."""
    # A service is not installed as a package, and this script may be started from any folder.
    sys.path.insert(0, str(PROJECT))
    from app.database.engine import engine_for_migrations  # noqa: PLC0415  # as above
    from app.settings import read_settings  # noqa: PLC0415  # as above

    engine = engine_for_migrations(read_settings())
    async with engine.begin() as connection:
        await connection.execute(sa.text("DROP TABLE note"))
    await engine.dispose()


def marked_files() -> Iterator[Path]:
    """The files that may have lines of the example."""
    for pattern in FILES:
        yield from PROJECT.glob(pattern)


def changes() -> Iterator[str]:
    """What is not as it was generated, and what uses the example."""
    generated = GENERATED.read_text(encoding="utf-8").split()
    for name, text in texts():
        if digest(text) not in generated:
            yield f"{name} has changed"
    for path in sorted([*(PROJECT / "app").rglob("*.py"), *(PROJECT / "tests").rglob("*.py")]):
        is_part = any(path.is_relative_to(PROJECT / folder) for folder in FOLDERS)
        if not is_part and re.search(r"\b(app|tests)\.notes\b", MARKED.sub("", path.read_text(encoding="utf-8"))):
            yield f"{path.relative_to(PROJECT)} uses it"


def texts() -> Iterator[tuple[str, str]]:
    """The files and the marked lines of the example, with a name for each."""
    for folder in FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                yield str(path.relative_to(PROJECT)), path.read_text(encoding="utf-8")
    for path in marked_files():
        for lines in MARKED.findall(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(PROJECT)}: {lines.strip()}", lines


def digest(text: str) -> str:
    """What identifies a text."""
    return sha256(text.encode()).hexdigest()[:12]


def alembic(*command: str) -> None:
    """Run the project's Alembic."""
    subprocess.run(["alembic", *command], cwd=PROJECT, check=True)  # noqa: S603, S607  # that of the project


if __name__ == "__main__":
    main()
