"""Rounds of each subject in turn: what else the machine does hits all alike."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.load import SIGN_INS
from benchmarks.load import Load
from benchmarks.load import Wrk
from benchmarks.projects import Running
from benchmarks.subjects import Subject

WARM_UP_SECONDS = 1
# So that each is steady before the others look.
AHEAD_SECONDS = 1
STORM_CALLERS = 2
IMPORT = "from time import perf_counter as t; began = t(); import %(module)s as m; m.app; print(t() - began)"

Found = dict[str, float]


@dataclass(frozen=True)
class Rounds:
    """How many, and how long each takes."""

    number: int
    seconds: int


async def measured(subjects: list[Subject], rounds: Rounds) -> dict[str, list[Found]]:
    """What each round has found, by subject."""
    found: dict[str, list[Found]] = {subject.name: [] for subject in subjects}
    for number in range(rounds.number):
        for subject in _in_turn(subjects, number):
            found[subject.name].append(await _one_round(subject, rounds.seconds))
            print(number + 1, subject.name, _shown(found[subject.name][-1]), flush=True)
    return found


def _in_turn(subjects: list[Subject], number: int) -> Iterator[Subject]:
    # Each begins once, so nobody is always first.
    start = number % len(subjects)
    yield from subjects[start:] + subjects[:start]


async def _one_round(subject: Subject, seconds: int) -> Found:
    async with subject.served() as running:
        credential = await subject.sign_in(running)
        Wrk(f"{running.url}/users/me", WARM_UP_SECONDS, [credential]).result()
        return (
            {"start s": running.start_seconds}
            | _reading(running, credential, seconds)
            | _signing_in(subject, running, seconds)
            | _storm(subject, running, credential, seconds)
            | {"memory MiB": running.memory_mib()}
        )


def _reading(running: Running, credential: str, seconds: int) -> Found:
    used = running.cpu_seconds()
    load = Wrk(f"{running.url}/users/me", seconds, [credential]).result()
    cost = (running.cpu_seconds() - used) / (load.rate * seconds or 1)
    return _named("me", load) | {"me CPU us": cost * 1e6}


def _signing_in(subject: Subject, running: Running, seconds: int) -> Found:
    used = running.cpu_seconds()
    load = Wrk(running.url + subject.login, seconds, connections=SIGN_INS, script=subject.script).result()
    cost = (running.cpu_seconds() - used) / (load.rate * seconds or 1)
    return _named("login", load) | {"login CPU us": cost * 1e6}


def _storm(subject: Subject, running: Running, credential: str, seconds: int) -> Found:
    storm = Wrk(running.url + subject.login, seconds + 2 * AHEAD_SECONDS, connections=SIGN_INS, script=subject.script)
    time.sleep(AHEAD_SECONDS)
    reading = Wrk(f"{running.url}/users/me", seconds, [credential], connections=STORM_CALLERS)
    health = Wrk(f"{running.url}/health", seconds, connections=1)
    found = _named("storm me", reading.result()) | _named("storm health", health.result())
    return found | _named("storm login", storm.result())


async def started(subjects: list[Subject], times: int) -> dict[str, list[Found]]:
    """How long each takes to import, and to its first answer, and how much memory it has after some requests."""
    found: dict[str, list[Found]] = {subject.name: [] for subject in subjects}
    for number in range(times):
        for subject in _in_turn(subjects, number):
            imported = subject.service.run("python", "-c", IMPORT % {"module": subject.application.partition(":")[0]})
            async with subject.served() as running:
                credential = await subject.sign_in(running)
                Wrk(f"{running.url}/users/me", WARM_UP_SECONDS, [credential]).result()
                memory = running.memory_mib()
            found[subject.name].append(
                {"import s": float(imported), "first answer s": running.start_seconds, "memory MiB": memory}
            )
            print(number + 1, subject.name, _shown(found[subject.name][-1]), flush=True)
    return found


async def by_cores(subject: Subject, rounds: Rounds) -> dict[str, list[Found]]:
    """Sign-ins while the server may use one core, two, four and so on; wrk and PostgreSQL may use all."""
    usable = sorted(os.sched_getaffinity(0))
    numbers = [2**power for power in range(len(usable).bit_length())]
    found: dict[str, list[Found]] = {f"cores: {cores}": [] for cores in numbers}
    for _ in range(rounds.number):
        for cores, name in zip(numbers, found, strict=True):
            async with subject.served() as running:
                # Before the first sign-in: threads that compute hashes are where the one that starts them is.
                os.sched_setaffinity(running.process.pid, usable[:cores])
                await subject.sign_in(running)
                url, connections = running.url + subject.login, SIGN_INS * cores
                load = Wrk(url, rounds.seconds, connections=connections, script=subject.script).result()
            found[name].append(_named("login", load))
            print(name, _shown(found[name][-1]), flush=True)
    return found


def _named(name: str, load: Load) -> Found:
    return {f"{name} /s": load.rate, f"{name} p50 ms": load.p50_ms, f"{name} p99 ms": load.p99_ms}


def _shown(found: Found) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in found.items())
