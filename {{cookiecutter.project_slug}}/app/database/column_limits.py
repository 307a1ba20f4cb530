"""What a column can hold: PostgreSQL refuses a value without naming its column, or changes it silently."""

from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY
from sqlalchemy import BigInteger
from sqlalchemy import Enum
from sqlalchemy import Float
from sqlalchemy import Integer
from sqlalchemy import Numeric
from sqlalchemy import SmallInteger
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
    # The length of an enum is that of its longest name, and not of a value.
    if isinstance(value, str) and not isinstance(kind, Enum):
        longest = getattr(kind, "length", None)
        if len(value) <= (longest or len(value)) and value.isprintable():
            return None
        return f"at most {longest} characters, all of them printable" if longest else "printable characters only"
    if isinstance(value, Decimal) and isinstance(kind, Numeric) and not isinstance(kind, Float):
        return _digits_beyond(kind, value)
    if isinstance(value, int) and isinstance(kind, Integer):
        bits = next((bits for narrow, bits in INTEGER_BITS.items() if isinstance(kind, narrow)), 32)
        least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        return None if least <= value <= most else f"a whole number from {least} to {most}"
    return None


def _digits_beyond(kind: Numeric[Any], value: Decimal) -> str | None:
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
