"""The clock of a process follows that of its database."""

import re
import time
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path

import pytest
from litestar import Litestar

from app import clock
from app.clock import Measurement
from app.database import engine
from app.database.sessions import engine_of
from app.database.sessions import follow_clock
from app.settings import PROJECT_ROOT
from app.settings import Settings
from tests.other_services import another_stage

NOW = datetime(2030, 1, 1, tzinfo=UTC)
# What reads the clock of the machine, in any of its spellings.
MACHINE = re.compile(r"\b(datetime\.now|utcnow|date\.today|time\.time(_ns)?|localtime|gmtime|formatdate)\b")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Measurement:
    """A measurement that is exact to a tenth of a second, and gone after the test."""
    known = Measurement(NOW.timestamp() - 1000, 0.1, 1000)
    monkeypatch.setattr(clock, "_known", known)
    monkeypatch.setattr(clock, "_said", 0.0)
    monkeypatch.setattr(clock, "elapsed", lambda: 1000.0)
    return known


def make_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing had been measured so far, on a machine whose clock is a minute ahead."""
    ahead = clock.machine_time() + 60 - clock.elapsed()
    monkeypatch.setattr(clock, "_known", Measurement(ahead, float("inf"), clock.elapsed()))
    assert not is_right()


def is_right() -> bool:
    """Whether it tells the time of this machine, on which the database of the tests runs as well."""
    return abs(clock.now().timestamp() - time.time()) < 5


async def test_each_new_connection_measures_the_time_of_the_database(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wrong(monkeypatch)
    connections = engine.engine_for(settings)
    async with connections.connect():
        assert is_right()
    await connections.dispose()


async def test_it_is_measured_once_a_minute_too(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    async with engine_of(app).connect():
        make_wrong(monkeypatch)
    assert await follow_clock(app) == 60
    assert is_right()


@pytest.mark.usefixtures("known")
def test_the_time_is_what_it_was_halfway_through_the_round_trip() -> None:
    clock.follow(NOW + timedelta(seconds=60), 999.9, 1000.1)
    assert clock.now() == NOW + timedelta(seconds=60)
    clock.follow(NOW + timedelta(seconds=120), 1000, 1000.002)
    assert clock.now() == NOW + timedelta(seconds=119.999)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("seconds", "round_trip", "age", "counts"),
    [
        (0.3, 1, 0, False),
        (0.3, 1, 60, False),
        (0.3, 1, 600, True),
        (0.05, 0.2, 0, True),
        (-5, 1, 0, True),
        (5, 1, 0, True),
    ],
    ids=["slow", "a minute later", "much later", "as exact", "turned back", "ahead"],
)
def test_a_slow_answer_counts_if_the_last_one_is_old_or_cannot_be_true(
    *, seconds: float, round_trip: float, age: float, counts: bool
) -> None:
    asked_at = 1000 + age - round_trip / 2
    clock.follow(NOW + timedelta(seconds=age + seconds), asked_at, asked_at + round_trip)
    assert clock.now() == NOW + timedelta(seconds=seconds if counts else 0)


async def test_a_change_of_the_machines_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock.now()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert timedelta() <= clock.now() - before < timedelta(seconds=5)


def test_nothing_else_reads_the_clock_of_the_machine() -> None:
    sources = set(Path(PROJECT_ROOT, "app").rglob("*.py")) - {Path(clock.__file__)}
    assert [path.name for path in sources if MACHINE.search(path.read_text("utf-8"))] == []


@pytest.mark.usefixtures("tables")
async def test_a_connection_that_dies_while_it_tells_the_time_is_an_outage(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with another_stage(settings, database_pool_size=3) as stage:
        grace = await stage.verified("grace")
        await grace.sign_in()
        await engine_of(stage.app).dispose()
        monkeypatch.setattr(engine, "DATABASE_TIME", "SELECT pg_terminate_backend(pg_backend_pid())")
        for answer in (await grace.get("/users/me"), await stage.person("visitor").register()):
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
        monkeypatch.undo()
        assert (await grace.get("/users/me")).status_code == 200


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(("behind", "is_standing"), [(0.05, True), (60, False)])
def test_a_more_exact_measurement_does_not_set_it_back_a_little(
    monkeypatch: pytest.MonkeyPatch, behind: float, *, is_standing: bool
) -> None:
    before = clock.now()
    clock.follow(NOW - timedelta(seconds=behind), 1000, 1000.002)
    assert (clock.now() == before) is is_standing
    monkeypatch.setattr(clock, "elapsed", lambda: 1001.0)
    assert abs(clock.now() - NOW - timedelta(seconds=1 - behind)) < timedelta(milliseconds=10)
