"""The service behind PgBouncer in transaction mode passes all of its tests, those with several processes included."""

import os
import subprocess
import sys

from tests.conftest import REPOSITORY
from tests.projects import Tools

SERVICE = REPOSITORY / "{{cookiecutter.project_slug}}"

# They are about connections to PostgreSQL itself, and make them.
DIRECT = ("tests/test_database_url.py", "tests/test_outages.py")
# PgBouncer connects as a user of its own, and keeps connections that the service has closed.
OTHER_CONNECTIONS = (
    "tests/test_migrations.py::test_a_user_without_rights_is_told_so_in_a_line",
    "tests/test_faults.py::test_a_connection_is_not_used_again_after_a_commit_that_failed",
)


def test_the_service_passes_its_tests_behind_pgbouncer(tools: Tools) -> None:
    plugins = ("-p", "in_place", "-p", "through_pgbouncer", "-p", "no:cacheprovider")
    ignored = (*(f"--ignore={path}" for path in DIRECT), *(f"--deselect={test}" for test in OTHER_CONNECTIONS))
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", *plugins, *ignored],
        cwd=SERVICE,
        env=tools.environment
        | {
            "PATH": f"{tools.environment['PATH']}{os.pathsep}/usr/sbin",
            "PYTHONPATH": f"{REPOSITORY / 'tools'}:.",
            "PYTHONPYCACHEPREFIX": str(tools.caches / "pycache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    assert " passed" in ended.stdout
