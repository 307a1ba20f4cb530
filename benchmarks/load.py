"""wrk: how many requests a server answers in a second, and how long the half and the slowest of a hundred take."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import msgspec

MISSING = "wrk is missing. On Debian: apt-get install wrk"
CONNECTIONS = 16
# As many sign-ins are under way at once: enough for the cores, and few enough that none is refused as too busy.
SIGN_INS = 4
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
# Another account for each request: nobody is throttled who signs in once in a while.
ROTATE = """
local bodies = { %s }
local number = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "%s"
request = function()
    number = number + 1
    return wrk.format(nil, nil, nil, bodies[number %% #bodies + 1])
end
"""


@dataclass
class Load:
    """What wrk has counted."""

    rate: float
    p50_ms: float
    p99_ms: float


def require_wrk() -> None:
    """End here without it."""
    if shutil.which("wrk") is None:
        raise SystemExit(MISSING)


class Wrk:
    """A load that has begun."""

    def __init__(
        self, url: str, seconds: float, headers: Sequence[str] = (), *, connections: int = CONNECTIONS, script: str = ""
    ) -> None:
        """Begins it."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "--timeout", "30s"]
        command += [part for header in headers for part in ("-H", header)]
        command += ["-s", script] if script else []
        self._process = subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True)

    def result(self) -> Load:
        """Waits for its end; any refusal or error ends the comparison."""
        shown, _ = self._process.communicate()
        assert self._process.returncode == 0, shown
        assert "Non-2xx" not in shown, shown
        assert "Socket errors" not in shown, shown
        latency = {
            percent: float(value) * MILLISECONDS[unit]
            for percent, value, unit in re.findall(r"(\d\d)%\s+([\d.]+)(us|ms|s)\b", shown)
        }
        [rate] = re.findall(r"Requests/sec:\s+([\d.]+)", shown)
        return Load(float(rate), latency["50"], latency["99"])


def write_sign_ins(path: Path, bodies: Sequence[dict[str, str]], *, as_form: bool) -> str:
    """A script for wrk that sends these bodies in turn."""
    texts = [urlencode(body) if as_form else msgspec.json.encode(body).decode() for body in bodies]
    kind = "application/x-www-form-urlencoded" if as_form else "application/json"
    path.write_text(ROTATE % (", ".join(f"'{text}'" for text in texts), kind))
    return str(path)
