"""Where it listens, who calls through that, and how a load balancer takes it out of service and loses no request."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from pathlib import Path
from socket import has_dualstack_ipv6

import pytest
from httpx import AsyncClient
from httpx import TransportError

from app.operations import serve
from app.settings import Settings
from tests.processes.workers import PATIENCE_SECONDS
from tests.processes.workers import Worker
from tests.processes.workers import environment
from tests.processes.workers import until

BEHIND_PROXY = {"X-Forwarded-For": "198.51.100.7"}
DRAIN = ("--drain-seconds", "3")


@asynccontextmanager
async def served(worker: Worker) -> AsyncIterator[Worker]:
    """The service, started and stopped."""
    try:
        await worker.start()
        await until(worker.is_ready)
        yield worker
    finally:
        await worker.stop()
        sys.stdout.write("".join(worker.console))


def logged(worker: Worker, line: str, times: int = 1) -> Callable[[], Awaitable[bool]]:
    """Whether it has printed this so often."""

    async def look() -> bool:
        return sum(line in printed for printed in worker.console) >= times

    return look


@pytest.mark.skipif(not has_dualstack_ipv6(), reason="This machine has no IPv6.")
@pytest.mark.checklist("B12")
@pytest.mark.parametrize("processes", [1, 2])
async def test_it_listens_on_both_families(settings: Settings, processes: int) -> None:
    changes = {"TRUSTED_PROXIES": "127.0.0.1"}
    async with (
        served(Worker(environment(settings) | changes, processes, "--host", "::")) as worker,
        AsyncClient() as client,
    ):
        port = worker.url.rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]"):
            answer = await client.get(f"http://{host}:{port}/verify", headers=BEHIND_PROXY)
            assert answer.status_code == 200
        await until(logged(worker, '"ip": "198.51.100.7"'))
        await until(logged(worker, '"ip": "::1"'))


@pytest.mark.checklist("B12")
@pytest.mark.parametrize("processes", [1, 2])
async def test_it_listens_on_a_unix_socket(settings: Settings, tmp_path: Path, processes: int) -> None:
    path = tmp_path / "service.sock"
    changes = {"TRUSTED_PROXIES": "unix"}
    async with served(Worker(environment(settings) | changes, processes, uds=str(path))) as worker:
        async with worker.client() as client:
            assert (await client.get("/verify", headers=BEHIND_PROXY)).status_code == 200
        await until(logged(worker, '"ip": "198.51.100.7"'))
        await worker.kill()
        assert path.is_socket()
        await worker.start()
        await until(worker.is_ready)
    assert not path.exists()
    assert not any("TRUSTED_PROXIES" in line for line in worker.console)


async def test_a_socket_that_is_not_trusted_is_said_at_the_start(settings: Settings, tmp_path: Path) -> None:
    async with served(Worker(environment(settings), uds=str(tmp_path / "service.sock"))) as worker:
        await until(logged(worker, "TRUSTED_PROXIES does not contain unix"))


@pytest.mark.checklist("I07")
@pytest.mark.parametrize("processes", [1, 2])
async def test_it_takes_requests_while_it_drains_and_then_ends_as_planned(settings: Settings, processes: int) -> None:
    async with served(Worker(environment(settings), processes, *DRAIN)) as worker, worker.client() as client:
        assert (await client.get("/health/ready")).status_code == 200
        stopping = asyncio.create_task(worker.stop())

        async def drains() -> bool:
            return (await client.get("/health/ready")).status_code == 503

        await until(drains)
        for _ in range(3):
            answer = await client.get("/verify")
            assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/health/ready")).json() == {"status": "stopping"}
        assert not stopping.done()
        assert await stopping == 0


@pytest.mark.checklist("I07")
@pytest.mark.parametrize("processes", [1, 2])
async def test_a_second_signal_ends_the_drain_time_unless_it_comes_with_the_first(
    settings: Settings, processes: int
) -> None:
    async with served(Worker(environment(settings), processes, "--drain-seconds", "3600")) as worker:
        family = worker.family()
        stopping = asyncio.create_task(worker.stop())
        # Many, so that a signal also interrupts the handler of another.
        for process in family * 100:
            process.terminate()
        await until(logged(worker, "Draining for 3600 seconds"))
        await asyncio.sleep(serve.SAME_SIGNAL_SECONDS)
        async with worker.client() as client:
            assert (await client.get("/health/ready")).json() == {"status": "stopping"}
        family[0].terminate()
        assert await stopping == 0


@pytest.mark.checklist("I07")
async def test_a_process_that_ends_early_does_not_end_the_drain_time_of_the_others(settings: Settings) -> None:
    async with served(Worker(environment(settings), 2, "--drain-seconds", "3600")) as worker:
        await until(logged(worker, "Application startup complete", 2))
        parent, *children = worker.family()
        parent.terminate()
        await until(logged(worker, "Draining for 3600 seconds", 2))
        await asyncio.sleep(serve.SAME_SIGNAL_SECONDS)
        first, second = (process for process in children if "spawn_main" in " ".join(process.cmdline()))
        first.send_signal(signal.SIGINT)
        await asyncio.to_thread(first.wait, PATIENCE_SECONDS)
        # The parent has noticed, and would have told the other.
        await asyncio.sleep(1)
        assert not await logged(worker, "Shutting down", 2)()
        second.send_signal(signal.SIGINT)


class LoadBalancer:
    """Sends each request to an instance that was ready when it was asked last."""

    def __init__(self, *workers: Worker) -> None:
        self.workers, self.ready = [*workers], [*workers]
        self.answers: list[int] = []
        self.lost = 0

    async def check(self) -> None:
        """Ask each instance over and over."""
        while True:
            self.ready = [worker for worker in self.workers if await self._is_ready(worker)]
            await asyncio.sleep(0.2)

    async def _is_ready(self, worker: Worker) -> bool:
        async with worker.client() as client:
            try:
                return (await client.get("/health/ready")).is_success
            except TransportError:
                return False

    def has_answered(self, requests: int) -> Callable[[], Awaitable[bool]]:
        """Whether so many requests were answered."""

        async def look() -> bool:
            return len(self.answers) >= requests

        return look

    async def send(self, number: int) -> None:
        """Send requests one after the other, on connections that are kept open."""
        async with AsyncExitStack() as stack:
            clients = {worker: await stack.enter_async_context(worker.client()) for worker in self.workers}
            while True:
                ready = self.ready
                try:
                    answer = await clients[ready[number % len(ready)]].get("/verify")
                    self.answers.append(answer.status_code)
                except TransportError:
                    self.lost += 1
                await asyncio.sleep(0.01)


@pytest.mark.checklist("I07")
async def test_behind_a_load_balancer_no_request_is_lost_when_an_instance_stops(settings: Settings) -> None:
    first, second = (Worker(environment(settings), 1, *DRAIN) for _ in range(2))
    async with served(first), served(second):
        balancer = LoadBalancer(first, second)
        tasks = [asyncio.create_task(each) for each in (balancer.check(), *map(balancer.send, range(6)))]
        await until(balancer.has_answered(100))
        assert await first.stop() == 0
        await until(balancer.has_answered(len(balancer.answers) + 100))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert balancer.lost == 0
    assert set(balancer.answers) == {200}
