"""`make demo`, as a stranger runs it in a fresh clone: what it prints is true, and Ctrl-C is all it takes."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pexpect
import pytest

from tests.test_python_versions import caches_in

FIRST_PORT = 8000
PATIENCE_SECONDS = 180


@pytest.fixture
def clone(template: Path, open_folder: Path) -> Path:
    """A clone in which uv is installed already, so that the test does not install it once more."""
    clone = shutil.copytree(template, open_folder / "clone")
    subprocess.run(["git", "init", "--quiet"], cwd=clone, check=True)
    (clone / ".venv").symlink_to(sys.prefix)
    return clone


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Somebody listens where the demo would."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", FIRST_PORT))
            listener.listen()
        except OSError:
            # Somebody else does already, which is just as well.
            pass
        yield FIRST_PORT


def start(clone: Path, folder: Path) -> pexpect.spawn:
    """In a terminal, until it answers."""
    environment = os.environ | caches_in(folder)
    demo = pexpect.spawn("make", ["demo"], cwd=str(clone), env=environment)
    demo.expect(r"It answers on (http://localhost:\d+)", timeout=PATIENCE_SECONDS)
    return demo


def press_ctrl_c(demo: pexpect.spawn) -> str:
    """What is printed from then on."""
    demo.sendintr()
    demo.expect(pexpect.EOF, timeout=PATIENCE_SECONDS)
    demo.close()
    return str(demo.before.decode())


def processes_in(clone: Path) -> list[str]:
    """Those that were started from there or hold their data there."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(clone.parent) in line]


def test_demo_runs_says_how_to_sign_in_and_runs_again(clone: Path, open_folder: Path, taken_port: int) -> None:
    demo = start(clone, open_folder)
    steps, url = demo.before.decode(), demo.match[1].decode()
    demo.expect("Stop with Ctrl-C")
    instructions = demo.before.decode()

    assert f"Port {taken_port} is taken." in steps
    [password] = re.findall(r"Password +(\S+)", instructions)
    credentials = {"email": "admin@example.com", "password": password}
    with httpx.Client(base_url=url, trust_env=False) as client:
        assert client.post("/login", json=credentials).status_code == httpx.codes.CREATED
        assert client.get("/users/me").json()["roles"] == ["administrator"]
        client.post("/register", json={"email": "grace@example.com", "password": "correct horse battery staple"})
    demo.expect(rf"{url}/verify\?token=\S+")

    end = press_ctrl_c(demo)
    assert demo.exitstatus == 0, end
    assert "Traceback" not in end
    assert processes_in(clone) == []

    again = start(clone, open_folder)
    assert "Found the service" in again.before.decode()
    with httpx.Client(base_url=again.match[1].decode(), trust_env=False) as client:
        assert client.post("/login", json=credentials).status_code == httpx.codes.CREATED
    press_ctrl_c(again)
    assert again.exitstatus == 0
