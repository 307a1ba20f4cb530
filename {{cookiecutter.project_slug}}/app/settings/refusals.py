"""Why settings are refused: one line for each mistake, and all mistakes at once."""

import re
import secrets
from collections.abc import Iterator
from collections.abc import Mapping
from itertools import product
from typing import Any

from annotated_types import Ge
from annotated_types import Le
from pydantic import BaseModel
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.settings.types import GENERATE

NUMBERS = {"int_type", "int_parsing", "int_parsing_size", "int_from_float", "greater_than_equal", "less_than_equal"}
# A default that depends on a setting that is wrong itself.
FOLLOWS_FROM_ANOTHER = "default_factory_not_called"
MISSING = "is not set. `make setup` writes it into .env; in production, set it in the environment."


def mistakes(settings: type[BaseModel], values: Mapping[str, str]) -> list[str]:
    """A line for each mistake: the setting, what is wrong with it, and what to write.

    pydantic looks for contradictions only if every value is right. So each class of settings, base classes first, is
    validated twice: for wrong values, and without these for contradictions.
    """
    lines: list[str] = []
    wrong: set[str] = set()
    models = [each for each in settings.__mro__ if issubclass(each, BaseModel) and each is not BaseModel]
    parts = sorted(models, key=lambda each: len(each.__mro__))
    for part, _ in product(parts, ("values", "contradictions")):
        left = {name: value for name, value in values.items() if name not in wrong}
        if "secret_key" in wrong:
            # It is required, so another one takes its place.
            left["secret_key"] = secrets.token_urlsafe(48)
        try:
            part.model_validate(left)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            said = [line for problem in found for line in _lines(problem, part, left)]
            lines += [line for line in said if not _names(line) & wrong]
            wrong |= {name for line in said for name in _names(line)}
    return list(dict.fromkeys(lines))


def _names(line: str) -> set[str]:
    return {name.lower() for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|^[A-Z]+", line)}


def _lines(problem: ErrorDetails, part: type[BaseModel], values: Mapping[str, str]) -> Iterator[str]:
    if not problem["loc"]:
        yield from problem["msg"].removeprefix("Value error, ").splitlines()
    elif problem["type"] != FOLLOWS_FROM_ANOTHER:
        name = str(problem["loc"][0])
        yield f"{name.upper()} {_reason(problem, part.model_fields[name].metadata, values.get(name, ''))}"


def _reason(problem: ErrorDetails, bounds: list[Any], value: str) -> str:
    if problem["type"] == "missing":
        return f"{MISSING} {GENERATE}"
    if problem["type"] == "enum":
        return f"must be {problem['ctx']['expected']}"
    if problem["type"] in NUMBERS:
        [least] = [bound.ge for bound in bounds if isinstance(bound, Ge)]
        [most] = [bound.le for bound in bounds if isinstance(bound, Le)]
        # A value that is not a number could be a secret in the wrong place.
        got = f"; got {value}" if re.fullmatch(r"-?[0-9]{1,20}", value) else ""
        return f"must be a whole number from {least} to {most}{got}"
    return problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
