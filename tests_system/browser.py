"""Chromium, driven through the protocol that its driver speaks (W3C WebDriver), so no package has to be installed."""

import base64
import os
import signal
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from time import sleep
from typing import Any

import httpx

from tests.server import free_port

PATIENCE_SECONDS = 20
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=800,700",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


@dataclass(frozen=True)
class Browser:
    """One window; `folder` takes the screenshots."""

    client: httpx.Client
    folder: Path

    def call(self, method: str, path: str, **body: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
        """A command of the protocol, and its value."""
        answer = self.client.request(method, path, json=body if method == "POST" else None)
        assert answer.is_success, answer.text
        return answer.json()["value"]

    def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""
        self.call("POST", "url", url=url)

    @property
    def address(self) -> str:
        """What the address bar shows."""
        return str(self.call("GET", "url"))

    def element(self, selector: str) -> str:
        """The path of the first element that fits."""
        found = self.call("POST", "element", using="css selector", value=selector)
        return f"element/{found[ELEMENT]}"

    def text(self, selector: str) -> str:
        """What a reader sees of it."""
        return str(self.call("GET", f"{self.element(selector)}/text"))

    def click(self, selector: str) -> None:
        """Press it."""
        self.call("POST", f"{self.element(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        """Write into an empty field."""
        field = self.element(selector)
        self.call("POST", f"{field}/clear")
        self.call("POST", f"{field}/value", text=text)

    def run(self, script: str) -> Any:  # noqa: ANN401 - whatever the script returns
        """What a script returns; the driver may do what the page's own policy forbids it."""
        return self.call("POST", "execute/sync", script=script, args=[])

    def picture(self, name: str) -> None:
        """Save what the window shows."""
        (self.folder / f"{name}.png").write_bytes(base64.b64decode(self.call("GET", "screenshot")))

    def complaints(self) -> list[str]:
        """What the console says since the last time, hints aside: errors, and what the page's policy refused."""
        entries = self.call("POST", "se/log", type="browser")
        return [entry["message"] for entry in entries if entry["level"] in {"WARNING", "SEVERE"}]


def until(look: Callable[[], bool]) -> None:
    """Return as soon as it is so; an AssertionError when it takes too long."""
    deadline = monotonic() + PATIENCE_SECONDS
    while not look():
        assert monotonic() < deadline, "waited in vain"
        sleep(0.05)


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Chromium, until the block ends."""
    port = free_port()
    with (folder / "chromedriver.log").open("wb") as log:
        driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    # A proxy in the environment of the tests does not reach this machine.
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
        try:
            until(lambda: is_ready(client))
            yield new_window(client, folder)
        finally:
            os.killpg(driver.pid, signal.SIGTERM)
            driver.wait()


def is_ready(client: httpx.Client) -> bool:
    """Whether the driver takes commands."""
    try:
        return bool(client.get("/status").json()["value"]["ready"])
    except httpx.TransportError:
        return False


def new_window(client: httpx.Client, folder: Path) -> Browser:
    """A window with a new profile."""
    options = {"binary": "/usr/bin/chromium", "args": [*FLAGS, f"--user-data-dir={folder / 'profile'}"]}
    wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
    answer = client.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
    assert answer.is_success, answer.text
    session = answer.json()["value"]["sessionId"]
    client.base_url = client.base_url.join(f"/session/{session}/")
    return Browser(client, folder)
