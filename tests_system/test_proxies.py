"""A service behind the proxies of Debian, configured as docs/deploy.md shows."""

import signal
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.projects import Project
from tests.server import answers_at
from tests.server import free_port
from tests_system.conftest import Generate
from tests_system.proxies import KINDS
from tests_system.proxies import certificate
from tests_system.proxies import proxy
from tests_system.proxies import until

EMAIL, PASSWORD = "grace@example.com", "correct horse battery staple 9"
DRAIN_SECONDS = 5
CLIENTS = 4
# Where the client is; the proxy is at 127.0.0.1.
CLIENT_ADDRESS = "127.0.0.2"
# One address for both: tokens name it.
SETTINGS = {"BASE_URL": "http://localhost:8000", "TRUSTED_PROXIES": "127.0.0.1/32", "ACCESS_LOG": "off"}
SPOOFED = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}


class Instance:
    """One of two instances of the service."""

    def __init__(self, project: Project) -> None:
        """Start it on a free port."""
        self.project = project
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, and wait until it answers."""
        options = ["--port", str(self.port), "--drain-seconds", str(DRAIN_SECONDS)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.operations.serve", *options],
            cwd=self.project.folder,
            env=self.project.tools.environment | SETTINGS,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: bool(answers_at(f"http://{self.address}/health/ready")))
        return self.process

    def stop(self) -> None:
        """Stop it as a supervisor does."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0


class Load(threading.Thread):
    """A client that sends one request after the other, and counts those that are lost."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        """Begin with `start`."""
        super().__init__()
        self._url, self._context = url, context
        self._is_over = threading.Event()
        self.sent = 0
        self.lost: list[str] = []

    def run(self) -> None:
        """Send requests that only read, and requests with a body, which proxies do not repeat."""
        with httpx.Client(base_url=self._url, verify=self._context) as client:
            while not self._is_over.is_set():
                for method, path, expected in (("GET", "/health", 200), ("POST", "/login", 400)):
                    self.sent += 1
                    try:
                        answer = client.request(method, path, json={} if method == "POST" else None)
                    except httpx.TransportError as error:
                        self.lost.append(repr(error))
                        continue
                    if answer.status_code != expected:
                        self.lost.append(f"{answer.status_code} {answer.text[:200]}")

    def end(self) -> None:
        """Send nothing more."""
        self._is_over.set()
        self.join()


@pytest.fixture(scope="module")
def instances(generate: Generate) -> Iterator[list[Instance]]:
    """Two instances of one service, and a user."""
    project = generate(auth_backend="jwt")
    project.run("alembic", "upgrade", "head")
    project.run("litestar", "users", "create-user", "--email", EMAIL, stdin=f"{PASSWORD}\n")
    started = [Instance(project), Instance(project)]
    yield started
    for each in started:
        each.stop()


@pytest.mark.parametrize("name", KINDS)
def test_behind_a_proxy_of_the_guide(name: str, instances: list[Instance]) -> None:
    guide = (instances[0].project.folder / "docs/deploy.md").read_text("utf-8")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        context = ssl.create_default_context(cafile=certificate(folder))
        # The processes of nginx and Apache are another user's.
        folder.chmod(0o755)
        url = stack.enter_context(proxy(name, guide, folder, [each.address for each in instances]))
        transport = httpx.HTTPTransport(verify=context, local_address=CLIENT_ADDRESS)
        client = stack.enter_context(httpx.Client(base_url=url, transport=transport, headers=SPOOFED))
        assert_it_answers(client)
        load = [Load(url, context) for _ in range(CLIENTS)]
        for each in load:
            each.start()
        try:
            instances[0].stop()
            instances[0].start()
        finally:
            for each in load:
                each.end()
    assert sum(each.sent for each in load) > 100
    assert [lost for each in load for lost in each.lost] == []


def assert_it_answers(client: httpx.Client) -> None:
    """What a proxy may spoil: HEAD, a refusal before the body was read, and where the client is."""
    assert client.head("/health").status_code == 200
    for size in (1_100_000, 20_000_000):
        refused = client.post("/login", content=b" " * size, headers={"Content-Type": "application/json"})
        assert refused.status_code == 413, size
    tokens = client.post("/login", json={"email": EMAIL, "password": PASSWORD}).json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    [device] = [each for each in client.get("/users/me/sessions").json() if each["current"]]
    assert device["ip"] == CLIENT_ADDRESS
    assert client.post("/logout").is_success
