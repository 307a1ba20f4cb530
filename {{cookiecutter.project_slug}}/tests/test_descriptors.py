"""A process without file descriptors says so in its log, once."""

import logging
import os
import resource

import pytest
from litestar import Litestar

from app.operations.descriptors import note_descriptors

USED_UP = "No file descriptor is left"


async def test_a_process_that_has_used_up_its_file_descriptors_logs_it_once(
    app: Litestar, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert await note_descriptors(app) > 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.open(os.devnull, os.O_RDONLY)
    os.close(probe)
    # The lowest that is free, so all below it are taken.
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, hard))
    try:
        for _ in range(2):
            await note_descriptors(app)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caplog.text.count(USED_UP) == 1
    await note_descriptors(app)
    assert "There are file descriptors again" in caplog.text
