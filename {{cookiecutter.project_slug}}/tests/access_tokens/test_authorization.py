"""Every route responds to both kinds of tokens as the table says."""

import pytest

from tests.access_tokens.program import program_of
from tests.access_tokens.test_requests import DENIED
from tests.access_tokens.test_requests import NOT_ACCEPTED
from tests.authorization import TABLE
from tests.authorization import TOKENS
from tests.authorization import Access
from tests.cast import Person
from tests.cast import Stage
from tests.test_authorization import CLOSED
from tests.test_authorization import REFUSALS
from tests.test_authorization import call
from tests.test_authorization import kind_of


@pytest.mark.checklist("H02", "L02", "L03")
@pytest.mark.parametrize("access", ["read", "write"])
async def test_a_token_is_let_in_where_the_table_says_so_and_nowhere_else(
    grace: Person, stage: Stage, access: str
) -> None:
    program = await program_of(stage, grace, access=access)
    for route in CLOSED:
        answer = await call(program, route)
        if route not in TOKENS:
            assert kind_of(answer) == NOT_ACCEPTED, route
        elif TOKENS[route] in {"read", access} and TABLE[route] in set(Access):
            assert answer.status_code not in REFUSALS, route
            assert answer.status_code < 500, route
        else:
            assert kind_of(answer) == DENIED, route


def test_the_table_of_tokens_names_routes_that_exist() -> None:
    assert {*TOKENS} <= {*CLOSED}
    assert {access for route, access in TOKENS.items() if not route.startswith("GET ")} <= {"write"}
