"""The names of the providers that are offered, in the OpenAPI document."""

from litestar.openapi.spec import OpenAPIType
from litestar.openapi.spec import Schema
from litestar.params import PathParameter
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from app.oauth.providers import offered
from app.settings import Settings


class ProviderNames(OpenAPISchemaPlugin):
    """Lists the names that the path parameter `provider` can have."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Whether this is that parameter, and there are providers."""
        is_path = isinstance(field_definition.kwarg_definition, PathParameter)
        return is_path and field_definition.name == "provider" and bool(offered(self._settings))

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: object) -> Schema:  # noqa: ARG002  # as Litestar calls it
        """The names."""
        return Schema(type=OpenAPIType.STRING, enum=[*offered(self._settings)])
