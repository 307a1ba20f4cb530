"""`make demo`: a service with every feature on, generated, migrated and running, and an administrator to sign in as.

Everything lies in `.demo` of this checkout; the database's own folder is where the service keeps it (its README says).
Only the standard library is used, since this runs before anything but uv is installed.
"""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
DEMO = REPOSITORY / ".demo"
PROJECT = DEMO / "my-service"
DIGEST = DEMO / "digest"
PASSWORD = DEMO / "password"
PYTHON = PROJECT / ".venv" / "bin" / "python"
READY = "ready\n"
HOLD = """
import signal
from app.database import embedded_postgres
embedded_postgres.server()
print("ready", flush=True)
signal.sigwait([signal.SIGINT])
"""
ADMINISTRATOR = "admin@example.com"
BINARIES = Path(sys.executable).parent
FIRST_PORT = 8000
START_SECONDS = 60
# The service does not get these. It keeps its bytecode, so that its commands start twice as fast.
OURS = {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV"}
STOP_SECONDS = 10
SCREENS = {"DISPLAY", "WAYLAND_DISPLAY"}

started = time.monotonic()


class DemoError(Exception):
    """A step failed; the message says which, and what it printed."""


def main() -> None:
    """Every step in order, with a line for each."""
    DEMO.mkdir(exist_ok=True)
    digest = digest_of_template()
    is_new = not (PROJECT.is_dir() and DIGEST.exists() and DIGEST.read_text() == digest)
    if is_new:
        generate(digest)
    else:
        say("Found the service in .demo/my-service from last time; it still equals the template.")
    say("Installing what it depends on ...")
    run(BINARIES / "uv", "sync", "--quiet", "--python", sys.executable)
    say("Starting PostgreSQL ...")
    with database():
        prepare_database(is_new=is_new)
        serve(free_port())


def say(line: str) -> None:
    """Print a line of progress, with the seconds so far."""
    print(f"[{time.monotonic() - started:5.1f} s] {line}", flush=True)


def run(*command: str | Path, cwd: Path = PROJECT) -> str:
    """What a command prints.

    Raises:
        DemoError: if it fails.
    """
    with child(command, cwd, stdout=subprocess.PIPE) as process:
        printed, _ = process.communicate()
    if process.returncode != 0:
        message = f"This failed with status {process.returncode}: {' '.join(map(str, command))}\n{printed}"
        raise DemoError(message)
    return printed


@contextlib.contextmanager
def child(
    command: Sequence[str | Path], cwd: Path, *, stdout: int | None = None, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A process in a group of its own; it and its children end with the block."""
    process = subprocess.Popen(  # noqa: S603 - each command stands in this file
        command,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name not in OURS} | environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout else None,
        text=True,
        process_group=0,
    )
    try:
        yield process
    finally:
        # A second Ctrl-C must not leave the first one's work half done.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end(process)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end(process: subprocess.Popen[str]) -> None:
    """Interrupt a process that still runs, so that it stops its database too; kill it if that takes too long."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def template_files() -> Iterator[Path]:
    """What git tracks or would track of the template; the caches of tools would leak from here into the service."""
    parts = ["cookiecutter.json", "local_extensions.py", "hooks", "{{cookiecutter.project_slug}}"]
    listing = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *parts, cwd=REPOSITORY)
    return (Path(name) for name in sorted(filter(None, listing.split("\0"))) if (REPOSITORY / name).is_file())


def digest_of_template() -> str:
    """A value that changes with every file of the template."""
    digest = hashlib.sha256()
    for file in template_files():
        digest.update(f"{file}\0".encode() + (REPOSITORY / file).read_bytes())
    return digest.hexdigest()


def generate(digest: str) -> None:
    """A new service in place of an older one."""
    tools, export = DEMO / "tools", DEMO / "template"
    if not (tools / "bin" / "cookiecutter").exists():
        say("Installing cookiecutter into .demo ...")
        run(BINARIES / "uv", "venv", "--quiet", "--clear", "--python", sys.executable, tools, cwd=DEMO)
        run(BINARIES / "uv", "pip", "install", "--quiet", "--python", tools, "cookiecutter>=2.7.1,<3", cwd=DEMO)
    say("Generating the service into .demo/my-service, with every feature on ...")
    for leftover in (DIGEST, PASSWORD):
        leftover.unlink(missing_ok=True)
    # The versions that were found last time, and the libraries with their bytecode: both take seconds to make.
    move(PROJECT, DEMO / "kept")
    for folder in (export, PROJECT):
        shutil.rmtree(folder, ignore_errors=True)
    for file in template_files():
        (export / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / file, export / file)
    # A configuration file of its own, so that the defaults and replays of the user are neither read nor written.
    (DEMO / "cookiecutter.yaml").write_text(f"cookiecutters_dir: '{DEMO}'\nreplay_dir: '{DEMO}/replay'\n", "utf-8")
    run(tools / "bin" / "cookiecutter", "--no-input", "--config-file", "cookiecutter.yaml", "template", cwd=DEMO)
    move(DEMO / "kept", PROJECT)
    DIGEST.write_text(digest)


@contextlib.contextmanager
def database() -> Iterator[None]:
    """PostgreSQL runs until the block ends, so that no step starts and stops it."""
    with child((PYTHON, "-c", HOLD), PROJECT, stdout=subprocess.PIPE) as holder:
        if not (holder.stdout and holder.stdout.readline() == READY):
            message = f"PostgreSQL did not start.\n{holder.communicate()[0]}"
            raise DemoError(message)
        yield


def move(source: Path, target: Path) -> None:
    """Move what `uv sync` makes, if it is there."""
    target.mkdir(exist_ok=True)
    for name in (".venv", "uv.lock"):
        with contextlib.suppress(OSError):
            (source / name).rename(target / name)


def prepare_database(*, is_new: bool) -> None:
    """Migrate the tables."""
    say("Making the tables ..." if is_new else "Migrating the tables ...")
    if not PASSWORD.exists():
        run(PYTHON, "-m", "app.database.embedded_postgres", "reset")
    run(PYTHON, "-m", "alembic", "upgrade", "head")


def make_administrator() -> None:
    """Create an administrator whose password this script knows, unless there is one."""
    if not PASSWORD.exists():
        say("Making an administrator ...")
        printed = run(PYTHON, "-m", "litestar", "users", "create-admin", "--email", ADMINISTRATOR)
        PASSWORD.touch(mode=0o600)
        PASSWORD.write_text(re.findall(r"[Pp]assword.*: (\S+)", printed)[0])


def free_port() -> int:
    """8000, or the next port that is free."""
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as probe:
            # Connections of an earlier run that are still closing do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                say(f"Port {port} is taken.")
            else:
                return port
    message = "No port is free."
    raise DemoError(message)


def serve(port: int) -> None:
    """Run the service until it is stopped.

    Raises:
        DemoError: if it ends by itself.
    """
    url = f"http://localhost:{port}"
    say("Starting the service ...")
    command = (PROJECT / ".venv" / "bin" / "litestar", "run", "--port", str(port))
    with child(command, PROJECT, BASE_URL=url) as server:
        make_administrator()
        wait_until_it_answers(server, f"{url}/health")
        say(f"It answers on {url}")
        print(how_to_go_on(url), flush=True)
        open_browser(url)
        status = server.wait()
    message = f"The service ended by itself with status {status}."
    raise DemoError(message)


def wait_until_it_answers(server: subprocess.Popen[str], url: str) -> None:
    """Return once the service answers.

    Raises:
        DemoError: if the service ends, or takes too long.
    """
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):  # noqa: S310 - ours
            return
        time.sleep(0.05)
    message = "The service did not start; see above."
    raise DemoError(message)


