"""A browser signs in and out, and what pages of other sites make it send changes nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest

from tests.server import Server
from tests_system.accounts import PASSWORD
from tests_system.accounts import register_and_verify
from tests_system.browser import Browser

GRACE = "grace@example.com"
# What a front end of ours does; it keeps bearer tokens, if it gets any, as long as its tab is open.
FRONT_END = """
    const send = async (method, path, body) => {
      const token = sessionStorage.getItem("access_token");
      const headers = body ? {"Content-Type": "application/json"} : {};
      if (token) headers["Authorization"] = `Bearer ${token}`;
      const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
      const content = answer.headers.get("Content-Type") === "application/json" ? await answer.json() : {};
      if (content.access_token) sessionStorage.setItem("access_token", content.access_token);
      return answer.status;
    };
"""
# What a page of another site can make a browser send without being asked: the body is JSON, its type says otherwise.
FORGERY = """
    const forge = (path, body) => fetch(SERVICE + path, {
      method: "POST", mode: "no-cors", credentials: "include", headers: {"Content-Type": "text/plain"},
      body: JSON.stringify(body),
    }).then(() => true);
"""
FORM = """
    document.body.innerHTML = `<form method="post" action="${SERVICE}/logout"></form>`;
    document.forms[0].submit();
"""
# What it can read of the answers that are meant for another site.
READING = """
    return fetch(SERVICE + "/users/me", {credentials: "include"}).then(a => a.status, () => "refused by the browser");
"""


class EmptyPage(BaseHTTPRequestHandler):
    """A page of another site."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Elsewhere</title><body></body>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the class calls it
        """Say nothing."""


@contextmanager
def elsewhere(host: str) -> Iterator[str]:
    """The address of another site, or of another port of this one."""
    site = ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage)
    thread = Thread(target=site.serve_forever)
    thread.start()
    try:
        yield f"http://{host}:{site.server_port}/"
    finally:
        site.shutdown()
        thread.join()
        site.server_close()


def send(browser: Browser, method: str, path: str, **body: str) -> object:
    """The status with which the service answers its own page."""
    return browser.run(f"{FRONT_END} return send({method!r}, {path!r}, {json.dumps(body or None)});")


def test_a_browser_stays_signed_in_over_a_reload_and_signs_out(server_of_kind: Server, browser: Browser) -> None:
    register_and_verify(server_of_kind, GRACE)
    browser.open(f"{server_of_kind.url}/health")

    assert send(browser, "GET", "/users/me") == 401
    assert send(browser, "POST", "/login", email=GRACE, password=PASSWORD) == 201
    assert send(browser, "GET", "/users/me") == 200
    browser.call("POST", "refresh")
    assert send(browser, "GET", "/users/me") == 200

    assert send(browser, "POST", "/logout") == 204
    assert send(browser, "GET", "/users/me") == 401
    browser.call("POST", "refresh")
    assert send(browser, "GET", "/users/me") == 401


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_pages_of_other_sites_and_of_other_ports_change_and_read_nothing(
    host: str, server_of_kind: Server, browser: Browser
) -> None:
    judy = f"judy-{host}@example.com".replace("127.0.0.1", "here")
    register_and_verify(server_of_kind, judy)
    home = f"{server_of_kind.url}/health"
    service = f"const SERVICE = {server_of_kind.url!r};"
    browser.open(home)
    assert send(browser, "POST", "/login", email=judy, password=PASSWORD) == 201

    with elsewhere(host) as foreign:
        assert urlsplit(foreign).port != urlsplit(home).port
        browser.open(foreign)
        for path, body in {
            "/logout": {},
            "/users/me/password": {"current_password": PASSWORD, "new_password": PASSWORD[::-1]},
            "/login": {"email": "mallory@example.com", "password": PASSWORD},
            "/refresh": {},
        }.items():
            assert browser.run(f"{service}{FORGERY} return forge({path!r}, {json.dumps(body)});") is True
        assert browser.run(service + READING) == "refused by the browser"
        browser.run(service + FORM)

    browser.open(home)
    assert send(browser, "GET", "/users/me") == 200
    assert "POST /logout" in server_of_kind.console
