"""The questions as a person meets them, driven through a pseudo-terminal."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.conftest import COOKIECUTTER
from tests.conftest import REPOSITORY
from tests.conftest import Shell

COLUMNS = 80


@pytest.fixture
def terminal(shell: Shell, template: Path) -> Iterator[pexpect.spawn]:
    """Cookiecutter in a terminal of ordinary width, waiting for the first answer."""
    environment = shell.environment | {"TERM": "dumb"}
    command = pexpect.spawn(
        str(COOKIECUTTER),
        [str(template)],
        cwd=str(shell.folder),
        env=environment,
        encoding="utf-8",
        dimensions=(40, COLUMNS),
        timeout=30,
    )
    command.delaybeforesend = None
    yield command
    command.close(force=True)


def answer(terminal: pexpect.spawn, question: str, reply: str) -> str:
    """Waits for the question, replies, and returns what stood on the screen since the last reply."""
    terminal.expect_exact(question)
    shown = str(terminal.before) + question
    terminal.expect_exact("): ")
    terminal.sendline(reply)
    return shown + str(terminal.before)


def rest_of(terminal: pexpect.spawn) -> list[str]:
    """What is printed until the command ends, without the line that the terminal ends the reply with."""
    terminal.expect(pexpect.EOF)
    terminal.wait()
    return str(terminal.before).splitlines()[1:]


def test_a_person_answers_all_eight_questions(terminal: pexpect.spawn, shell: Shell) -> None:
    screen = answer(terminal, "[1/8] What is the service called? (My Service", "Grace's Shop")
    screen += answer(terminal, "[2/8] What are its folder and its distribution called? (grace-s-shop", "")
    screen += answer(terminal, "[3/8] Who owns it? A person, a company, or nobody yet (", "Grace Hopper")
    screen += answer(terminal, "[1/2/3] (1", "2")
    screen += answer(terminal, "[5/8] Include roles and permissions (RBAC)? [y/n] (y", "perhaps")
    screen += answer(terminal, "[5/8] Include roles and permissions (RBAC)? [y/n] (y", "n")
    screen += answer(terminal, "[6/8] Include sign-in with Google, GitHub and others (OAuth)? [y/n] (y", "")
    screen += answer(terminal, "[7/8] Include pages for browsers? With jwt there are none [y/n] (y", "")
    screen += answer(terminal, "[1/2/3/4] (1", "3")
    next_steps = rest_of(terminal)

    assert terminal.exitstatus == 0
    assert "2 - jwt         for mobile apps and other programs: bearer tokens" in screen
    # Each line is indented, unless the terminal had to break one that was too wide.
    assert [line for line in screen.splitlines() if not line.startswith("  ")] == ["Please enter Y or N"]
    assert next_steps[-4:] == ["Next:", "  cd grace-s-shop", "  uv run alembic upgrade head", "  uv run litestar run"]
    project = shell.folder / "grace-s-shop"
    assert "Grace Hopper" in (project / "LICENSE").read_text(encoding="utf-8")
    assert not (project / "app" / "rbac").exists()


@pytest.mark.parametrize(
    ("replies", "line"),
    [
        (["{{ 7*7 }}"], "project_name contains {{, {% or {#, which stand for template code. Type it without them"),
        (
            ["", "json"],
            'project_slug "json" is the name of a module of Python\'s standard library. Type for example: json-service',
        ),
        (["", "", "x" * 101], "author has 101 characters. Type at most 100"),
    ],
)
def test_wrong_answer_is_refused_and_asked_again(
    replies: list[str], line: str, terminal: pexpect.spawn, shell: Shell
) -> None:
    for number, reply in enumerate(replies, start=1):
        answer(terminal, f"[{number}/8]", reply)

    for _ in range(2):
        terminal.expect_exact(line)
        answer(terminal, ("What is the service", "What are its folder", "Who owns it?")[len(replies) - 1], replies[-1])
    answer(terminal, ("What is the service", "What are its folder", "Who owns it?")[len(replies) - 1], "good")
    terminal.expect_exact(f"[{len(replies) + 1}/8]")
    terminal.sendeof()
    rest_of(terminal)
    assert terminal.exitstatus != 0
    assert shell.leftovers() == []


def test_a_corrected_answer_counts(terminal: pexpect.spawn, shell: Shell) -> None:
    (shell.folder / "taken").mkdir()
    answer(terminal, "[1/8]", " ")
    answer(terminal, "What is the service called? (My Service", "Taken")
    answer(terminal, "[2/8] What are its folder and its distribution called? (taken", "")
    answer(terminal, "What are its folder and its distribution called? (taken", "free")
    for number in range(3, 9):
        answer(terminal, f"[{number}/8]" if number not in {4, 8} else "[1/2/3", "")

    assert rest_of(terminal)[-3] == "  cd free"
    assert "# Taken" in (shell.folder / "free" / "README.md").read_text(encoding="utf-8")


def test_the_pictures_of_pages_in_the_readme_exist_and_load_quickly() -> None:
    """`make picture` draws them anew."""
    named = re.findall(r"docs/pages/[\w-]+\.png", (REPOSITORY / "README.md").read_text("utf-8"))

    assert sorted(named) == sorted(f"docs/pages/{path.name}" for path in (REPOSITORY / "docs/pages").iterdir())
    assert len(named) == 10
    assert max((REPOSITORY / name).stat().st_size for name in named) < 100_000


def test_the_picture_in_the_readme_shows_what_is_asked() -> None:
    """`make picture` draws it anew."""
    drawn = (REPOSITORY / "docs" / "questions.svg").read_text("utf-8")
    shown = " ".join(html.unescape(re.sub(r"<[^>]+>", "", drawn)).split())
    prompts = json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8"))["__prompts__"].values()

    for prompt in prompts:
        for text in prompt.values() if isinstance(prompt, dict) else [prompt]:
            assert " ".join(re.sub(r"\[[^]]*\]", "", text).split()) in shown
    assert "docs/questions.svg" in (REPOSITORY / "README.md").read_text("utf-8")
