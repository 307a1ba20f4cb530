"""Every response in the tests must be in the OpenAPI document: its status, and the type of a refusal."""

import re
from functools import cache
from typing import Any

import msgspec
from httpx import Response
from pydantic import SecretStr

from app.asgi import create_app
from app.http.problem_details import PROBLEM_TYPE
from app.http.problem_details import Problem
from app.settings import Environment
from app.settings import Settings

SETTINGS = Settings(
    environment=Environment.TEST,
    secret_key=SecretStr("a secret key of the tests that opens nothing else"),
    # It is never used.
    database_url=SecretStr("postgresql://nobody@localhost:1/none"),
    base_url="https://service.example",
)


@cache
def document() -> dict[str, Any]:
    """The document of the service as it is; tests mount routes of their own."""
    return create_app(SETTINGS).openapi_schema.to_schema()


@cache
def operations(path: str) -> dict[str, Any]:
    """What is documented of a path."""
    paths = document()["paths"]
    found = [template for template in paths if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)]
    # The one without a variable, if there are two.
    item: dict[str, Any] = paths[min(found, key=lambda template: template.count("{"))] if found else {}
    return item


def require_fields(body: Any, schema: dict[str, Any], place: str) -> None:
    """Every required field is there, and no other than the documented ones."""
    schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if schema.get("type") == "array":
        for number, entry in enumerate(body):
            require_fields(entry, schema["items"], f"{place}[{number}]")
    elif "properties" in schema:
        assert {*schema["required"]} <= body.keys() <= schema["properties"].keys(), place
        for name in body:
            require_fields(body[name], schema["properties"][name], f"{place}.{name}")


async def require_documented(answer: Response) -> None:
    """An event hook of httpx."""
    operation = operations(answer.request.url.path).get(answer.request.method.lower())
    # Unexpected errors are not part of the contract.
    if operation is None or answer.status_code == 500:
        return
    documented = operation["responses"].get(str(answer.status_code))
    assert documented is not None, f"{answer.request.method} {answer.request.url.path}: {answer.status_code}"
    await answer.aread()
    if answer.is_success and answer.headers.get("Content-Type") == "application/json":
        require_fields(answer.json(), documented["content"]["application/json"]["schema"], answer.request.url.path)
    if answer.headers.get("Content-Type") == PROBLEM_TYPE:
        problem = msgspec.json.decode(answer.content, type=Problem)
        assert problem.status == answer.status_code
        assert f"`{problem.type}`" in documented["description"], f"{answer.request.url.path}: {problem.type}"
        assert PROBLEM_TYPE in documented["content"]
