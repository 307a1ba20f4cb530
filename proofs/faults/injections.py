"""What goes wrong, and how long; each fault is over when its function returns."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from time import monotonic
from typing import TypeAlias

from proofs.faults.clients import User
from proofs.faults.postgres import Postgres
from proofs.faults.standby import Standby
from tests.processes.mail_server import MailServer
from tests.processes.workers import WRONG_BY
from tests.processes.workers import Worker
from tests.processes.workers import settings_for
from tests.processes.workers import until
from tests.tables import Tables


@dataclass
class Scene:
    """Where it happens."""

    postgres: Postgres
    workers: list[Worker]
    mails: MailServer
    tables: Tables
    users: list[User] = field(default_factory=list)
    # What has to be put right once everything is compared.
    undoing: ExitStack = field(default_factory=ExitStack)


Fault: TypeAlias = Callable[[Scene, float], Awaitable[None]]
REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'refused' USING ERRCODE = '{sqlstate}'; END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON "user"
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
"""


async def nothing(_: Scene, seconds: float) -> None:
    """Nothing goes wrong."""
    await asyncio.sleep(seconds)


async def backends_die(scene: Scene, seconds: float) -> None:
    """Processes of PostgreSQL that serve connections are killed."""
    for _ in range(3):
        scene.postgres.kill_backend()
        await asyncio.sleep(seconds / 3)


async def postgres_dies(scene: Scene, seconds: float) -> None:
    """All of PostgreSQL is killed, and started again after a while."""
    await asyncio.to_thread(scene.postgres.kill)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(scene.postgres.start)


async def postgres_restarts(scene: Scene, seconds: float) -> None:
    """Somebody restarts it."""
    await asyncio.to_thread(scene.postgres.stop)
    await asyncio.sleep(seconds / 2)
    await asyncio.to_thread(scene.postgres.start)


async def a_standby_takes_over(scene: Scene, seconds: float) -> None:
    """All of PostgreSQL is killed, and a while later the second host of `DATABASE_URL` is promoted in its place."""
    standby = Standby(scene.postgres.server)
    scene.undoing.callback(standby.leave)
    await asyncio.to_thread(standby.follow)
    there = f"127.0.0.1:{scene.postgres.port}"
    url = scene.workers[0].environment["DATABASE_URL"]
    both = url.replace(there, f"{there},127.0.0.1:{standby.port}") + "?target_session_attrs=read-write"
    await asyncio.gather(*(_restart(worker, worker.environment | {"DATABASE_URL": both}) for worker in scene.workers))
    await asyncio.sleep(seconds / 2)
    await asyncio.to_thread(scene.postgres.kill)
    scene.undoing.callback(scene.postgres.start)
    await asyncio.sleep(seconds / 2)
    await asyncio.to_thread(standby.promote)
    await scene.tables.close()
    scene.tables = Tables(settings_for(url.replace(there, f"127.0.0.1:{standby.port}")), {})


async def the_line_is_cut_before_commits(scene: Scene, seconds: float) -> None:
    """One commit in five never arrives."""
    scene.postgres.cut_before_commit = 0.2
    await asyncio.sleep(seconds)
    scene.postgres.cut_before_commit = 0.0


async def the_line_is_cut_after_commits(scene: Scene, seconds: float) -> None:
    """One commit in five arrives, and the service never learns what became of it."""
    scene.postgres.cut_after_commit = 0.2
    await asyncio.sleep(seconds)
    scene.postgres.cut_after_commit = 0.0


async def the_disk_is_full(scene: Scene, seconds: float) -> None:
    """PostgreSQL says so at each commit that writes a user."""
    await _refuse(scene, seconds, "53100")


async def commits_are_refused(scene: Scene, seconds: float) -> None:
    """A deferred constraint fails at each commit that writes a user."""
    await _refuse(scene, seconds, "23514")


async def a_worker_is_killed(scene: Scene, seconds: float) -> None:
    """One process of the service is killed, and started again after a while."""
    await scene.workers[0].kill()
    await asyncio.sleep(seconds)
    await scene.workers[0].start()


async def a_worker_is_replaced(scene: Scene, seconds: float) -> None:
    """One process of the service is told to end, as at a deployment, and started again."""
    await scene.workers[0].stop()
    await asyncio.sleep(seconds / 2)
    await scene.workers[0].start()


async def a_clock_is_wrong(scene: Scene, seconds: float) -> None:
    """The clock of one process is an hour ahead, and then an hour behind."""
    worker = scene.workers[0]
    right = worker.environment
    for wrong_by in (3600, -3600):
        await _restart(worker, right | {WRONG_BY: str(wrong_by)})
        await asyncio.sleep(seconds / 2)
    await _restart(worker, right)


async def the_key_is_replaced(scene: Scene, seconds: float) -> None:
    """In the steps of docs/secrets.md, in one process after the other."""
    old = scene.workers[0].environment["SECRET_KEY"]
    new = f"{old}, which was replaced"
    for keys in ((old, new), (new, old), (new, "")):
        changes = dict(zip(("SECRET_KEY", "SECRET_KEY_PREVIOUS"), keys, strict=True))
        for worker in scene.workers:
            await _restart(worker, worker.environment | changes)
            await asyncio.sleep(seconds / 9)
        # As after 30 days.
        await until(partial(_all_users_came_back, scene, monotonic()))


async def _all_users_came_back(scene: Scene, since: float) -> bool:
    return all(user.renewed_at > since for user in scene.users)


async def _restart(worker: Worker, environment: dict[str, str]) -> None:
    await worker.stop()
    worker.environment = environment
    await worker.start()
    await until(worker.is_ready)


async def the_mail_server_flaps(scene: Scene, seconds: float) -> None:
    """The mail server is slow, then refuses everybody for a while, and comes back."""
    scene.mails.seconds_for_each = 0.3
    await asyncio.sleep(seconds / 2)
    scene.mails.refuses_all = True
    await asyncio.sleep(seconds / 2)
    scene.mails.seconds_for_each, scene.mails.refuses_all = 0.0, False


async def _refuse(scene: Scene, seconds: float, sqlstate: str) -> None:
    await scene.tables.execute_all(REFUSE.format(sqlstate=sqlstate))
    await asyncio.sleep(seconds)
    await scene.tables.execute("DROP FUNCTION refuse CASCADE")


FAULTS: list[Fault] = [
    nothing,
    backends_die,
    postgres_dies,
    postgres_restarts,
    a_standby_takes_over,
    the_line_is_cut_before_commits,
    the_line_is_cut_after_commits,
    the_disk_is_full,
    commits_are_refused,
    a_worker_is_killed,
    a_worker_is_replaced,
    a_clock_is_wrong,
    the_key_is_replaced,
    the_mail_server_flaps,
]
