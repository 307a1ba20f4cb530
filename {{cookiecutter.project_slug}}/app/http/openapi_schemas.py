"""The names of operations and schemas in the OpenAPI document, which generated clients use, and what is required."""

from dataclasses import is_dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from typing import Any
from typing import get_origin

from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIType
from litestar.openapi.spec import Reference
from litestar.openapi.spec import Schema
from litestar.pagination import OffsetPagination
from litestar.params import KwargDefinition
from litestar.plugins import OpenAPISchemaPlugin
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition
from litestar.typing import FieldDefinition
from msgspec import UNSET
from msgspec import Struct
from msgspec.structs import fields

if TYPE_CHECKING:
    from litestar._openapi.schema_generation import SchemaCreator

PAGE = {
    "limit": "The size of a page.",
    "offset": "How many entries come before this page.",
    "total": "How many entries there are; 10,000 means that many or more.",
}


def operation_id(_: HTTPRouteHandler, method: Method, path: list[str | PathParameterDefinition]) -> str:
    """The id of an operation, such as `get_notes_by_note_id`: it depends on the method and the path alone."""
    parts = [f"by_{part.name}" if isinstance(part, PathParameterDefinition) else part for part in path]
    return "_".join([method.lower(), *parts]).replace("-", "_").replace(".", "_")


class Schemas(OpenAPISchemaPlugin):
    """Names pages, and marks as required what a response always has and what a request must have."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Bodies, pages of them, and decimals."""
        if field_definition.is_union:
            return False
        is_page = field_definition.origin is OffsetPagination
        return is_page or field_definition.is_subclass_of((Struct, Decimal)) or field_definition.is_dataclass_type

    def to_openapi_schema(  # type: ignore[override]  # Litestar takes references, too.
        self, field_definition: FieldDefinition, schema_creator: "SchemaCreator"
    ) -> Schema | Reference:
        """The schema of a body, as Litestar writes it except for what is required."""
        if field_definition.origin is OffsetPagination:
            return _page(field_definition, schema_creator)
        if field_definition.is_subclass_of(Decimal):
            # JSON numbers are floats in most languages, so responses have strings.
            return Schema(type=OpenAPIType.STRING)
        others = [plugin for plugin in schema_creator.plugins if plugin is not self]
        litestars = next(each for each in others if schema_creator.plugin_supports_field(each, field_definition))
        schema = litestars.to_openapi_schema(field_definition, schema_creator)
        properties = schema.properties or {}
        # Litestar asks for aliases in requests alone.
        if not schema_creator.prefer_alias:
            schema.required = sorted(properties.keys() - _may_be_missing(field_definition.annotation))
        for part in properties.values():
            if isinstance(part, Schema):
                # Client generators take a field with a default for one that is always there, also in requests.
                part.default = None
        return schema


def _page(field: FieldDefinition, schema_creator: "SchemaCreator") -> Reference | Schema:
    entry = field.inner_types[0].annotation
    name = f"Page_{getattr(entry, '__schema_name__', entry.__name__)}"
    named = FieldDefinition.from_annotation(
        field.annotation, kwarg_definition=KwargDefinition(schema_component_key=name)
    )
    registry = schema_creator.schema_registry
    if known := registry.get_reference_for_field_definition(named):
        return known
    parts = {part: FieldDefinition.from_annotation(int) for part in PAGE}
    parts["items"] = FieldDefinition.from_annotation(list[entry])  # type: ignore[valid-type]  # It is a class.
    page = schema_creator.create_component_schema(named, sorted(parts), parts, title=name)
    for part, schema in (page.properties or {}).items():
        schema.description = PAGE.get(part)
    return registry.get_reference_for_field_definition(named) or page


def _may_be_missing(annotation: Any) -> set[str]:
    body = get_origin(annotation) or annotation
    if is_dataclass(body):
        return set()
    omits = body.__struct_config__.omit_defaults
    return {field.encode_name for field in fields(body) if field.default is UNSET or (omits and not field.required)}
