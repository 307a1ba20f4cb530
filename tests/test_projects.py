"""Each combination lives: it migrates, passes its own tests, and keeps the contract as a process over HTTP."""

import itertools
import re
from contextlib import nullcontext
from pathlib import Path

from tests.combinations import COMBINATIONS
from tests.combinations import PAIRS
from tests.combinations import Combination
from tests.contract import PASSWORD
from tests.contract import Visit
from tests.contract import steps
from tests.guides import walk
from tests.projects import Project
from tests.server import Server
from tests.server import providing
from tests.server import serving

# Started with several processes, some combinations prove that too.
RUN_OPTIONS = {"session-rbac-oauth-pages": ["--wc", "2"], "jwt-rbac-oauth-no-pages": ["--reload"]}
# Tests of a service that depend on no answer; they run with the combinations below.
ALIKE = (
    "test_backups",
    "test_database_url",
    "test_embedded_postgres",
    "test_private_authority",
    "test_setting_bounds",
    "test_setting_urls",
    "test_silent_database",
)
# How Litestar ends when Ctrl-C reaches it together with the processes that it has started, or a moment before them.
ENDINGS = {0, 1}
# Half of the time. Once with each kind of credentials is enough: features change little of what they try.
SLOW = ("--ignore=tests/processes", "--ignore=tests/test_fuzz.py", *(f"--ignore=tests/{name}.py" for name in ALIKE))
WITH_PROCESSES = {"session-rbac-oauth-pages", "jwt-rbac-no-oauth-no-pages", "jwt_cookie-no-rbac-no-oauth-pages"}


def test_any_two_answers_occur_together_where_its_own_tests_run() -> None:
    chosen = [each for each in COMBINATIONS if str(each) in PAIRS]
    assert pairs(chosen) == pairs(COMBINATIONS)
    assert WITH_PROCESSES < PAIRS


def pairs(chosen: list[Combination]) -> set[tuple[object, ...]]:
    """Every two answers that one of these combinations has."""
    return {pair for each in chosen for pair in itertools.combinations(each.answers.items(), 2)}


def test_migrations_go_up_and_down_on_postgresql(project: Project) -> None:
    project.run("alembic", "upgrade", "head")
    project.run("alembic", "check")
    project.run("alembic", "downgrade", "base")
    project.run("alembic", "upgrade", "head")

    assert "(head)" in project.run("alembic", "current")


def test_migrations_can_be_read_as_sql(project: Project) -> None:
    sql = project.run("alembic", "upgrade", "head", "--sql")

    assert 'CREATE TABLE "user"' in sql
    assert sql.rstrip().endswith("COMMIT;")


def test_it_keeps_the_contract(project: Project, combination: Combination) -> None:
    project.run("alembic", "upgrade", "head")
    options = RUN_OPTIONS.get(str(combination), [])

    others = project.tools.databases().keys()

    no_provider: nullcontext[dict[str, str]] = nullcontext({})
    with (
        providing(project) if combination.include_oauth else no_provider as settings,
        serving(project, *options, **settings) as server,
        Visit(server, project) as visit,
    ):
        for step in steps(combination):
            step(visit)
        if combination.include_rbac:
            project.run("litestar", "users", "create-admin", "--email", "admin@example.com", stdin=f"{PASSWORD}\n")
        walk(project.read("docs/requests.http"), server)

        assert server.interrupt() in (ENDINGS if options else {0}), server.console
    assert_console_is_clean(server, visit)
    assert project.tools.databases().keys() <= others, "PostgreSQL still runs"


def assert_console_is_clean(server: Server, visit: Visit) -> None:
    """Nothing broke, and no secret is in a log line; in mails, which the console shows as well, it has to be."""
    logged = re.sub(r"^-{80}$.*?^-{80}$", "", server.console, flags=re.DOTALL | re.MULTILINE)
    assert "GET /verify" in logged
    assert [line for line in logged.splitlines() if any(secret in line for secret in visit.secrets)] == []
    assert [line for line in logged.splitlines() if re.search("Traceback|Warning|ERROR|Exception", line)] == []


def test_its_own_tests_pass(project: Project, combination: Combination) -> None:
    if str(combination) not in PAIRS:
        assert re.search(r"\d+ tests collected", project.run("pytest", "--collect-only", "-q"))
        return
    options = {} if str(combination) in WITH_PROCESSES else {"PYTEST_ADDOPTS": " ".join(SLOW)}

    shown = project.run("make", "test", **options)

    assert re.search(r"\d+ passed", shown)
    assert "warning" not in shown


def test_running_leaves_nothing_that_git_would_add(project: Project, rendering: Path) -> None:
    """The last one, since the others have left what tools leave."""
    project.run("git", "init", "--quiet")
    listed = project.run("git", "ls-files", "--others", "--exclude-standard").splitlines()

    generated = {path.relative_to(rendering).as_posix() for path in rendering.rglob("*") if path.is_file()}
    assert set(listed) == generated - {".env"}
