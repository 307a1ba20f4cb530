"""A value that its column would refuse or change is refused first, with the limit."""

from datetime import UTC
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from advanced_alchemy.types import DateTimeUTC
from sqlalchemy import ARRAY
from sqlalchemy import JSON
from sqlalchemy import TIMESTAMP
from sqlalchemy import BigInteger
from sqlalchemy import DateTime
from sqlalchemy import Enum
from sqlalchemy import Float
from sqlalchemy import Integer
from sqlalchemy import Numeric
from sqlalchemy import SmallInteger
from sqlalchemy import String
from sqlalchemy import Text
from sqlalchemy import Time
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from app.database.column_limits import limit_beyond

MONEY = Numeric(10, 2)
NOON = datetime(2027, 1, 31, 12)  # noqa: DTZ001  # some columns have no offset
WITH_OFFSET = "a time with an offset, such as 12:00:00Z"
DIGITS = "at most 8 digits before the point and 2 after it"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (String(3), "abc"),
        (String(), "a" * 1000),
        (Text(), "a" * 1000),
        (ARRAY(String(3)), ["abc", ""]),
        (ARRAY(String(3)), []),
        (ARRAY(String(3)), None),
        (SmallInteger(), -(2**15)),
        (Integer(), 2**31 - 1),
        (BigInteger(), 2**63 - 1),
        (Integer(), True),
        (MONEY, Decimal("-99999999.99")),
        (MONEY, Decimal("1.5000")),
        (MONEY, Decimal("1E+7")),
        (MONEY, Decimal(0)),
        (Numeric(), Decimal("1.23456789")),
        (Numeric(40, 0), Decimal(10**39)),
        (Float(), 1e300),
        (Float(53, asdecimal=True), Decimal("1.5")),
        (Enum("A"), "a-long-value"),
        (ARRAY(MONEY), [[Decimal("1.50")]]),
        (DateTimeUTC(), NOON.replace(tzinfo=UTC)),
        (DateTime(timezone=True), NOON.replace(tzinfo=UTC)),
        (DateTime(), NOON),
        (DateTime(), datetime.min),  # noqa: DTZ901  # of a column without offsets
        (Time(), NOON.time()),
        (JSONB(), {"a": ["b", 1, None, {"c": "\n"}]}),
    ],
)
def test_what_fits_is_stored(kind: TypeEngine[Any], value: object) -> None:
    assert limit_beyond(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "value", "limit"),
    [
        (String(3), "abcd", "at most 3 characters, all of them printable"),
        (Text(), "a\nb", "printable characters only"),
        (ARRAY(String(3)), ["abc", "abcd"], "at most 3 characters, all of them printable"),
        (ARRAY(String(3), dimensions=2), [["abc"], ["abcd"]], "at most 3 characters, all of them printable"),
        (SmallInteger(), 2**15, "a whole number from -32768 to 32767"),
        (Integer(), 2**31, "a whole number from -2147483648 to 2147483647"),
        (BigInteger(), -(2**63) - 1, "a whole number from -9223372036854775808 to 9223372036854775807"),
        (MONEY, Decimal("12.345"), DIGITS),
        (MONEY, Decimal("0.001"), DIGITS),
        (MONEY, Decimal(100000000), DIGITS),
        (MONEY, Decimal("1E+400"), DIGITS),
        (MONEY, Decimal("1E-400"), DIGITS),
        (MONEY, Decimal("NaN"), "a number"),
        (Numeric(), Decimal("-Infinity"), "a number"),
        (ARRAY(MONEY), [Decimal(1), Decimal("12.345")], DIGITS),
        (DateTimeUTC(), NOON, WITH_OFFSET),
        (ARRAY(DateTimeUTC()), [NOON], WITH_OFFSET),
        (TIMESTAMP(timezone=True), NOON, WITH_OFFSET),
        (DateTime(), NOON.replace(tzinfo=UTC), "a time without an offset"),
        (Time(), NOON.time().replace(tzinfo=UTC), "a time without an offset"),
        (Time(timezone=True), NOON.time(), WITH_OFFSET),
        (DateTimeUTC(), datetime.min.replace(tzinfo=UTC), "a year from 2 to 9998"),
        (DateTimeUTC(), datetime.max.replace(tzinfo=UTC), "a year from 2 to 9998"),
        (JSONB(), {"a": ["b", {"c": "\0"}]}, "text without null characters"),
        (JSON(), {"\0": 1}, "text without null characters"),
        (JSONB(), "\0", "text without null characters"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_limit(kind: TypeEngine[Any], value: object, limit: str) -> None:
    assert limit_beyond(kind, value) == limit
