"""The fields of a resource: what each type is in a column, in a body and in a test."""

from typing import NamedTuple

from advanced_alchemy.base import UUIDBase
from resource_names import Mistake
from resource_names import require_name


class Kind(NamedTuple):
    """A type as it is written in code; `CONSTANT` stands for the name of a limit."""

    annotation: str
    column: str
    limits: str
    value: str
    changed: str
    invalid: str
    constant: str = ""


KINDS = {
    "str": Kind(
        "str",
        "sa.String(CONSTANT)",
        "min_length=1, max_length=CONSTANT",
        '"First"',
        '"Second"',
        '"x" * 201',
        "200",
    ),
    "text": Kind("str", "sa.Text()", "max_length=CONSTANT", '"One."', '"One.\\nTwo."', '"x" * 10_001', "10_000"),
    "int": Kind("int", "", "ge=-(2**31), le=2**31 - 1", "1", "-2", "2**31"),
    "float": Kind("float", "sa.Double()", "", "0.5", "1.5", '"much"'),
    "bool": Kind("bool", "", "", "True", "False", '"perhaps"'),
    "Decimal": Kind("Decimal", "sa.Numeric(12, 2)", "", '"1.50"', '"-2.50"', '"0.001"'),
    "date": Kind("date", "", "", '"2026-01-31"', '"2026-02-28"', '"2026-02-31"'),
    "datetime": Kind("datetime", "", "tz=True", '"2026-01-31T12:00:00Z"', '"2026-02-28T12:00:00Z"', '"2026-02-28"'),
    "UUID": Kind(
        "UUID", "", "", f'"{"0" * 8}-0000-4000-8000-{"1" * 12}"', f'"{"0" * 8}-0000-4000-8000-{"2" * 12}"', '"1"'
    ),
}
# How a page asks for a value; the others are lines of text.
ELEMENTS = {
    "text": "<textarea ATTRIBUTES></textarea>",
    "int": '<input type="number" ATTRIBUTES>',
    "float": '<input type="number" step="any" ATTRIBUTES>',
    "bool": '<select data-type="json" ATTRIBUTES><option></option><option>true</option><option>false</option></select>',
    "Decimal": '<input inputmode="decimal" ATTRIBUTES>',
    "date": '<input type="date" ATTRIBUTES>',
    "datetime": '<input type="datetime-local" ATTRIBUTES>',
}
# Checks that msgspec does not make. The column would round the value, or cannot hold it.
CHECKS = {
    "Decimal": """
        if isinstance(value, Decimal) and not (value.is_finite() and abs(value) < 10**10 and value == round(value, 2)):
            raise ValueError(f"The field `{name}` takes at most 10 digits before the point and 2 after it.")""",
    "datetime": """
        if isinstance(value, datetime) and not 1 < value.year < 9999:
            raise ValueError(f"The field `{name}` takes years from 2 to 9998.")""",
}
CHECK = '''
    def __post_init__(self) -> None:
        """Refuse values that the columns cannot hold."""
        require_storable(self)
'''
REQUIRE_STORABLE = '''

def require_storable(body: Body) -> None:
    """Check that the columns hold each value as it was sent.

    Raises:
        ValueError: if one does not; the caller gets a 400 that names the field.
    """
    for name, value in asdict(body).items():'''


class Field(NamedTuple):
    """A field of the resource."""

    name: str
    type: str
    is_optional: bool

    @property
    def kind(self) -> Kind:
        """Its type in code, with the limit's name."""
        return Kind(*(text.replace("CONSTANT", self.constant) for text in KINDS[self.type]))

    @property
    def constant(self) -> str:
        """The name of its limit."""
        return f"{self.name.upper()}_MAX_LENGTH"

    @property
    def column(self) -> str:
        """Its line in the model."""
        return f"    {self.name}: Mapped[{self.kind.annotation}{self._none}] = mapped_column({self.kind.column})"

    @property
    def new(self) -> str:
        """Its line in the body that adds a row."""
        return f"    {self.name}: {self._limited}{self._none}{' = None' if self.is_optional else ''}"

    @property
    def change(self) -> str:
        """Its line in the body that changes one."""
        return f"    {self.name}: {self._limited} | UnsetType{self._none} = UNSET"

    def input(self, filled: str = "") -> str:
        """Its field on the page, which may be filled from a row."""
        attributes = f'name="{self.name}" {"data-nullable" if self.is_optional else "required"}{filled}'
        element = ELEMENTS.get(self.type, "<input ATTRIBUTES>").replace("ATTRIBUTES", attributes)
        return f"<label>{self.label} {element}</label>"

    @property
    def label(self) -> str:
        """What the page calls it."""
        return self.name.replace("_", " ").capitalize()

    @property
    def shown(self) -> str:
        """Its value on the page."""
        tag, kind = ("time", "time") if self.type == "datetime" else ("span", "text")
        return f'<dt>{self.label}</dt><dd><{tag} data-{kind}="{self.name}"></{tag}></dd>'

    @property
    def _none(self) -> str:
        return " | None" if self.is_optional else ""

    @property
    def _limited(self) -> str:
        kind = self.kind
        return f"Annotated[{kind.annotation}, Meta({kind.limits})]" if kind.limits else kind.annotation


def parse_fields(texts: list[str]) -> list[Field]:
    """The fields that the command names.

    Raises:
        Mistake: if one cannot be a field.
    """
    fields: dict[str, Field] = {}
    for text in texts:
        name, colon, type_ = text.partition(":")
        if not colon:
            raise Mistake(f"`{text}` has no type. Write it as `{text}:str`, or `{text}:str?` if it may be empty.")
        if type_.removesuffix("?") not in KINDS:
            raise Mistake(
                f"`{text}` has an unknown type. The types are {', '.join(KINDS)}, each with or without a `?`."
            )
        if name in fields:
            raise Mistake(f"The field `{name}` is given twice.")
        require_name(name)
        if name in {"user_id", "created_at"} or hasattr(UUIDBase, name):
            raise Mistake(
                f"`{name}` is there already: a row has an id, a user_id and a created_at. Leave the field out."
            )
        fields[name] = Field(name, type_.removesuffix("?"), type_.endswith("?"))
    return list(fields.values())


def code_of(fields: list[Field]) -> dict[str, str]:
    """What the placeholders of the templates stand for that the fields decide."""
    constants = {each.constant: each.kind.constant for each in fields if each.kind.constant}
    checks = "".join(check for kind, check in CHECKS.items() if kind in {each.type for each in fields})
    return {
        "columns": "\n".join(each.column for each in fields),
        "constants": "\n".join(f"{name} = {value}" for name, value in constants.items()),
        "imported_limits": "".join(f", {name}" for name in constants),
        "quoted_names": ", ".join(f'"{each.name}"' for each in fields),
        # A field with a default comes after those without one.
        "new": "\n".join(each.new for each in sorted(fields, key=lambda each: each.is_optional)),
        "changes": "\n".join(each.change for each in fields),
        "check": CHECK if checks else "",
        "checks": f"{REQUIRE_STORABLE}{checks}\n" if checks else "",
        "new_values": ", ".join(f'"{each.name}": {each.kind.value}' for each in fields),
        "shown": "\n".join(each.shown for each in fields),
        "inputs": "\n".join(each.input() for each in fields),
        "filled_inputs": "\n".join(each.input(f' data-value="{each.name}"') for each in fields),
        "changed_values": ", ".join(f'"{each.name}": {each.kind.changed}' for each in fields),
        "invalid_values": ", ".join(f'("{each.name}", {each.kind.invalid})' for each in fields),
    }
