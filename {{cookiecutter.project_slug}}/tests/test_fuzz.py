"""The short form of `make fuzz`."""

import pytest

from tests.fuzz import run


@pytest.mark.checklist("I01")
async def test_made_up_requests_do_not_break_it() -> None:
    outcomes = await run(["--max-examples", "1", "--seed", "1", "--phases", "fuzzing"])
    assert [str(outcome) for outcome in outcomes if not outcome.is_fine] == []
    # One for each operation that a caller is to try.
    assert min(outcome.cases for outcome in outcomes) >= 20
