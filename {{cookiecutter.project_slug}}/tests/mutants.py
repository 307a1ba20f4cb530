"""`make mutants`: removes each defence in turn, and sees the test that guards it fail.

Run as `python -m tests.mutants`. What guards a folder of the service stands in `mutants.py` beside its tests.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from itertools import count
from queue import SimpleQueue

import pytest

from tests import connection_mutants
from tests.credentials import kind
from tests.mutation import PROJECT
from tests.mutation import Mutant
from tests.mutation import Weakening

ACCOUNTS = "app/accounts/"
MUTANTS = [
    Mutant(
        "What has a transaction of its own survives a refusal",
        "app/database.py",
        "get_session() as session, session.begin():\n        yield session",
        "get_session() as session:\n        yield session",
        "test_database.py::test_a_refusal_keeps_what_has_a_transaction_of_its_own_and_nothing_else",
    ),
    Mutant(
        "The clock follows the database's from the first connection on",
        "app/engine.py",
        '    event.listen(engine.sync_engine, "connect", _follow_clock)\n',
        "",
        "test_clock.py::test_each_new_connection_measures_the_time_of_the_database",
    ),
    Mutant(
        "The clock follows the database's once a minute",
        "app/database.py",
        "        clock.follow(moment, asked_at, clock.elapsed())\n",
        "",
        "test_clock.py::test_it_is_measured_once_a_minute_too",
    ),
    Mutant(
        "No request is judged by the machine's clock",
        "app/background.py",
        "await _attempt(step, app) if before_requests else 0",
        "0 if before_requests else 0",
        "test_background.py::test_the_first_time_is_before_requests_if_they_depend_on_it",
    ),
    Mutant(
        "A slow answer moves no clock",
        "app/clock.py",
        "    if error <= known_error or",
        "    if error or",
        "test_clock.py::test_a_slow_answer_counts_if_the_last_one_is_old_or_cannot_be_true",
    ),
    Mutant(
        "The clock of another database is followed at once",
        "app/clock.py",
        " or abs(start - _known.start) > error + known_error:",
        ":",
        "test_clock.py::test_a_slow_answer_counts_if_the_last_one_is_old_or_cannot_be_true",
    ),
    Mutant(
        "A database that dies while it tells the time is an outage",
        "app/engine.py",
        "        raise OperationalError(DATABASE_TIME, None, error, connection_invalidated=True) from error",
        "        raise",
        "test_clock.py::test_a_connection_that_dies_while_it_tells_the_time_is_an_outage",
    ),
    Mutant(
        "Attempts are counted together while the key is replaced",
        ACCOUNTS + "counters.py",
        "    if others := [digest for key in windows for digest in key.others]:\n",
        "    if others := []:\n",
        "test_keys.py::test_both_instances_count_attempts_together",
    ),
    Mutant(
        "A success takes back attempts that were counted with the other key",
        ACCOUNTS + "counters.py",
        "    await session.execute(delete(Attempts).where(Attempts.bucket.in_(_digests(key))))",
        "    await session.execute(delete(Attempts).where(Attempts.bucket == key.digest))",
        "test_keys.py::test_a_success_at_one_instance_takes_back_what_both_have_counted",
    ),
    Mutant(
        "Networks that an account was used from stay known while the key is replaced",
        ACCOUNTS + "counters.py",
        "counted = await _counts(session, [digest for key in keys for digest in _digests(key)])",
        "counted = await _counts(session, [key.digest for key in keys])",
        "test_keys.py::test_a_network_that_one_instance_has_got_to_know_is_known_to_the_other",
    ),
    Mutant(
        "Links in mails that wait outlive the key",
        ACCOUNTS + "tokens.py",
        ".keys_for(KEY)]",
        ".keys_for(KEY)[:1]]",
        "test_keys.py::test_a_mail_whose_link_works_already_is_sent_by_the_other_instance",
    ),
    Mutant(
        "doctor says which step of replacing the key is taken",
        ACCOUNTS + "secret_keys.py",
        "        await counters.add(",
        "        assert session or await counters.add(",
        "test_doctor.py::test_it_says_which_step_of_replacing_the_key_is_taken",
    ),
    Mutant(
        "Nothing new is made with SECRET_KEY_PREVIOUS",
        "app/settings.py",
        "        keys = (self.secret_key, self.secret_key_previous)\n",
        "        keys = (self.secret_key_previous, self.secret_key)\n",
        "test_keys.py::test_both_instances_count_attempts_together",
    ),
    Mutant(
        "Bodies show no secret",
        ACCOUNTS + "schemas.py",
        '        return f"{type(self).__name__}(...)"',
        "        return super().__repr__()",
        "test_secrets.py::test_no_body_shows_its_values",
    ),
    Mutant(
        "Pages of other sites change nothing",
        "app/browsers.py",
        "            if not self._is_own(request):\n                raise CrossSite\n",
        "",
        "test_browsers.py::test_pages_of_other_sites_change_nothing",
    ),
    Mutant(
        "Bodies are JSON",
        "app/browsers.py",
        "                raise UnsupportedMediaType",
        "                pass",
        "test_browsers.py::test_bodies_are_json_and_say_so",
    ),
    Mutant(
        "A row that another request has removed is a conflict, whatever wraps the error",
        "app/errors.py",
        "named = cause if cause is not None and type(error) is RepositoryError else error",
        "named = error",
        "test_errors.py::test_a_row_that_is_gone_by_the_time_it_is_changed_is_a_conflict",
    ),
    Mutant(
        "What is committed has been stored",
        "app/database.py",
        "                        await session.commit()",
        "                        pass",
        "test_database.py::test_a_success_is_stored_before_its_first_byte_leaves",
    ),
]
MUTANTS += connection_mutants.MUTANTS
for folder in sorted(path.parent.name for path in (PROJECT / "tests").glob("*/mutants.py")):
    MUTANTS += import_module(f"tests.{folder}.mutants").MUTANTS
MUTANTS += kind.MUTANTS


class Verdict:
    """A pytest plugin that tells a test that fails from one that could not run."""

    has_failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Watch for a failure of the test itself, not of what it stands on."""
        self.has_failed |= report.failed and report.when == "call"


