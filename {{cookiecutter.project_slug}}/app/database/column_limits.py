"""What a column can hold: PostgreSQL refuses a value without naming its column, or changes it silently."""

from collections.abc import Iterator
from datetime import datetime
from datetime import time
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY
from sqlalchemy import JSON
from sqlalchemy import BigInteger
from sqlalchemy import DateTime
from sqlalchemy import Enum
from sqlalchemy import Float
from sqlalchemy import Integer
from sqlalchemy import Numeric
from sqlalchemy import SmallInteger
from sqlalchemy import Time
from sqlalchemy import TypeDecorator
from sqlalchemy.types import TypeEngine

INTEGER_BITS: dict[type[Integer], int] = {SmallInteger: 16, BigInteger: 64}


def limit_beyond(kind: TypeEngine[Any], value: Any) -> str | None:
    """The limit of a column of this type that the value exceeds; None if it fits."""
    if isinstance(value, list) and isinstance(kind, ARRAY):
        # PostgreSQL cuts long texts within an array without an error.
        return next(
            filter(None, (limit_beyond(kind if isinstance(each, list) else kind.item_type, each) for each in value)),
            None,
        )
    if isinstance(kind, JSON):
        return "text without null characters" if any("\0" in text for text in _texts_in(value)) else None
    checks = (_text_beyond, _digits_beyond, _number_beyond, _time_beyond)
    return next(filter(None, (check(kind, value) for check in checks)), None)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts_in(each)


def _text_beyond(kind: TypeEngine[Any], value: Any) -> str | None:
    # The length of an enum is that of its longest name, and not of a value.
    if not isinstance(value, str) or isinstance(kind, Enum):
        return None
    longest = getattr(kind, "length", None)
    if len(value) <= (longest or len(value)) and value.isprintable():
        return None
    return f"at most {longest} characters, all of them printable" if longest else "printable characters only"


def _digits_beyond(kind: TypeEngine[Any], value: Any) -> str | None:
    if not isinstance(value, Decimal) or not isinstance(kind, Numeric) or isinstance(kind, Float):
        return None
    if not value.is_finite():
        return "a number"
    if kind.precision is None:
        return None
    after = kind.scale or 0
    before = kind.precision - after
    _, digits, exponent = value.as_tuple()
    # PostgreSQL rounds what has more digits after the point, so the response would show another value than the row.
    rounded = digits[max(0, len(digits) - max(0, -int(exponent) - after)) :]
    fits = value.copy_abs() < 10**before and not any(rounded)
    return None if fits else f"at most {before} digits before the point and {after} after it"


def _number_beyond(kind: TypeEngine[Any], value: Any) -> str | None:
    if not isinstance(value, int) or not isinstance(kind, Integer):
        return None
    bits = next((bits for narrow, bits in INTEGER_BITS.items() if isinstance(kind, narrow)), 32)
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return None if least <= value <= most else f"a whole number from {least} to {most}"


def _time_beyond(kind: TypeEngine[Any], value: Any) -> str | None:
    kind = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    if not isinstance(value, datetime | time) or not isinstance(kind, DateTime | Time):
        return None
    if kind.timezone != (value.tzinfo is not None):
        return "a time with an offset, such as 12:00:00Z" if kind.timezone else "a time without an offset"
    # With the offset of another place, the time may lie outside of the years that Python knows.
    is_near = not isinstance(value, datetime) or not kind.timezone or 1 < value.year < 9999
    return None if is_near else "a year from 2 to 9998"
