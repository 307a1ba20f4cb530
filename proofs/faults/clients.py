"""People who use the service without pause, whatever happens to it."""

import asyncio
import random
from itertools import count
from time import monotonic

from httpx import AsyncBaseTransport
from httpx import AsyncClient
from httpx import ConnectError
from httpx import HTTPError
from httpx import Request
from httpx import Response

from proofs.faults.ledger import ACKNOWLEDGED
from proofs.faults.ledger import Ledger
from tests.cast import BASE_URL
from tests.cast import PASSWORD
from tests.credentials import kind
from tests.processes.workers import ToWorker
from tests.processes.workers import Worker

PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 15
numbers = count()


class Balancer(AsyncBaseTransport):
    """Leads each request to a process that listens; none is sent twice."""

    def __init__(self, workers: list[Worker]) -> None:
        self._workers = workers
        self._ways: dict[str, ToWorker] = {}

    async def handle_async_request(self, request: Request) -> Response:
        """Try each process, beginning with any of them."""
        refusal = ConnectError("Nobody listens.")
        for worker in random.sample(self._workers, len(self._workers)):
            if not worker.url:
                continue
            try:
                return await self._ways.setdefault(worker.url, ToWorker(worker.url)).handle_async_request(request)
            except ConnectError as error:
                refusal = error
        raise refusal

    async def aclose(self) -> None:
        """Leave."""
        for way in self._ways.values():
            await way.aclose()


class User:
    """Somebody with an account, on one device after the other."""

    def __init__(self, email: str, way: AsyncBaseTransport, ledger: Ledger) -> None:
        self.email = email
        self._ledger = ledger
        self._client = AsyncClient(transport=way, base_url=BASE_URL, timeout=PATIENCE_SECONDS)
        # Presents no credentials: those that a sign-in is presented with end.
        self._new_device = AsyncClient(transport=way, base_url=BASE_URL, timeout=PATIENCE_SECONDS)
        self._is_signed_in = False
        # When the credentials were new, by the clock that nothing moves.
        self.renewed_at = 0.0

    async def live(self, is_over: asyncio.Event) -> None:
        """Do one thing after the other."""
        things = (
            *(self.rename, self.read, self.read, self.keep_up, self.keep_up),
            *(self.sign_in, self.ask_for_a_mail, self.register_somebody),
        )
        await self.sign_in()
        while not is_over.is_set():
            await random.choice(things)()  # noqa: S311  # any will do
            await asyncio.sleep(PAUSE_SECONDS)

    async def sign_in(self) -> None:
        """Begin another session, and go on with it."""
        self._new_device.cookies.clear()
        answer = await self._ask("POST", "/login", self._new_device, email=self.email, password=PASSWORD)
        outcome = self._ledger.enter(answer)
        self._ledger.sign_ins[self.email, outcome] += 1
        if outcome == ACKNOWLEDGED and isinstance(answer, Response):
            self._client.cookies.clear()
            self._client.cookies.extract_cookies(answer)
            kind.present(self._client, answer)
            self._is_signed_in = True
            self.renewed_at = monotonic()

    async def rename(self) -> None:
        """Take another name."""
        if self._is_signed_in:
            name = f"name-{next(numbers)}"
            outcome = self._ledger.enter(await self._ask("PATCH", "/users/me", display_name=name))
            self._ledger.rename(self.email, name, outcome)

    async def read(self) -> None:
        """Look at the account; no fault signs a user out."""
        if self._is_signed_in:
            self._require_signed_in(await self._ask("GET", "/users/me"))

    async def keep_up(self) -> None:
        """Keep the credentials working; if the answer is lost, the next time is with those that there were."""
        if self._is_signed_in:
            asked_at = monotonic()
            try:
                answer: Response | HTTPError | None = await kind.keep_up(self._client)
            except HTTPError as error:
                answer = error
            if answer is None or self._require_signed_in(answer):
                self.renewed_at = asked_at

    def _require_signed_in(self, answer: Response | HTTPError) -> bool:
        outcome = self._ledger.enter(answer)
        if isinstance(answer, Response) and answer.status_code == 401:
            self._ledger.complaints.append(f"{self.email} was signed out")
            self._is_signed_in = False
        return outcome == ACKNOWLEDGED

    async def ask_for_a_mail(self) -> None:
        """Have a link sent."""
        outcome = self._ledger.enter(await self._ask("POST", "/forgot-password", email=self.email))
        self._ledger.mails[self.email, outcome] += 1

    async def register_somebody(self) -> None:
        """Sign up with an address that is new."""
        email = f"new{next(numbers)}@example.com"
        outcome = self._ledger.enter(await self._ask("POST", "/register", email=email, password=PASSWORD))
        self._ledger.registrations[email] = outcome
        self._ledger.mails[email, outcome] += 1

    async def leave(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._new_device.aclose()

    async def _ask(
        self, method: str, path: str, client: AsyncClient | None = None, **body: str
    ) -> Response | HTTPError:
        try:
            return await (client or self._client).request(method, path, json=body or None)
        except HTTPError as error:
            return error