def is_caught(mutant: Mutant, options: list[str]) -> bool:
    """Whether the test notices; in this process, which is spoilt by it."""
    sys.meta_path.insert(0, Weakening(mutant))
    verdict = Verdict()
    pytest.main(["-q", "-x", "-p", "no:cacheprovider", *options, f"{PROJECT}/tests/{mutant.test}"], plugins=[verdict])
    return verdict.has_failed


def run_all(options: list[str]) -> int:
    """Each mutant in a process of its own; returns how many went unnoticed."""
    databases: SimpleQueue[str] = SimpleQueue()
    workers = os.cpu_count() or 1
    for number in range(workers):
        databases.put(f"mutants{number}")
    done = count(1)

    def run(number: int) -> bool:
        database = databases.get()
        command = [sys.executable, "-m", "tests.mutants", *options]
        environment = os.environ | {"PYTEST_XDIST_WORKER": database, "MUTANT": str(number)}
        outcome = subprocess.run(  # noqa: S603  # ourselves
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        databases.put(database)
        mark = "caught  " if outcome.returncode == 0 else "UNNOTICED"
        print(f"{next(done):>3}/{len(MUTANTS)}  {mark}  {MUTANTS[number].defence}", flush=True)  # noqa: T201  # what the command is for
        if outcome.returncode:
            print(outcome.stdout[-2000:], outcome.stderr[-2000:])  # noqa: T201  # likewise
        return outcome.returncode == 0

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(len(MUTANTS)))).count(False)


if __name__ == "__main__":
    if number := os.environ.get("MUTANT"):
        sys.exit(not is_caught(MUTANTS[int(number)], sys.argv[1:]))
    sys.exit(run_all(sys.argv[1:]) > 0)
