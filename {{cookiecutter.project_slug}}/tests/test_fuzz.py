"""The short form of `make fuzz`."""

import pytest

from tests.fuzz import rounds_of
from tests.fuzz import run


@pytest.mark.checklist("I01")
async def test_made_up_requests_do_not_break_it() -> None:
    outcomes = await run(rounds_of(1, 1, "fuzzing"))
    assert [str(outcome) for outcome in outcomes if not outcome.is_fine] == []
    # One for each operation that a caller is to try.
    assert min(outcome.cases for outcome in outcomes) >= 20
