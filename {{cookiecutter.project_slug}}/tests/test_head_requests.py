"""HEAD is answered wherever GET is, and a request may announce chunks and send none."""

from collections.abc import AsyncIterator

import pytest
from litestar import Litestar

from tests.cast import Person


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body that is sent in chunks."""
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/users/me", "/users/me/sessions", "/nothing", "/schema"])
async def test_head_is_answered_as_get_without_a_body(signed_in: Person, path: str) -> None:
    got = await signed_in.client.get(path)
    answer = await signed_in.client.head(path)
    assert (answer.status_code, answer.content) == (got.status_code, b"")
    varying = {"set-cookie"}
    assert {*answer.headers} - varying == {*got.headers} - varying
    assert answer.headers["Content-Length"] == got.headers["Content-Length"]


async def test_every_path_with_get_has_head(app: Litestar, visitor: Person) -> None:
    paths = [route.path for route in app.routes if "GET" in getattr(route, "methods", ())]
    assert len(paths) > 5
    for path in paths:
        answer = await visitor.client.head(path.replace("{", "").replace(":", ""))
        assert (path, answer.status_code) != (path, 405)


async def test_head_of_a_route_without_get_is_refused(visitor: Person) -> None:
    answer = await visitor.client.head("/login")
    assert answer.status_code == 405


@pytest.mark.parametrize(("pieces", "status"), [((), 204), ((b"{}",), 415), ((b"", b"x"), 415)])
async def test_a_request_may_announce_chunks_and_send_none(
    signed_in: Person, pieces: tuple[bytes, ...], status: int
) -> None:
    headers = {"Transfer-Encoding": "chunked"}
    answer = await signed_in.client.post("/logout", content=chunks(*pieces), headers=headers)
    assert answer.status_code == status
