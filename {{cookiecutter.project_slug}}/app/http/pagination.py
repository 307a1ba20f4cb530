"""Lists in pages: what is asked for, and what is answered."""

from dataclasses import dataclass
from typing import Annotated
from typing import Any
from typing import TypeVar

from litestar.di import Provide
from litestar.pagination import OffsetPagination
from litestar.params import QueryParameter
from sqlalchemy import Select
from sqlalchemy import func
from sqlalchemy import literal
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.http.errors import InvalidField

# How far anybody leafs, and counts: whoever wants more searches. Counting millions of rows would hold up the others.
MAX_COUNTED = 10_000
MAX_PAGE_SIZE = 100

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted."""

    number: int
    size: int


def requested_page(
    page: Annotated[int, QueryParameter(ge=1, le=MAX_COUNTED, description="From 1.")] = 1,
    page_size: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE_SIZE)] = 20,
) -> Page:
    """The page that the query names.

    Raises:
        InvalidField: if it lies further than anybody leafs.
    """
    if page * page_size > MAX_COUNTED:
        raise InvalidField("page", f"Pages reach as far as {MAX_COUNTED} entries. Search for what you want instead.")
    return Page(page, page_size)


def printable(field: str, text: str | None) -> str | None:
    """The text that a query gives for `field`, if PostgreSQL can look for it.

    Raises:
        InvalidField: if a character in it cannot be printed.
    """
    if text is not None and not text.isprintable():
        raise InvalidField(field, "Use printable characters only.")
    return text


# For every handler that asks for `part`.
PAGINATION = {"part": Provide(requested_page, sync_to_thread=False)}


async def paginate(session: AsyncSession, everything: Select[tuple[Row]], page: Page) -> OffsetPagination[Row]:
    """That page of what the statement selects; a `total` of `MOST_COUNTED` means that many or more."""
    some = everything.with_only_columns(literal(1), maintain_column_froms=True).order_by(None).limit(MAX_COUNTED)
    if everything.whereclause is None:
        # Along an index, whose pages stay in memory: those of a large table that is read from its start do not.
        some = some.order_by(*everything.get_final_froms()[0].primary_key)
    total = await session.scalar(select(func.count()).select_from(some.subquery()))
    offset = (page.number - 1) * page.size
    rows: list[Any] = [*await session.scalars(everything.limit(page.size).offset(offset))]
    return OffsetPagination(rows, limit=page.size, offset=offset, total=total or 0)
