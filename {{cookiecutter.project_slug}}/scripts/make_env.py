"""Writes `.env` from `.env.example` with new secrets; an existing `.env` stays as it is."""

import os
import re
import secrets
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD")


def make_env(project: Path) -> str:
    """Write the file; returns a line that says what was done."""
    settings = (project / ".env.example").read_text(encoding="utf-8")
    for name in SECRETS:
        settings, filled = re.subn(f"^{name}=$", f"{name}={secrets.token_urlsafe(48)}", settings, flags=re.MULTILINE)
        if filled != 1:
            sys.exit(f".env.example must have exactly one line that reads: {name}=")
    try:
        # O_EXCL follows no link and overwrites nothing; the mode protects the file from its first byte on.
        handle = os.open(project / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return ".env already exists and stays as it is."
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(settings)
    return "Wrote .env with new secrets. Keep it out of git."


if __name__ == "__main__":
    sys.stdout.write(f"{make_env(PROJECT)}\n")
