"""Which fields of a model callers can read and send."""

from collections.abc import Generator
from dataclasses import replace
from functools import cache
from typing import Any
from typing import TypeVar

from advanced_alchemy.extensions.litestar import SQLAlchemyDTO
from litestar.dto.data_structures import DTOFieldDefinition
from sqlalchemy import inspect
from sqlalchemy.orm import DeclarativeBase

Model = TypeVar("Model", bound=DeclarativeBase)


class ListedDTO(SQLAlchemyDTO[Model]):
    """A DTO of the fields that `include` of its configuration lists.

    A relationship that is listed by its name shows ids. To show more of it, list its fields, as in "manager.name".
    Each DTO inspects its model once and not for every handler, which took a tenth of the start. The OpenAPI document
    names the schema after the class, without `Read`.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Name the schema. By default each handler has one of its own, whose name changes with that of the handler."""
        super().__init_subclass__(**options)
        cls.__schema_name__ = cls.__name__.removesuffix("Read")

    @classmethod
    def create_for_field_definition(cls, *arguments: Any, **options: Any) -> None:
        """As in Litestar, which would show each field of a related row that has the name of a listed field."""
        cls.config = replace(cls.config, include=_with_ids(cls.model_type, cls.config.include))
        super().create_for_field_definition(*arguments, **options)

    @classmethod
    def generate_field_definitions(cls, model_type: type[DeclarativeBase]) -> Generator[DTOFieldDefinition, None, None]:
        """The listed fields."""
        yield from cls._listed(model_type)

    @classmethod
    @cache
    def _listed(cls, model_type: type[DeclarativeBase]) -> list[DTOFieldDefinition]:
        listed = {name for entry in cls.config.include for name in str(entry).split(".")}
        return [field for field in super().generate_field_definitions(model_type) if field.name in listed]


def _with_ids(model: type[DeclarativeBase], include: Any) -> set[str]:
    """The entries for Litestar; a relationship whose fields are not listed has those of its primary key."""
    entries = {str(entry) for entry in include}
    for relation in inspect(model).relationships:
        ids = {relation.mapper.get_property_by_column(key).key for key in relation.mapper.primary_key}
        listed = {
            entry.partition(".")[2].removeprefix("0.") for entry in entries if entry.startswith(f"{relation.key}.")
        }
        names = listed or (ids if relation.key in entries else set())
        # Litestar numbers the types in `list[...]` and in `... | None`.
        entries |= {f"{relation.key}.{number}{name}" for name in names for number in ("", "0.")}
    return entries
