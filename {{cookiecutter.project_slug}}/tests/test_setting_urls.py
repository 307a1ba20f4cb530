"""URLs in settings: normalised where a browser would, refused where they could never match or never connect."""

from pathlib import Path

import pytest

from app.settings import hashes
from app.settings import mail_url
from app.settings import read_settings
from tests.test_setting_bounds import refused
from tests.test_settings import PRODUCTION

pytestmark = pytest.mark.usefixtures("project_root")

# As written, and as browsers write it.
SITES = {
    "https://app.example.com": "https://app.example.com",
    "https://App.Example.COM": "https://app.example.com",
    "HTTPS://app.example.com": "https://app.example.com",
    "https://app.example.com:443": "https://app.example.com",
    "https://app.example.com/": "https://app.example.com",
    "https://app.example.com:8443": "https://app.example.com:8443",
    "https://APP.example.com:443/": "https://app.example.com",
    "https://xn--exmple-cua.com": "https://xn--exmple-cua.com",
    "https://[2001:DB8:0::1]:443": "https://[2001:db8::1]",
    "https://203.0.113.7": "https://203.0.113.7",
}
APPS = {
    "http://localhost:80": "http://localhost",
    "http://localhost:5173": "http://localhost:5173",
    "http://service_one:443": "http://service_one:443",
    "capacitor://localhost": "capacitor://localhost",
    "ionic://localhost": "ionic://localhost",
    "tauri://localhost": "tauri://localhost",
    "app://obsidian.md": "app://obsidian.md",
    "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai": "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai",
    "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc": "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
    "safari-web-extension://5D8A1F2B-62C7-7E4F": "safari-web-extension://5D8A1F2B-62C7-7E4F",
}
NO_SITES = {
    "https://*.example.com": "must not contain the wildcard *",
    "*": "must not contain the wildcard *",
    "https://app.example.com/path": "must end after the host, without a path: write https://app.example.com",
    "https://App.example.com:443/a/": "must end after the host, without a path: write https://app.example.com",
    "https://app.example.com//": "must end after the host, without a path: write https://app.example.com",
    "https://app.example.com?": "must end after the host, without a path: write https://app.example.com",
    "https://app.example.com/#a": "must end after the host, without a path: write https://app.example.com",
    "https://user:hidden-word@app.example.com": "must not contain a user name, a password or @",
    "https://hidden-word@app.example.com": "must not contain a user name, a password or @",
    "app.example.com": "must be a scheme and a host",
    "//app.example.com": "must be a scheme and a host",
    "https://": "must be a scheme and a host",
    "https:///path": "must be a scheme and a host",
    "null": "must be a scheme and a host",
    "https://app example.com": "must be a scheme and a host",
    "https://[::1": "must be a scheme and a host",
    "https://app.example.com:99999": "must have a port from 1 to 65535, or none",
    "https://app.example.com:0": "must have a port from 1 to 65535, or none",
    "https://app.example.com:https": "must have a port from 1 to 65535, or none",
    "https://[1.2.3.4]": "must ",
    "https://app..example.com": "must have a host of letters, digits, dots and hyphens",
    "https://app.example.com.": "must have a host of letters, digits, dots and hyphens",
    "https://-app.example.com": "must have a host of letters, digits, dots and hyphens",
    "https://app%2eexample.com": "must have a host of letters, digits, dots and hyphens",
    "https://ex\u00e4mple.com": "must have an international domain in its xn-- form",
    "ftp://app.example.com": "must start with https:// or http://",
    "ws://app.example.com": "must start with https:// or http://",
    "file://localhost": "must start with https:// or http://",
    "htps://app.example.com": "must start with https:// or http://",
}
MAIL_SERVERS = [
    "smtp://mail.example",
    "smtp://mail.example:25/",
    "smtp://mail.example:2525",
    "smtp://user:p%40ss%2Fword@mail.example:587",
    "smtp://me@company.com:word@mail.example:587",
    "smtps://user:word@mail.example",
    "smtps://user:word@mail.example:465",
    "SMTP://user:word@[2001:db8::1]:587",
]
SERVER = "must be console:// or a server, for example smtp://user:password@host:587"
NO_MAIL_SERVERS = {
    "smtp://": SERVER,
    "smtp://user:hidden-word@": SERVER,
    "smtp://:587": SERVER,
    "imap://user:hidden-word@mail.example": SERVER,
    "mail.example:587": SERVER,
    "console": SERVER,
    "console://log": SERVER,
    "smtp://user:hidden word@mail.example": SERVER,
    "smtp://[::1": SERVER,
    "smtp://mail.example:99999": "must have a port from 1 to 65535, or none. ",
    "smtp://mail.example:0": "must have a port from 1 to 65535, or none. ",
    "smtp://user:hidden/word@mail.example:587": "contains / after the host. ",
    "smtp://user:hidden#word@mail.example:587": "contains #, which ends a URL. ",
    "smtp://user:hidden?word@mail.example:587": "contains ?, and no parameter works here. ",
    "smtp://mail.example:587?starttls=true": "contains ?, and no parameter works here. ",
    "smtp://mail.example/inbox": "contains / after the host. ",
    "smtp://hidden-word@mail.example": "needs both a user name and a password, or neither",
    "smtp://:hidden-word@mail.example": "needs both a user name and a password, or neither",
    "smtp://user:hidden-word@mail.example:465": "names port 465, which starts with TLS: write smtps://",
    "smtps://user:hidden-word@mail.example:587": "names port 587, which does not start with TLS: write smtp://",
    "smtps://user:hidden-word@mail.example:25": "names port 25, which does not start with TLS: write smtp://",
}


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("value", SITES)
def test_a_site_is_spelled_as_browsers_spell_it(value: str) -> None:
    settings = read_settings(PRODUCTION | {"BASE_URL": value, "CORS_ORIGINS": f"{value}, {SITES[value]}"})
    assert (settings.base_url, settings.cors_origins) == (SITES[value], (SITES[value],))


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("value", APPS)
def test_apps_and_extensions_may_call_the_service(value: str) -> None:
    assert read_settings(PRODUCTION | {"CORS_ORIGINS": value}).cors_origins == (APPS[value],)


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("value", NO_SITES)
@pytest.mark.parametrize("name", ["BASE_URL", "CORS_ORIGINS"])
def test_a_site_that_no_browser_sends_is_refused(name: str, value: str) -> None:
    [line] = refused(**{name: value})
    assert line.startswith(f"{name} {NO_SITES[value]}")
    assert "hidden" not in line


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("value", [value for value in APPS if not value.startswith("http")])
def test_the_service_itself_is_a_site(value: str) -> None:
    [line] = refused(BASE_URL=value)
    assert line.startswith("BASE_URL must start with https:// or http://, for example https://app.example.com; got ")


