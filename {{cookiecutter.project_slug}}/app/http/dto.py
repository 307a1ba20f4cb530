"""Which fields of a model callers can read and send."""

from collections.abc import Generator
from functools import cache
from typing import Any
from typing import TypeVar

from advanced_alchemy.extensions.litestar import SQLAlchemyDTO
from litestar.dto.data_structures import DTOFieldDefinition
from sqlalchemy.orm import DeclarativeBase

Model = TypeVar("Model", bound=DeclarativeBase)


class ListedDTO(SQLAlchemyDTO[Model]):
    """A DTO of the fields that `include` of its configuration lists.

    Each DTO inspects its model once and not for every handler, which took a tenth of the start. The OpenAPI document
    names the schema after the class, without `Read`.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Name the schema. By default each handler has one of its own, whose name changes with that of the handler."""
        super().__init_subclass__(**options)
        cls.__schema_name__ = cls.__name__.removesuffix("Read")

    @classmethod
    def generate_field_definitions(cls, model_type: type[DeclarativeBase]) -> Generator[DTOFieldDefinition, None, None]:
        """The listed fields."""
        yield from cls._listed(model_type)

    @classmethod
    @cache
    def _listed(cls, model_type: type[DeclarativeBase]) -> list[DTOFieldDefinition]:
        fields = super().generate_field_definitions(model_type)
        return [field for field in fields if field.name in cls.config.include]
