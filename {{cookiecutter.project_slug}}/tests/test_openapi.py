"""The OpenAPI document: it is sound, complete, and tells the truth about who may call what."""

import re
from base64 import b64encode
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import pytest
from litestar import Litestar
from litestar import get
from litestar import post
from litestar.pagination import OffsetPagination
from litestar.params import JSONBody
from litestar.routes import HTTPRoute
from msgspec import Struct

from app.accounts.schemas import UserRead
from app.asgi import create_app
from app.auth import credentials
from app.http.dto import ListedDTO
from app.http.openapi_document import Operations
from app.http.openapi_schemas import Schemas
from app.http.problem_details import PROBLEM_TYPE
from app.models import User
from app.settings import Settings
from app.settings.types import Switch
from tests.authorization import TABLE
from tests.authorization import TOKENS
from tests.authorization import Access
from tests.cast import Person
from tests.other_services import another_stage

READS = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture
def document(app: Litestar) -> dict[str, Any]:
    """The document as it is served."""
    return app.openapi_schema.to_schema()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation with its method and path."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def references(part: Any) -> Iterator[str]:
    """Every `$ref` in a part of the document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


async def test_the_document_is_served(visitor: Person, document: dict[str, Any]) -> None:
    answer = await visitor.get("/schema/openapi.json")
    assert (answer.status_code, answer.json()) == (200, document)
    assert (await visitor.get("/schema")).status_code == 200


async def test_the_document_is_sound(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= document["info"].keys()
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for _, path, operation in operations(document):
        assert operation["responses"]
        declared = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert declared == {part[1:-1] for part in path.split("/") if part.startswith("{")}


async def test_names_do_not_depend_on_the_names_of_functions(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        parts = path.strip("/").replace("-", "_").replace("{", "by_").replace("}", "").split("/")
        assert operation["operationId"] == "_".join([method, *parts])
    schemas = document["components"]["schemas"]
    assert "User" in schemas
    assert [name for name in schemas if name.endswith(("RequestBody", "ResponseBody"))] == []


def test_no_two_bodies_have_one_name() -> None:
    bodies = [dto for listed in ListedDTO.__subclasses__() for dto in listed.__subclasses__()]
    names = [dto.__schema_name__ for dto in bodies if dto.__module__.startswith("app.")]
    assert {"User", "UserUpdate"} <= {*names}
    assert len(names) == len({*names})


def test_pages_have_names_and_all_of_their_fields() -> None:
    @get("/pages", return_dto=UserRead, sync_to_thread=False)
    def pages() -> OffsetPagination[User]:
        return OffsetPagination([], limit=1, offset=0, total=0)

    @get("/other-pages", return_dto=UserRead, sync_to_thread=False)
    def other_pages() -> OffsetPagination[User]:
        return OffsetPagination([], limit=1, offset=0, total=0)

    document = Litestar([pages, other_pages], plugins=[Schemas()]).openapi_schema.to_schema()
    page = document["components"]["schemas"]["Page_User"]
    assert page["required"] == ["items", "limit", "offset", "total"]
    assert page["properties"]["items"]["items"] == {"$ref": "#/components/schemas/User"}
    for path in ("/pages", "/other-pages"):
        content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Page_User"}


async def test_responses_require_what_is_always_there_and_requests_what_has_no_default(
    document: dict[str, Any],
) -> None:
    schemas = document["components"]["schemas"]
    assert {"id", "created_at", "is_active"} <= {*schemas["User"]["required"]} == {*schemas["User"]["properties"]}
    assert schemas["Registration"]["required"] == ["email", "password"]
    assert schemas["Problem"]["required"] == ["status", "title", "type"]
    assert schemas["UserUpdate"]["required"] == []
    # Some client generators require fields that have a default.
    defaults = [
        name for name, schema in schemas.items() for part in schema.get("properties", {}).values() if "default" in part
    ]
    assert defaults == []


def test_operations_say_what_they_do_and_those_of_accounts_come_first(settings: Settings) -> None:
    # Other tests mount routes of their own.
    document = create_app(settings).openapi_schema.to_schema()
    for method, path, operation in operations(document):
        assert " " in operation["summary"], (method, path)
        assert not operation["summary"].endswith("."), (method, path)
    assert [group["name"] for group in document["tags"]] == ["Accounts", "Credentials"]


def test_decimals_are_strings() -> None:
    class Price(Struct):
        amount: Decimal
        discount: Decimal | None = None

    @post("/prices", sync_to_thread=False)
    def add_price(data: JSONBody[Price]) -> Price:
        return data

    document = Litestar([add_price], plugins=[Schemas()]).openapi_schema.to_schema()
    [schema] = document["components"]["schemas"].values()
    text = {"type": "string"}
    assert schema["properties"] == {"amount": text, "discount": {"oneOf": [text, {"type": "null"}]}}
    assert msgspec.json.encode(Price(Decimal("1.50"))) == b'{"amount":"1.50","discount":null}'


def test_a_route_is_public_by_one_word() -> None:
    @get("/open", exclude_from_auth=True, sync_to_thread=False)
    def open_to_all() -> None:
        """Do nothing. Callers need no credentials."""

    document = Litestar([open_to_all], plugins=[Operations()]).openapi_schema.to_schema()
    operation = document["paths"]["/open"]["get"]
    assert (operation["security"], operation["summary"]) == ([{}], "Do nothing")
    assert operation["description"] == "Callers need no credentials."


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = list(references(document))
    assert found
    for reference in found:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]


async def test_every_operation_that_changes_something_is_in_the_document(
    app: Litestar, document: dict[str, Any]
) -> None:
    described = {(method, path) for method, path, _ in operations(document)}
    mounted = {
        (method.lower(), route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - READS
    }
    assert mounted
    assert mounted <= described


async def test_the_document_describes_the_credentials(document: dict[str, Any], settings: Settings) -> None:
    assert document["security"] == [{"credentials": []}]
    scheme = credentials.security_scheme(settings).to_schema()
    schemes = document["components"]["securitySchemes"]
    assert schemes.pop("accessToken")["scheme"] == "bearer"
    assert schemes == {"credentials": scheme}


@pytest.mark.checklist("L02")
async def test_the_document_says_which_operations_are_open_to_tokens(document: dict[str, Any]) -> None:
    named = {f"{method.upper()} {path}": each.get("security", []) for method, path, each in operations(document)}
    tokens = {route: option["accessToken"] for route, options in named.items() for option in options[1:]}
    assert tokens == {route: [access] for route, access in TOKENS.items()}


async def test_public_operations_ask_for_no_credentials(document: dict[str, Any]) -> None:
    public = {f"{method.upper()} {path}" for method, path, each in operations(document) if each.get("security") == [{}]}
    assert public == {route for route, access in TABLE.items() if access == Access.PUBLIC}


async def test_every_other_operation_refuses_strangers(visitor: Person, document: dict[str, Any]) -> None:
    closed = [(method, path) for method, path, operation in operations(document) if operation.get("security") != [{}]]
    assert {("get", "/users/me"), ("patch", "/users/me"), ("post", "/logout")} <= {*closed}
    for method, path in closed:
        parts = (str(UUID(int=0)) if part.startswith("{") else part for part in path.split("/"))
        answer = await visitor.client.request(method.upper(), "/".join(parts))
        assert (answer.status_code, method, path) == (401, method, path)


async def test_every_operation_says_how_it_may_refuse(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        refusals = {int(status) for status in operation["responses"] if int(status) >= 400}
        assert (path, refusals != set()) == (path, path != "/health")
        for status in refusals:
            [(media_type, content)] = operation["responses"][str(status)]["content"].items()
            if path != "/health/ready":
                assert media_type == PROBLEM_TYPE
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        if operation.get("security") != [{}] or path == "/login":
            assert (method, path, 401 in refusals) == (method, path, True)


async def test_the_page_that_shows_the_document_loads_nothing_from_elsewhere(visitor: Person) -> None:
    page = await visitor.get("/schema")
    assert page.headers["Content-Type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="(.*?)"', page.text)
    assert loaded == ["data:,", "/schema/swagger-ui.css", "/schema/swagger-ui-bundle.js"]
    for path, media_type in zip(loaded[1:], ("text/css", "text/javascript"), strict=True):
        asset = await visitor.get(path)
        assert (asset.status_code, asset.headers["Content-Type"].partition(";")[0]) == (200, media_type)
        assert len(asset.content) > 100_000


async def test_the_page_runs_the_one_script_that_it_is_meant_to_run(visitor: Person) -> None:
    page = await visitor.get("/schema")
    [script] = re.findall("<script>(.*)</script>", page.text)
    policy = page.headers["Content-Security-Policy"]
    assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert not {"'unsafe-inline'", "'unsafe-eval'", "http:", "https:", "*"} & {*policy.replace(";", " ").split()}


@pytest.mark.checklist("I04")
async def test_nothing_is_served_when_it_is_off(settings: Settings) -> None:
    async with another_stage(settings, openapi=Switch.OFF) as stage:
        visitor = stage.person("visitor")
        for path in ("/schema", "/schema/openapi.json", "/schema/swagger-ui.css"):
            assert (await visitor.get(path)).status_code == 404