def open_browser(url: str) -> None:
    """Show the first page, if a person has a screen here."""
    has_screen = sys.platform in {"darwin", "win32"} or SCREENS & os.environ.keys()
    if has_screen and sys.stdout.isatty():
        webbrowser.open(url)


def how_to_go_on(url: str) -> str:
    """What to open, and commands to copy into a second terminal, in this folder."""
    password = PASSWORD.read_text()
    return f"""
  Open              {url}/
  Administrator     {ADMINISTRATOR}
  Password          {password}
  Every route       {url}/schema

  Without a browser: sign in, then ask who you are and what roles there are:

    curl -c .demo/cookies -H 'Content-Type: application/json' {url}/login \\
      -d '{{"email": "{ADMINISTRATOR}", "password": "{password}"}}'
    curl -b .demo/cookies {url}/users/me
    curl -b .demo/cookies {url}/users/roles

  Register another user; the mail with the link appears below:

    curl -H 'Content-Type: application/json' {url}/register \\
      -d '{{"email": "grace@example.com", "password": "correct horse battery staple"}}'

  Its code is in .demo/my-service. Stop with Ctrl-C.
"""


@contextlib.contextmanager
def terminal_of_our_own() -> Iterator[None]:
    """Ctrl-C reaches this script alone, and not make, which would report it as an error."""
    if not (sys.stdin.isatty() and os.tcgetpgrp(0) == os.getpgrp()):
        yield
        return
    before = os.getpgrp()
    # Both stop a process that does not own the terminal. This one would stop forever, since make waits for it.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
    try:
        yield
    finally:
        os.tcsetpgrp(0, before)


if __name__ == "__main__":
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    with terminal_of_our_own():
        try:
            main()
        except KeyboardInterrupt:
            print("\nStopped. `make demo` starts it again, with the same data.", flush=True)
        except DemoError as error:
            sys.exit(str(error))
