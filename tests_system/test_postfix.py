"""A service sends its mails through Postfix from Debian, in each way that an administrator may have set it up."""

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import REPOSITORY
from tests.projects import Project
from tests.server import Server
from tests.server import serving
from tests_system.accounts import PASSWORD as ACCOUNT_PASSWORD
from tests_system.accounts import post
from tests_system.conftest import Generate
from tests_system.postfix import PASSWORD
from tests_system.postfix import USER
from tests_system.postfix import Postfix
from tests_system.postfix import greylisting
from tests_system.postfix import postfix

NAME = "Café Köln"
SENDER = "noreply@service.example"
CREDENTIALS = f"{USER}:{quote(PASSWORD, safe='')}@"
SUBMISSION = {"smtpd_sasl_auth_enable": "yes", "smtpd_tls_security_level": "encrypt", "smtpd_tls_auth_only": "yes"}
OWN_SENDERS = SUBMISSION | {
    "smtpd_sender_login_maps": f"inline:{{ {SENDER}=another }}",
    "smtpd_sender_restrictions": "reject_sender_login_mismatch",
}


class Authority(Protocol):
    """A private certificate authority, in a folder."""

    certificate: Path

    def __init__(self, folder: Path) -> None:
        """Make one."""

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate for this name and 127.0.0.1, and its key."""


# How an administrator may have set it up, what the service may have instead of the password, what the server says, the
# setting that the doctor names.
REFUSALS = {
    "no password": (SUBMISSION, "", "554 5.7.1 ", "MAIL_URL"),
    "a wrong password": (SUBMISSION, f"{USER}:wrong@", "5.7.8 ", "MAIL_URL"),
    "a sender of another user": (OWN_SENDERS, CREDENTIALS, "5.7.1 ", "MAIL_URL"),
    "a small limit": (SUBMISSION | {"message_size_limit": "2000"}, CREDENTIALS, "5.3.4 ", "MAIL_URL"),
    "no TLS": ({"smtpd_sasl_auth_enable": "yes", "smtpd_tls_security_level": "none"}, CREDENTIALS, "", "MAIL_URL"),
}


@pytest.fixture(scope="module")
def project(generate: Generate) -> Project:
    """A service, migrated."""
    project = generate(project_name=NAME, include_rbac=False, include_oauth=False)
    project.run("alembic", "upgrade", "head")
    return project


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A private authority, as the tests of the service have one."""
    file = REPOSITORY / "{{cookiecutter.project_slug}}" / "tests" / "tls.py"
    specification = importlib.util.spec_from_file_location("tls", file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    made: Authority = module.Authority(tmp_path_factory.mktemp("authority"))
    return made


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    return authority.issue("mail")


@contextmanager
def sending(
    project: Project, server: Postfix, authority: Authority, credentials: str = CREDENTIALS, scheme: str = "smtp"
) -> Iterator[tuple[Server, dict[str, str]]]:
    """The service with that mail server, and what the doctor finds about it."""
    settings = {
        "MAIL_URL": f"{scheme}://{credentials}127.0.0.1:{server.port}",
        "MAIL_FROM": SENDER,
        "MAIL_CA_FILE": str(authority.certificate),
    }
    with serving(project, **settings) as service:
        found = json.loads(project.attempt("litestar", "doctor", "--json", **settings).stdout)
        [finding] = [each for each in found if each["about"].startswith("MAIL_")]
        yield service, finding


def sign_up(service: Server, email: str) -> None:
    """Ask for an account, and so for a mail."""
    assert post(service, "/register", email=email, password=ACCOUNT_PASSWORD) == httpx.codes.ACCEPTED


@pytest.mark.parametrize("scheme", ["smtp", "smtps"], ids=["STARTTLS", "implicit TLS"])
def test_mails_leave_by_submission(
    project: Project, authority: Authority, certificate: tuple[Path, Path], scheme: str
) -> None:
    near, far, changes = f"reader-{scheme}@near.example", f"{scheme}@far.example", dict(SUBMISSION)
    if scheme == "smtps":
        del changes["smtpd_tls_security_level"]
    with (
        postfix(certificate, changes, is_tls=scheme == "smtps") as server,
        sending(project, server, authority, scheme=scheme) as (service, finding),
    ):
        for email in (near, far):
            sign_up(service, email)
        mail = service.until(lambda: server.mail_to(near))
        service.until(lambda: f"to=<{far}>, relay=none" in server.log or None)
        assert "sasl_method=PLAIN, sasl_username=service" in server.log
    assert finding["level"] == "ok"
    assert mail["From"].addresses[0].display_name == NAME
    assert (mail["To"], mail["Auto-Submitted"]) == (near, "auto-generated")


@pytest.mark.parametrize("mistake", REFUSALS)
def test_mails_wait_while_the_server_refuses_the_service_and_then_leave(
    project: Project, authority: Authority, certificate: tuple[Path, Path], mistake: str
) -> None:
    changes, credentials, said, about = REFUSALS[mistake]
    email = f"{mistake.replace(' ', '-').lower()}@far.example"
    with (
        postfix(certificate, changes) as server,
        sending(project, server, authority, credentials) as (service, finding),
    ):
        sign_up(service, email)
        service.until(lambda: "is tried again in" in service.console or None)
        assert "was dropped" not in service.console
    assert (finding["level"], finding["about"]) == ("error", about)
    assert said.removeprefix("554 ") in finding["says"]
    # No password was sent without TLS.
    assert mistake != "no TLS" or "auth=" not in server.log
    with postfix(certificate, SUBMISSION) as server, sending(project, server, authority) as (service, finding):
        service.until(lambda: f"to=<{email}>, relay=none" in server.log or None)
    assert finding["level"] == "ok"


def test_a_mail_to_a_mailbox_that_does_not_exist_is_given_up_at_once(
    project: Project, authority: Authority, certificate: tuple[Path, Path]
) -> None:
    with (
        postfix(certificate, SUBMISSION) as server,
        sending(project, server, authority) as (service, _),
    ):
        sign_up(service, "nobody@near.example")
        service.until(lambda: "(verify) was dropped: refused" in service.console or None)
        assert "5.1.1 <nobody@near.example>: Recipient address rejected: User unknown" in server.log


def test_a_server_with_a_certificate_of_another_authority_gets_no_password(
    project: Project, authority: Authority, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    other = type(authority)(tmp_path)
    with (
        postfix(certificate, SUBMISSION) as server,
        sending(project, server, other) as (_, finding),
    ):
        assert "auth=" not in server.log
    assert (finding["level"], finding["about"]) == ("error", "MAIL_CA_FILE")


def test_a_mail_is_accepted_after_greylisting(
    project: Project, authority: Authority, certificate: tuple[Path, Path]
) -> None:
    reader = "reader-grey@near.example"
    with greylisting() as policy:
        changes = {"smtpd_tls_security_level": "may", "smtpd_recipient_restrictions": f"check_policy_service {policy}"}
        with (
            postfix(certificate, changes) as server,
            sending(project, server, authority, credentials="") as (service, _),
        ):
            sign_up(service, reader)
            service.until(lambda: server.mail_to(reader))
            assert f"450 4.2.0 <{reader}>: Recipient address rejected: Greylisted" in server.log
            assert "was dropped" not in service.console
