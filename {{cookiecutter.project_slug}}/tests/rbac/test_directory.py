"""The list of users: what is found, in which order, and that it costs the same however many there are."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.user_search import AccountState
from app.accounts.user_search import UserFilter
from app.accounts.user_search import users_matching
from app.database.transactions import new_transaction
from app.http import pagination
from app.rbac.user_search import ORDERS
from app.rbac.user_search import Sort
from app.rbac.user_search import has_role
from tests.cast import Person
from tests.tables import Tables

MANY = 20_000
CROWD = f"""
    INSERT INTO "user" (id, email, password_hash, display_name, is_active, is_verified, created_at)
    SELECT gen_random_uuid(), 'user' || n || '@example.com', '!', 'Name ' || n, n % 1000 > 0, n % 999 > 0,
           now() - n * interval '1 minute' - interval '1 hour'
    FROM generate_series(1, {MANY}) AS n
"""  # noqa: S608  # written here


@pytest.fixture
async def crowd(ada: Person, tables: Tables) -> Person:
    """An administrator of many users; ada is the newest of them."""
    await tables.execute(CROWD)
    await tables.execute("ANALYZE")
    return ada


@pytest.fixture
async def session(app: Litestar, tables: Tables) -> AsyncIterator[AsyncSession]:
    """A way to ask PostgreSQL what it would do."""
    async with new_transaction(app) as session:
        yield session
    await tables.restore()


async def found(person: Person, **query: Any) -> dict[str, Any]:
    """What the list answers."""
    answer = await person.client.get("/users", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def addresses_in(body: dict[str, Any]) -> list[str]:
    """Whom it shows, up to the at."""
    return [user["email"].partition("@")[0] for user in body["items"]]


async def test_the_newest_come_first_a_page_at_a_time(crowd: Person) -> None:
    first = await found(crowd, page_size=3)
    assert (addresses_in(first), first["limit"], first["offset"]) == (["ada", "user1", "user2"], 3, 0)
    second = await found(crowd, page_size=3, page=2)
    assert (addresses_in(second), second["offset"]) == (["user3", "user4", "user5"], 3)
    assert "hash" not in str(second)


async def test_a_total_is_exact_up_to_what_is_counted(crowd: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await found(crowd))["total"] == pagination.MAX_COUNTED
    assert (await found(crowd, search="user12"))["total"] == 1111
    monkeypatch.setattr(pagination, "MAX_COUNTED", 100_000)
    assert (await found(crowd))["total"] == MANY + 1


# Together, since the crowd takes a second to come.
FOUND: list[tuple[dict[str, Any], list[str]]] = [
    ({"search": "USER1999"}, ["user1999", *(f"user1999{n}" for n in range(10))]),
    ({"search": " name 777"}, ["user777", *(f"user777{n}" for n in range(10))]),
    ({"search": "%"}, []),
    ({"search": "user_"}, []),
    ({"state": "inactive", "page_size": 2}, ["user1000", "user2000"]),
    ({"state": "unverified", "page_size": 2}, ["user999", "user1998"]),
    ({"state": "active", "sort": "created_at", "page_size": 2}, ["user19999", "user19998"]),
    ({"sort": "email", "page_size": 1}, ["ada"]),
    ({"role": "Administrator"}, ["ada"]),
    ({"role": "member"}, []),
    ({"role": "nothing"}, []),
    ({"role": "administrator", "state": "inactive"}, []),
]


async def test_users_are_searched_filtered_and_sorted(crowd: Person) -> None:
    assert [(query, addresses_in(await found(crowd, **query))) for query, _ in FOUND] == FOUND


async def test_addresses_are_sorted_both_ways(crowd: Person) -> None:
    forwards = addresses_in(await found(crowd, search="user1999", sort="email"))
    backwards = addresses_in(await found(crowd, search="user1999", sort="-email"))
    assert len(forwards) == 11
    assert forwards == backwards[::-1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"page": 0}, "page"),
        ({"page": "x"}, "page"),
        ({"page_size": 101}, "page_size"),
        ({"page": 501}, "page"),
        ({"state": "odd"}, "state"),
        ({"sort": "password_hash"}, "sort"),
        ({"search": "x" * 255}, "search"),
        ({"search": "a\x00"}, "search"),
        ({"role": "a\x00"}, "role"),
    ],
)
async def test_what_cannot_be_listed_is_refused_by_name(ada: Person, query: dict[str, Any], field: str) -> None:
    answer = await ada.client.get("/users", params=query)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])


LISTS = [
    *(UserFilter(order=ORDERS[sort]) for sort in Sort),
    *(UserFilter(state=state, order=ORDERS[Sort.NEWEST]) for state in AccountState),
    UserFilter(search="user12", order=ORDERS[Sort.NEWEST]),
    UserFilter(search="user12345"),
    UserFilter(others=(has_role("administrator"),), order=ORDERS[Sort.NEWEST]),
]


@pytest.mark.usefixtures("crowd")
async def test_no_list_reads_the_whole_table(session: AsyncSession) -> None:
    for wanted in LISTS:
        statement = users_matching(wanted).limit(20)
        written = statement.compile(session.bind, compile_kwargs={"literal_binds": True})
        plan = "\n".join(await session.scalars(text(f"EXPLAIN {written}")))
        assert 'Seq Scan on "user"' not in plan, f"{wanted}\n{plan}"
