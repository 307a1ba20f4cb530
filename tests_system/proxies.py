"""The proxies that docs/deploy.md of a service shows, started with the configuration that stands there."""

import re
import subprocess
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.server import free_port

MODULES = (
    "mpm_event",
    "authz_core",
    "ssl",
    "socache_shmcb",
    "slotmem_shm",
    "proxy",
    "proxy_http",
    "proxy_balancer",
    "proxy_hcheck",
    "lbmethod_byrequests",
)
APACHE = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES)
HAPROXY = "defaults\n mode http\n timeout connect 2s\n timeout client 30s\n timeout server 30s\n option redispatch\n"
PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Kind:
    """A proxy: what stands around the example of the guide, and how it is started."""

    around: str
    command: Callable[[Path], list[str | Path]]

    def configuration(self, example: str, folder: Path, instances: list[str], port: int) -> str:
        """The example with the addresses of the test."""
        for address, instance in zip(("10.0.0.11:8000", "10.0.0.12:8000"), instances, strict=True):
            example = example.replace(address, instance)
        example = example.replace("/etc/ssl", str(folder)).replace(
            "https://service.example {", f"https://127.0.0.1:{port} {{"
        )
        example = re.sub(r"(bind |listen |VirtualHost )[:*]*443", rf"\g<1>127.0.0.1:{port}", example)
        return self.around.format(folder=folder, port=port, example=example)


KINDS = {
    "haproxy": Kind(
        HAPROXY + "{example}",
        lambda file: ["haproxy", "-f", file],
    ),
    "nginx": Kind(
        "daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off;"
        "client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;"
        "uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{example}}}",
        lambda file: ["nginx", "-c", file],
    ),
    "caddy": Kind(
        "{{\n admin off\n auto_https disable_redirects\n}}\n{example}",
        lambda file: ["caddy", "run", "--adapter", "caddyfile", "--config", file],
    ),
    "apache": Kind(
        APACHE + "\nServerRoot {folder}\nServerName localhost\nDefaultRuntimeDir {folder}\nPidFile {folder}/pid\n"
        "ErrorLog {folder}/errors\nListen 127.0.0.1:{port}\n{example}",
        lambda file: ["apache2", "-DFOREGROUND", "-f", file],
    ),
}


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 in the folder, its key, and both in one file."""
    made, key = folder / "service.pem", folder / "service.key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*new, "-keyout", key, "-out", made, *subject], check=True, capture_output=True)
    (folder / "service-with-key.pem").write_text(made.read_text() + key.read_text())
    return made


@contextmanager
def proxy(name: str, guide: str, folder: Path, instances: list[str]) -> Iterator[str]:
    """The URL of a proxy in front of these instances, until the block ends."""
    [example] = re.findall(rf"^```{name}\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    port, file = free_port(), folder / "configuration"
    kind = KINDS[name]
    file.write_text(kind.configuration(example, folder, instances, port))
    with (folder / "console").open("wb") as console:
        process = subprocess.Popen(kind.command(file), stdout=console, stderr=subprocess.STDOUT)
    try:
        url = f"https://127.0.0.1:{port}"
        until(lambda: _answers(url, process, folder))
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def until(look: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not look():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def _answers(url: str, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "console").read_text()
    try:
        return httpx.get(f"{url}/health", verify=False).is_success  # noqa: S501 - only whether it answers
    except httpx.TransportError:
        return False
