"""Writes `.env` from `.env.example` with fresh secrets; an existing `.env` stays as it is."""

import os
import re
import secrets
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD")


def make_env(project: Path) -> str:
    """Returns what happened, in one line."""
    settings = (project / ".env.example").read_text(encoding="utf-8")
    for name in SECRETS:
        settings, filled = re.subn(f"^{name}=$", f"{name}={secrets.token_urlsafe(48)}", settings, flags=re.MULTILINE)
        if filled != 1:
            sys.exit(f".env.example must have exactly one line that reads: {name}=")
    try:
        # O_EXCL never follows a link and never overwrites; the mode holds from the first byte on.
        handle = os.open(project / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return ".env exists already and stays as it is."
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(settings)
    return "Wrote .env with a fresh secret. It is yours alone: keep it out of git."


if __name__ == "__main__":
    sys.stdout.write(f"{make_env(PROJECT)}\n")
