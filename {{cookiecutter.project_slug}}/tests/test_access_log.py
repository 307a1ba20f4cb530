"""The access log: tokens in links do not reach it."""

import logging

import pytest

FORMAT = '%s - "%s %s HTTP/%s" %d'


@pytest.mark.checklist("A06")
@pytest.mark.usefixtures("app")
async def test_the_access_log_shows_paths_without_their_queries(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "uvicorn.access"):
        logging.getLogger("uvicorn.access").info(FORMAT, "127.0.0.1:5", "GET", "/verify?token=abc&again=?", "1.1", 200)
    assert caplog.messages == ['127.0.0.1:5 - "GET /verify HTTP/1.1" 200']
