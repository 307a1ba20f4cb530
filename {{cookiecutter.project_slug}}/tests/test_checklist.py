"""The checklist and the tests name the same rows."""

from pathlib import Path

from tests.checklist import ROWS
from tests.checklist import marked_rows


def test_every_row_has_a_test_and_every_test_names_a_row() -> None:
    assert marked_rows(Path(__file__).parent) == set(ROWS)
