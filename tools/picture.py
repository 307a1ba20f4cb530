"""`make picture`: draws the questions in a terminal into docs/questions.svg for the README."""

import io
import re
import sys
import tempfile
from pathlib import Path

import pexpect
from rich.console import Console
from rich.text import Text

REPOSITORY = Path(__file__).resolve().parent.parent
PICTURE = REPOSITORY / "docs" / "questions.svg"
COLUMNS = 96
TITLE = "uvx cookiecutter gh:<owner>/litestar-accounts"
# The answers, in the order of the questions; an empty one is the default.
REPLIES = ["Grace's Shop", "", "Grace Hopper", "", "", "", "", ""]
ASKED = r"\)(\x1b\[0m)?: "
# The picture must load nothing, wherever the README is read.
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def screen() -> str:
    """The text of the terminal once the project is generated."""
    with tempfile.TemporaryDirectory() as folder:
        command = pexpect.spawn(
            str(Path(sys.executable).with_name("cookiecutter")),
            [str(REPOSITORY)],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": folder, "PWD": folder, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
            encoding="utf-8",
            dimensions=(60, COLUMNS),
            timeout=30,
        )
        shown = ""
        for reply in REPLIES:
            command.expect(ASKED)
            shown += f"{command.before}{command.after}"
            command.sendline(reply)
        command.expect(pexpect.EOF)
        return shown + str(command.before)


def drawn(text: str) -> str:
    """The screen as a picture."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    console.print(Text.from_ansi(text.replace("\r\n", "\n")))
    return FONTS.sub("", console.export_svg(title=TITLE, unique_id="questions"))


if __name__ == "__main__":
    PICTURE.write_text(drawn(screen()), encoding="utf-8")