@pytest.mark.checklist("I12")
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("https://user:hidden-word@collector", "must not contain a user name or a password"),
        ("http://collector:99999", "must have a port from 1 to 65535"),
        ("http://collector?key=value", "must start with http:// or https://"),
        ("grpc://collector:4317", "must start with http:// or https://"),
    ],
)
def test_a_collector_that_cannot_be_reached_is_refused(value: str, reason: str) -> None:
    [line] = refused(OTEL_EXPORTER_OTLP_ENDPOINT=value)
    assert line.startswith(f"OTEL_EXPORTER_OTLP_ENDPOINT {reason}")
    assert "hidden" not in line


@pytest.mark.parametrize("value", ["http://collector:4318", "https://api.example.com/otlp/", "http://[::1]:4318"])
def test_a_collector_may_have_a_path(value: str) -> None:
    settings = read_settings(PRODUCTION | {"OTEL_EXPORTER_OTLP_ENDPOINT": value})
    assert settings.otel_exporter_otlp_endpoint == value.rstrip("/")


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("url", MAIL_SERVERS)
def test_a_mail_server_is_named_by_its_url(url: str) -> None:
    read_settings(PRODUCTION | {"MAIL_URL": url})
    server = mail_url.parse(url)
    assert server is not None
    assert server.host in {"mail.example", "2001:db8::1"}
    assert server.password in {None, "word", "p@ss/word"}


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("url", NO_MAIL_SERVERS)
def test_a_url_that_leads_to_no_mail_server_is_refused_without_its_password(url: str) -> None:
    [line] = refused(MAIL_URL=url)
    assert line.startswith(f"MAIL_URL {NO_MAIL_SERVERS[url]}")
    assert "hidden" not in line


@pytest.mark.parametrize(
    ("url", "is_required"),
    [
        ("smtp://user:word@mail.example:587", True),
        ("smtp://user:word@10.0.0.7", True),
        ("smtp://user:word@localhost.example", True),
        ("smtp://user:word@localhost", False),
        ("smtp://user:word@127.0.0.1:1025", False),
        ("smtp://user:word@[::1]", False),
        ("smtp://mail.example", False),
        ("smtps://user:word@mail.example", False),
    ],
)
def test_a_password_needs_starttls_unless_the_server_is_this_machine(url: str, *, is_required: bool) -> None:
    server = mail_url.parse(url)
    assert server is not None
    assert server.requires_starttls is is_required


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_an_authority_of_the_mail_server_that_cannot_be_read_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    [line] = refused(MAIL_CA_FILE=str(file))
    assert line == "MAIL_CA_FILE must be a file with certificates in PEM form that the service can read"


def test_the_memory_of_a_container_counts_if_it_has_less(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(hashes, "MEMORY_LIMITS", (str(tmp_path / "missing"), str(limit)))
    limit.write_text("max\n")
    whole = hashes.machine_memory_kib()
    assert whole is not None
    limit.write_text(f"{whole * 512}\n")
    assert hashes.machine_memory_kib() == whole // 2
