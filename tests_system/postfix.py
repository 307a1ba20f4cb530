"""Postfix from Debian as an instance of its own in a temporary folder, with what it has received."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from time import monotonic
from time import sleep

from tests.server import free_port

PATIENCE_SECONDS = 20
USER, PASSWORD = "service", "p@ss:w/rd"
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
myhostname = mail.service.example
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
# No client is trusted for its address.
mynetworks = 192.0.2.1/32
# Readers have mailboxes here. A mail to any other domain is relayed, into the void.
virtual_mailbox_domains = near.example
virtual_mailbox_maps = regexp:{folder}/etc/readers
virtual_mailbox_base = {folder}/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
default_transport = discard
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_tls_cert_file = {folder}/server.pem
smtpd_tls_key_file = {folder}/server.key
smtputf8_enable = no
{changes}
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd {options}
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/etc/sasl/users
mech_list: PLAIN LOGIN
"""


@dataclass
class Postfix:
    """A Postfix that runs."""

    folder: Path
    port: int

    last_log: str = ""

    @property
    def log(self) -> str:
        """All that it has logged, also after its end."""
        with suppress(FileNotFoundError):
            self.last_log = (self.folder / "log" / "mail.log").read_text("utf-8")
        return self.last_log

    def mail_to(self, email: str) -> EmailMessage | None:
        """The mail that this reader has received."""
        files = (self.folder / "mailboxes" / "all" / "new").glob("*")
        for message in (message_from_bytes(file.read_bytes(), policy=default) for file in files):
            if isinstance(message, EmailMessage) and message["To"] == email:
                return message
        return None


@contextmanager
def postfix(certificate: tuple[Path, Path], changes: dict[str, str], *, is_tls: bool = False) -> Iterator[Postfix]:
    """Postfix with these parameters changed, until the block ends."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _configure(folder, port, certificate, is_tls=is_tls, changes=changes)
        process = subprocess.Popen(["postfix", "-c", folder / "etc", "start-fg"], stdout=subprocess.DEVNULL)
        try:
            _wait_for(port, process)
            server = Postfix(folder, port)
            yield server
        finally:
            # The folder goes.
            _ = server.log
            process.terminate()
            process.wait(PATIENCE_SECONDS)


@contextmanager
def greylisting() -> Iterator[str]:
    """Postgrey, as Postfix names it, until the block ends; it accepts a mail the second time, after a second."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        shutil.chown(folder, "postgrey", "postgrey")
        where = [f"--inet=127.0.0.1:{port}", f"--dbdir={folder}", "--delay=1"]
        process = subprocess.Popen(["postgrey", *where], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port, process)
            yield f"inet:127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def _configure(
    folder: Path, port: int, certificate: tuple[Path, Path], *, is_tls: bool, changes: dict[str, str]
) -> None:
    folder.chmod(0o755)
    for each in ("etc", "etc/sasl", "queue", "data", "log", "mailboxes"):
        (folder / each).mkdir()
    for each in ("data", "mailboxes"):
        shutil.chown(folder / each, "postfix", "postfix")
    for source, target in zip(certificate, ("server.pem", "server.key"), strict=True):
        shutil.copy(source, folder / target)
    owner = (folder / "mailboxes").stat()
    changed = "\n".join(f"{name} = {value}" for name, value in changes.items())
    main = MAIN.format(folder=folder, uid=owner.st_uid, gid=owner.st_gid, changes=changed)
    options = "-o smtpd_tls_wrappermode=yes" if is_tls else ""
    (folder / "etc" / "main.cf").write_text(main, "utf-8")
    (folder / "etc" / "master.cf").write_text(MASTER.format(port=port, options=options), "utf-8")
    (folder / "etc" / "sasl" / "smtpd.conf").write_text(SASL.format(folder=folder), "utf-8")
    (folder / "etc" / "readers").write_text("/^reader.*@near\\.example$/ all/\n", "utf-8")
    users = folder / "etc" / "sasl" / "users"
    add = ["saslpasswd2", "-p", "-c", "-f", str(users), "-u", "mail.service.example", USER]
    subprocess.run(add, input=PASSWORD, text=True, check=True)
    shutil.chown(users, "postfix", "postfix")


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = monotonic() + PATIENCE_SECONDS
    while monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        sleep(0.05)
    message = f"{process.args!r} did not start; Postfix needs root, and this is user {os.geteuid()}."
    raise RuntimeError(message)
