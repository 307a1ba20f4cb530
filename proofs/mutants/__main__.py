"""Removes each defence in turn and checks that its test fails.

Run in the service, as `python -m proofs.mutants`. Options that are not listed go to pytest.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from queue import SimpleQueue

import pytest

from proofs.mutants import mutants_of
from proofs.mutants.mutation import PROJECT
from proofs.mutants.mutation import Mutant

EVERYWHERE = Path(__file__).parent / "everywhere"
REPOSITORY = Path(__file__).parents[2]
MUTANTS = mutants_of(PROJECT)


class Verdict:
    """A pytest plugin that distinguishes a test that fails from one that could not run."""

    has_failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure of the test itself, not of its fixtures."""
        self.has_failed |= report.failed and report.when == "call"


def is_caught(mutant: Mutant, options: list[str]) -> bool:
    """Whether the test notices. The module has been weakened in this process and is in those that the test starts."""
    verdict = Verdict()
    pytest.main(["-q", "-x", "-p", "no:cacheprovider", *options, f"{PROJECT}/tests/{mutant.test}"], plugins=[verdict])
    return verdict.has_failed


def run_one(number: int, database: str, options: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one mutant in a process of its own.

    Raises:
        TimeoutExpired: if its test does not end within five minutes.
    """
    command = [sys.executable, "-m", "proofs.mutants", *options]
    path = os.pathsep.join((str(EVERYWHERE), str(REPOSITORY), os.environ.get("PYTHONPATH", "")))
    chosen = {"PYTHONPATH": path, "MUTANT": str(number), "MUTANT_OF": str(PROJECT), "PYTEST_XDIST_WORKER": database}
    return subprocess.run(
        command, cwd=PROJECT, env=os.environ | chosen, capture_output=True, text=True, check=False, timeout=300
    )


def run_all(numbers: list[int], options: list[str]) -> int:
    """Run each mutant in a process of its own and return how many went unnoticed."""
    databases: SimpleQueue[str] = SimpleQueue()
    workers = os.cpu_count() or 1
    for number in range(workers):
        databases.put(f"mutants{number}")
    done = count(1)

    def run(number: int) -> bool:
        database = databases.get()
        try:
            outcome = run_one(number, database, options)
            is_noticed, output = outcome.returncode == 0, outcome.stdout[-2000:] + outcome.stderr[-2000:]
        except subprocess.TimeoutExpired as error:
            is_noticed, output = False, str(error)
        finally:
            databases.put(database)
        mark = "caught  " if is_noticed else "UNNOTICED"
        print(f"{next(done):>3}/{len(numbers)}  {mark}  {MUTANTS[number].defence}", flush=True)
        if not is_noticed:
            print(output)
        return is_noticed

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, numbers)).count(False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m proofs.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="the mutants whose defence, file or test contains this text")
    given, options = parser.parse_known_args()
    if number := os.environ.get("MUTANT"):
        sys.exit(not is_caught(MUTANTS[int(number)], options))
    numbers = [number for number, mutant in enumerate(MUTANTS) if any(given.only in text for text in mutant)]
    if not numbers:
        parser.error(f"no mutant contains {given.only!r}")
    sys.exit(run_all(numbers, options) > 0)
