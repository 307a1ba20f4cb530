"""The checklist and the tests name the same rows."""

from pathlib import Path

import pytest

from tests.checklist import ROWS
from tests.checklist import marked_rows


def test_every_row_has_a_test() -> None:
    assert set(ROWS) <= marked_rows(Path(__file__).parent)


def test_every_test_names_rows_that_there_are(request: pytest.FixtureRequest) -> None:
    named = {row for item in request.session.items for mark in item.iter_markers("checklist") for row in mark.args}
    assert named <= set(ROWS)
