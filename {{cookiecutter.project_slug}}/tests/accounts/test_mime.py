"""Each mail is valid MIME that every server can pass on (RFC 5322, RFC 2045), and looks like no spam."""

import re
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from app.accounts.mail import letters
from app.accounts.mail.letters import compose
from app.accounts.mail.mailer import LARGEST_MAIL_BYTES
from app.accounts.mail.outbox import MAX_DETAILS
from app.settings import PROJECT_ROOT
from app.settings import Settings
from tests.accounts.test_mail import VERIFY

LETTERS = sorted(file.stem for file in (PROJECT_ROOT / "app/accounts/mail/templates").glob("*.jinja"))
ONCE = {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Auto-Submitted"}
# The longest that a user can have, in bytes.
LONGEST_NAME = "\N{GRINNING FACE}" * 100
STRICT = SMTP.clone(raise_on_defect=True)


def sent(settings: Settings, letter: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A mail as a server receives it, with 8BITMIME or without."""
    monkeypatch.setattr(letters, "PROJECT_NAME", "Größe & Söhne")
    message = compose(replace(VERIFY, letter=letter, name=LONGEST_NAME, details="é" * MAX_DETAILS), settings)
    return message.as_bytes(policy=SMTP.clone(cte_type=encoding))


@pytest.mark.parametrize("encoding", ["7bit", "8bit"])
@pytest.mark.parametrize("letter", LETTERS)
def test_each_mail_is_valid_mime(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, letter: str, encoding: str
) -> None:
    mail = sent(settings, letter, encoding, monkeypatch)
    message = message_from_bytes(mail, policy=STRICT)
    assert isinstance(message, EmailMessage)
    assert sorted(message.keys()) == sorted(ONCE)
    assert message["Auto-Submitted"] == "auto-generated"
    # Servers may change other ends of lines, and refuse longer ones (RFC 5321, 4.5.3.1.6).
    assert b"\n" not in mail.replace(b"\r\n", b"")
    assert max(map(len, mail.split(b"\r\n"))) <= 998
    head = mail.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert encoding == "8bit" or mail.isascii()
    text, html = message.iter_parts()
    assert [part.get_content_type() for part in (text, html)] == ["text/plain", "text/html"]
    for part in (text, html):
        assert part.get_content_charset() == "utf-8"
        assert part.defects == []
        assert "Größe" in part.get_content()
    # The doctor asks whether the server takes so much.
    assert len(mail) < LARGEST_MAIL_BYTES


def test_no_text_counts_as_invisible() -> None:
    # SpamAssassin takes each font size below 1rem for 0, and adds a point.
    layout = (PROJECT_ROOT / "app/accounts/mail/templates/layout.html").read_text("utf-8")
    sizes = re.findall(r"font(?:-size)?: ([^;\"/ ]+)", layout)
    assert sizes
    assert all(re.fullmatch(r"[12]\dpx", size) for size in sizes)
