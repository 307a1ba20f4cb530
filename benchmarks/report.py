"""What was found, as a page: medians with their spread, and ratios to the limit of the same run."""

import os
import platform
import statistics
from collections.abc import Iterable
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from importlib.metadata import version
from math import inf
from typing import Any

from benchmarks.speed import Found

VERSIONS = ("litestar", "litestar-users", "advanced-alchemy", "sqlalchemy", "asyncpg", "uvicorn", "uvloop", "msgspec")
# Of two rates the larger is better, of two times the smaller.
IS_RATE = "/s"
# More would not fit on a page.
COLUMNS = 6
RATIOS = {
    "GET /users/me, requests/s": "me /s",
    "GET /users/me, processor time": "me CPU us",
    "POST /login, sign-ins/s": "login /s",
    "storm: /users/me p50": "storm me p50 ms",
    "storm: /users/me p99": "storm me p99 ms",
}


def machine(peers: Iterable[str]) -> dict[str, str]:
    """Where and with what."""
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:  # noqa: PTH123  # no path of ours
        models = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": f"{os.cpu_count()} x {models[0] if models else platform.machine()}",
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "Python": platform.python_version(),
        "versions": ", ".join([*(f"{name} {version(name)}" for name in VERSIONS), *peers]),
    }


def ratios(found: Mapping[str, list[Found]], limits: Mapping[str, str], column: str) -> dict[str, float]:
    """Each subject beside its limit: 1 is as good, 0.5 half as good (of times: twice as long is 0.5)."""
    medians = {name: statistics.median(each[column] for each in rounds) for name, rounds in found.items()}
    return {
        name: medians[name] / medians[limit] if column.endswith(IS_RATE) else medians[limit] / (medians[name] or inf)
        for name, limit in limits.items()
    }


def page(about: Mapping[str, str], limits: Mapping[str, str], results: Mapping[str, Any]) -> str:
    """Markdown."""
    found = results["rounds"]
    parts = [f"# Measured on {about['date']}", _table(["", ""], about.items())]
    by_ratio = {name: ratios(found, limits, column) for name, column in RATIOS.items()}
    rows = [[name, *(f"{by_ratio[ratio][name]:.2f}" for ratio in RATIOS)] for name in limits]
    parts += ["## Beside the limit: 1.00 is as good", _table(["", *RATIOS], rows), "## Median (least to most)"]
    columns = _columns(found)
    parts += [_medians(found, columns[first : first + COLUMNS]) for first in range(0, len(columns), COLUMNS)]
    for title, part in (("Start and memory", results["start"]), ("Sign-ins by cores", results["cores"])):
        parts += [f"## {title}", _medians(part, _columns(part))]
    if results["growth"]:
        parts += _growth(results["growth"])
    return "\n\n".join(parts) + "\n"


def _columns(found: Mapping[str, list[Found]]) -> list[str]:
    return list(next(iter(found.values()))[0])


def _medians(found: Mapping[str, list[Found]], columns: list[str]) -> str:
    rows = [[name, *(_spread(rounds, column) for column in columns)] for name, rounds in found.items()]
    return _table(["", *columns], rows)


def _growth(growth: Any) -> list[str]:
    taken, plans = growth["milliseconds"], growth["plans"]
    few, many = list(next(iter(taken.values())))
    rows = [[name, f"{of[few]:.2f}", f"{of[many]:.2f}", f"{of[many] / of[few]:.2f}"] for name, of in taken.items()]
    header = ["median, ms", f"{int(few):,} users", f"{int(many):,} users", "ratio"]
    ways = [
        [kind, name, f"`{statement}`", "<br>".join(scans)]
        for kind, requests in plans.items()
        for name, statements in requests.items()
        for statement, scans in statements
        if scans
    ]
    return [
        "## Growth",
        _table(header, rows),
        "## Room for each user",
        _table(["table", "bytes, with indexes"], growth["bytes per user"].items()),
        f"## How PostgreSQL finds its rows among {int(many):,} users",
        _table(["credentials", "request", "statement", "by"], ways),
    ]


def _spread(rounds: list[Found], column: str) -> str:
    values = sorted(each[column] for each in rounds)
    return f"{statistics.median(values):.4g} ({values[0]:.3g} to {values[-1]:.3g})"


def _table(header: list[str], rows: Iterable[Iterable[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
