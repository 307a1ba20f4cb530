"""Requests at the same moment: each has read what it judges by before any of them changes it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from httpx import Response

from tests.tables import Tables

# Requests write to these before they come to what they are about.
WRITTEN_BEFORE = {"attempts", "outgoing_mail", "audit_event"}


async def at_once(tables: Tables, *requests: Coroutine[Any, Any, Response]) -> list[Response]:
    """The answers, in order; every request has come as far as its first lock or change before one of them goes on.

    At most as many requests as the service has connections.
    """
    names = ", ".join(f'"{name}"' for name in tables.names if name not in WRITTEN_BEFORE)
    async with tables.changing(f"LOCK TABLE {names} IN EXCLUSIVE MODE"):
        sent = [asyncio.ensure_future(request) for request in requests]
        while await tables.waiting() + sum(each.done() for each in sent) < len(sent):  # noqa: ASYNC110  # PostgreSQL sets no event
            await asyncio.sleep(0.01)
    return [*await asyncio.gather(*sent)]


def statuses(answers: list[Response]) -> list[int]:
    """Their statuses, in ascending order."""
    return sorted(int(answer.status_code) for answer in answers)
