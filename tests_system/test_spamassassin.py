"""SpamAssassin from Debian finds less than a point in each mail of a service."""

import re
import subprocess
from pathlib import Path

from tests_system.conftest import Generate

MOST_POINTS = 1.0
SCORE = re.compile(r"score=(-?\d+\.\d+)")
# Writes each letter into a file. The rules know the domains of RFC 2606, so the addresses are those of no one.
WRITE = """
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe
from uuid import uuid4

from app.accounts.mail.letters import Mail, compose
from app.settings import read_settings

settings = read_settings().model_copy(
    update={"base_url": "https://accounts.a-service.org", "mail_from": "noreply@a-service.org"}
)
for template in Path("app/accounts/mail/templates").glob("*.jinja"):
    mail = Mail(
        uuid4(), template.stem, "grace@a-reader.org", datetime.now(UTC), "Grace", token_urlsafe(32), timedelta(hours=1)
    )
    Path("mails", template.stem).write_bytes(compose(mail, settings).as_bytes())
"""


def test_each_mail_has_less_than_a_point(generate: Generate, tmp_path: Path) -> None:
    project = generate()
    mails = project.folder / "mails"
    mails.mkdir()
    project.run("python", "-c", WRITE)
    checked = {mail.name: check(mail, tmp_path) for mail in sorted(mails.iterdir())}
    assert len(checked) > 10
    assert {name: said for name, said in checked.items() if points(said) >= MOST_POINTS} == {}


def check(mail: Path, home: Path) -> str:
    """What SpamAssassin writes about a mail, without asking the network."""
    with mail.open("rb") as file:
        command = ["spamassassin", "--local", "--test-mode", "--prefspath", str(home / "preferences")]
        return subprocess.run(command, stdin=file, capture_output=True, check=True).stdout.decode()


def points(said: str) -> float:
    """Its score."""
    found = SCORE.search(said)
    assert found, said
    return float(found[1])
