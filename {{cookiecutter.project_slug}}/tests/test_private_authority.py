"""The commands of docs/deploy.md make certificates that the strictest version of Python accepts."""

import re
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from app.settings import PROJECT_ROOT

COMMANDS = re.compile(r"^## Private certificate authorities\n.*?```bash\n(.*?)```", re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not shutil.which("openssl"), reason="This machine has no openssl.")
def test_certificates_of_the_guide_are_accepted(tmp_path: Path) -> None:
    found = COMMANDS.search((PROJECT_ROOT / "docs/deploy.md").read_text("utf-8"))
    assert found is not None
    subprocess.run(["bash", "-e", "-c", found[1]], cwd=tmp_path, check=True, capture_output=True)  # noqa: S603, S607  # our own guide
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    # The default from Python 3.13.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accepting.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname="db.internal")
    server = accepting.wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server, client):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert client.getpeercert()
