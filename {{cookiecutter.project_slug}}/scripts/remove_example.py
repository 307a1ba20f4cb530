"""Removes the example: its folders, its revision, and the lines that mention it, which say so."""

import re
import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PATHS = ("app/notes", "tests/notes", "migrations/versions/0002_notes.py", "scripts/remove_example.py")
FILES = ("app/*.py", "migrations/*.py", "pyproject.toml", "README.md", "Makefile")
# A line that ends with the word, or lines between two comments.
MARKED = re.compile(r"^[^\n]*# example$\n|^<!-- example -->$.*?^<!-- /example -->$\n+", re.MULTILINE | re.DOTALL)


def main() -> None:
    """Remove what is there."""
    for file in (file for pattern in FILES for file in PROJECT.glob(pattern)):
        file.write_text(MARKED.sub("", file.read_text(encoding="utf-8")), encoding="utf-8")
    for name in PATHS:
        path = PROJECT / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    print("The example is gone. Look at the difference, and commit it.")


if __name__ == "__main__":
    main()
