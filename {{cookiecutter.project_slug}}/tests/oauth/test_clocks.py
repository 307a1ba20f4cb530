"""Instances on machines whose clocks differ agree on how long a trip to a provider may take."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from app.settings import Settings
from tests.cast import Outbox
from tests.cast import Person
from tests.oauth.fake_network import CLIENT_ID
from tests.oauth.fake_network import CLIENT_SECRET
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import query_of
from tests.processes.workers import WRONG_BY
from tests.processes.workers import Worker
from tests.processes.workers import Workers
from tests.processes.workers import environment
from tests.tables import Tables

EXPIRES_IN = "UPDATE oauth_state SET expires_at = clock_timestamp() + interval '{} seconds'"


class Apart(NamedTuple):
    """One browser, led to a process whose clock is a minute behind, or to one whose clock is a minute ahead."""

    behind: Person
    ahead: Person


@pytest.fixture
async def visitor(settings: Settings, tables: Tables) -> AsyncIterator[Apart]:  # noqa: ARG001  # empties them
    """A visitor without an account."""
    github = {"OAUTH_GITHUB_CLIENT_ID": CLIENT_ID, "OAUTH_GITHUB_CLIENT_SECRET": CLIENT_SECRET}
    both = [Worker(environment(settings) | github | {WRONG_BY: str(seconds)}) for seconds in (-60, 60)]
    workers = Workers(*both)
    try:
        await workers.start()
        yield Apart(*(workers.person("visitor", Outbox(), worker=worker) for worker in both))
        await workers.say_goodbye()
    finally:
        await workers.stop()
        workers.show_consoles()


@pytest.mark.checklist("F09", "G02")
async def test_a_trip_ends_in_time_at_one_moment(visitor: Apart, tables: Tables) -> None:
    answers = []
    for begun, ended, seconds in ((visitor.behind, visitor.ahead, 30), (visitor.ahead, visitor.behind, -30)):
        state = query_of(await leave(begun, "/oauth2/github/authorize"))["state"]
        ended.client.cookies.update(begun.client.cookies)
        await tables.execute(EXPIRES_IN.format(seconds))
        answers.append(problem_of(await ended.get(f"/oauth2/github/callback?state={state}&error=access_denied")))
    assert answers == [(400, "provider-refused"), (400, "invalid-state")]
