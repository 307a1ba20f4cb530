"""Lists in pages."""

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

# The last entry of a list that can be reached or counted. Counting millions of rows would slow down other requests.
MAX_COUNTED = 10_000
MAX_PAGE_SIZE = 100

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page:
    """The requested part of a list."""

    number: int
    size: int


def requested_page(
    page: Annotated[int, QueryParameter(ge=1, le=MAX_COUNTED, description="From 1.")] = 1,
    page_size: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE_SIZE)] = 20,
) -> Page:
    """The page that the query names.

    Raises:
        InvalidField: if it lies beyond `MAX_COUNTED` entries.
    """
    if page * page_size > MAX_COUNTED:
        raise InvalidField("page", f"Only the first {MAX_COUNTED:,} entries have pages. Search to find later ones.")
    return Page(page, page_size)


def printable(field: str, text: str | None) -> str | None:
    """The text of a query parameter, if PostgreSQL can search for it.

    Raises:
        InvalidField: if it contains a character that cannot be printed.
    """
    if text is not None and not text.isprintable():
        raise InvalidField(field, "Use printable characters only.")
    return text


# For every handler that has a parameter `part`.
PAGINATION = {"part": Provide(requested_page, sync_to_thread=False)}


async def paginate(session: AsyncSession, everything: Select[tuple[Row]], page: Page) -> OffsetPagination[Row]:
    """One page of the rows that the statement selects; a `total` of `MAX_COUNTED` means that many or more."""
    some = everything.with_only_columns(literal(1), maintain_column_froms=True).order_by(None).limit(MAX_COUNTED)
    if everything.whereclause is None:
        # Counted along an index, which stays in memory; a large table does not.
        some = some.order_by(*everything.get_final_froms()[0].primary_key)
    total = await session.scalar(select(func.count()).select_from(some.subquery()))
    offset = (page.number - 1) * page.size
    rows: list[Any] = [*await session.scalars(everything.limit(page.size).offset(offset))]
    return OffsetPagination(rows, limit=page.size, offset=offset, total=total or 0)
