"""`litestar doctor` asks the mail server whether it takes mails from the service, and sends none."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr

from app.accounts.mail.doctor_checks import mail
from app.accounts.mail.mailer import LARGEST_MAIL_BYTES
from app.accounts.mail.mailer import mailer_for
from app.settings import Settings
from app.settings.findings import Finding
from app.settings.findings import Level
from tests.accounts.test_mail_refusals import NO_SUCH_RECIPIENT
from tests.accounts.test_mail_refusals import SERVICE_IS_REFUSED
from tests.accounts.test_mail_refusals import Refusing
from tests.processes.mail_server import Port
from tests.tls import Authority

FINE = [Finding(Level.OK, "MAIL_URL", "The mail server accepts mails of the service.")]


@pytest.fixture
def port() -> Any:
    """Of a mail server."""
    port = Port()
    yield port
    port.close()


@pytest.fixture
async def server(port: Port) -> AsyncIterator[Refusing]:
    """A mail server that is on."""
    server = Refusing(port)
    async with server.listening():
        yield server


async def ask(settings: Settings, url: str, **changes: Any) -> list[Finding]:
    """What the doctor finds about the mail server at this URL."""
    changed = settings.model_copy(update={"mail_url": SecretStr(url), **changes})
    return [finding async for finding in mail(mailer_for(changed), changed)]


async def test_a_server_that_takes_mails_is_fine_and_gets_none(
    settings: Settings, server: Refusing, port: Port
) -> None:
    assert await ask(settings, f"smtp://127.0.0.1:{port.number}") == FINE
    assert server.messages == []


@pytest.mark.parametrize(("command", "reply"), [each for each in SERVICE_IS_REFUSED if each[0] != "DATA"])
async def test_a_refusal_of_the_service_is_an_error_with_the_words_of_the_server(
    settings: Settings, server: Refusing, port: Port, command: str, reply: str
) -> None:
    server.replies = {command: reply}
    [finding] = await ask(settings, f"smtp://127.0.0.1:{port.number}")
    assert (finding.level, bool(finding.fix)) == (Level.ERROR, True)
    assert finding.about == ("MAIL_FROM" if command == "MAIL" and "5.3.4" not in reply else "MAIL_URL")
    assert reply.partition(" ")[2].rstrip(".") in finding.says


@pytest.mark.parametrize(("command", "reply"), [each for each in NO_SUCH_RECIPIENT if each[0] == "RCPT"])
async def test_a_recipient_that_does_not_exist_says_nothing_about_the_service(
    settings: Settings, server: Refusing, port: Port, command: str, reply: str
) -> None:
    server.replies = {command: reply}
    assert await ask(settings, f"smtp://127.0.0.1:{port.number}") == FINE


async def test_it_asks_about_the_domains_that_may_register(settings: Settings, server: Refusing, port: Port) -> None:
    server.refusals = {"postmaster@two.example": "554 5.7.1 Relay access denied"}
    url = f"smtp://127.0.0.1:{port.number}"
    assert await ask(settings, url) == FINE
    [finding] = await ask(settings, url, registration=frozenset({"one.example", "two.example"}))
    assert "postmaster@two.example" in finding.says


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_a_wrong_password_is_an_error_that_does_not_show_it(settings: Settings, port: Port) -> None:
    def refuse(*_: Any) -> AuthResult:
        return AuthResult(success=False, handled=False)

    async with port.served_by(lambda: SMTP(Refusing(port), authenticator=refuse, auth_require_tls=False)):
        [finding] = await ask(settings, f"smtp://service:hidden-word@127.0.0.1:{port.number}")
    assert finding.says.startswith("The mail server refuses the user name and the password: 5.7.8 ")
    assert "hidden-word" not in str(finding)


async def test_a_server_that_is_too_small_for_a_mail_is_an_error(settings: Settings, port: Port) -> None:
    limit = LARGEST_MAIL_BYTES - 1
    async with port.served_by(lambda: SMTP(Refusing(port), hostname="localhost", data_size_limit=limit)):
        [finding] = await ask(settings, f"smtp://127.0.0.1:{port.number}")
    assert finding.says.startswith(f"The mail server refuses mails of {LARGEST_MAIL_BYTES} bytes: ")


@pytest.mark.parametrize("starts_with_tls", [True, False], ids=["smtps", "STARTTLS"])
async def test_a_private_authority_is_trusted_if_its_file_is_named(
    settings: Settings, port: Port, tmp_path: Path, *, starts_with_tls: bool
) -> None:
    authority = Authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("mail"))
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other").certificate
    handler = Refusing(port)

    def connection() -> SMTP:
        return SMTP(handler, hostname="localhost", tls_context=None if starts_with_tls else context)

    url = f"{'smtps' if starts_with_tls else 'smtp'}://127.0.0.1:{port.number}"
    async with port.served_by(connection, ssl=context if starts_with_tls else None):
        assert await ask(settings, url, mail_ca_file=str(authority.certificate)) == FINE
        [finding] = await ask(settings, url, mail_ca_file=str(other))
        assert (finding.about, finding.says.partition(":")[0]) == (
            "MAIL_CA_FILE",
            "The certificate of the mail server is not trusted",
        )
        # Nothing is between the service and a server on this machine.
        assert await ask(settings, url) == FINE


async def test_an_authority_that_is_named_requires_tls(
    settings: Settings, server: Refusing, port: Port, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    [finding] = await ask(settings, f"smtp://127.0.0.1:{port.number}", mail_ca_file=str(authority.certificate))
    assert "STARTTLS" in finding.says
    assert server.messages == []
