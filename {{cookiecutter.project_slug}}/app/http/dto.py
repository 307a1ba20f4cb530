"""What of a model callers see, and may send."""

from collections.abc import Generator
from functools import cache
from typing import TypeVar

from advanced_alchemy.extensions.litestar import SQLAlchemyDTO
from litestar.dto.data_structures import DTOFieldDefinition
from sqlalchemy.orm import DeclarativeBase

Model = TypeVar("Model", bound=DeclarativeBase)


class ListedDTO(SQLAlchemyDTO[Model]):
    """What `include` of its configuration lists; the rest of the model and its relations are not even looked at.

    Looking at them for every handler took a tenth of the start.
    """

    @classmethod
    def generate_field_definitions(cls, model_type: type[DeclarativeBase]) -> Generator[DTOFieldDefinition, None, None]:
        """The fields that are listed."""
        yield from cls._listed(model_type)

    @classmethod
    @cache
    def _listed(cls, model_type: type[DeclarativeBase]) -> list[DTOFieldDefinition]:
        fields = super().generate_field_definitions(model_type)
        return [field for field in fields if field.name in cls.config.include]
