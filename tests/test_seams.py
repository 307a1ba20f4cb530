"""The seams of the template stay few and simple, and what it generates stays small; the numbers are in the failures."""

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import Bake

# Three more for access tokens, which have permissions where there are roles: in their table, schemas and revision. One
# more for the roles that each request carries. Six for pages: where the service lists them, and where they list what
# belongs to roles and to providers.
MAX_REGIONS = 40
MAX_FILES_OF_APP = 10
MAX_FILES = 17
# The README and the guides; each is about one thing, so what depends on an answer is in several of them.
MAX_DOCUMENTS = 9
MAX_TAGS_PER_1000_LINES = 10

MAX_LINES = {"app/models.py": 250}
MAX_LINES_OF_A_FILE = 200
MAX_LINES_OF_A_FUNCTION = 30

TAG = re.compile(r"# \{% *(\w+)")


@pytest.fixture(scope="module")
def sources(template: Path) -> dict[str, str]:
    """Every text of the template by its name in a project."""
    folder = template / "{{cookiecutter.project_slug}}"
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def code(bake: Bake) -> dict[str, str]:
    """The Python files of the service with everything on."""
    project = bake(include_rbac=True, include_oauth=True)
    return {
        path.relative_to(project).as_posix(): path.read_text(encoding="utf-8") for path in sorted(project.rglob("*.py"))
    }


def test_regions_are_few_and_in_few_files(sources: dict[str, str]) -> None:
    regions = {name: TAG.findall(text).count("if") for name, text in sources.items()}
    regions = {name: count for name, count in regions.items() if count}
    in_app = {name for name in regions if name.startswith("app/")}
    documents = {name for name in regions if name.startswith(("README.md", "docs/"))}
    in_code = sum(count for name, count in regions.items() if name.endswith(".py"))

    assert in_code <= MAX_REGIONS, regions
    assert len(in_app) <= MAX_FILES_OF_APP, in_app
    assert len(regions.keys() - documents) <= MAX_FILES, regions
    assert len(documents) <= MAX_DOCUMENTS, documents


def test_regions_have_depth_one_and_nothing_but_a_beginning_and_an_end(sources: dict[str, str]) -> None:
    odd = {}
    for name, text in sources.items():
        tags = TAG.findall(text)
        pairs = list(zip(tags[::2], tags[1::2], strict=False))
        if len(tags) % 2 or not set(pairs) <= {("if", "endif"), ("filter", "endfilter")}:
            odd[name] = tags

    assert odd == {}


def test_python_holds_no_expressions_but_answers(sources: dict[str, str]) -> None:
    # An f-string that writes a brace would be computed when a project is generated.
    python = {name: text for name, text in sources.items() if name.endswith(".py")}

    assert {name for name, text in python.items() if re.search(r"\{\{(?! cookiecutter\b)", text)} == set()


def test_tags_are_rare_in_python(sources: dict[str, str]) -> None:
    python = [text for name, text in sources.items() if name.endswith(".py")]
    tags = sum(len(TAG.findall(text)) for text in python)
    lines = sum(len(text.splitlines()) for text in python)

    assert tags / lines * 1000 <= MAX_TAGS_PER_1000_LINES, f"{tags} tags in {lines} lines"


def test_files_of_the_service_are_short(code: dict[str, str]) -> None:
    lines = {name: len(text.splitlines()) for name, text in code.items() if name.startswith("app/")}

    assert {name: count for name, count in lines.items() if count > MAX_LINES.get(name, MAX_LINES_OF_A_FILE)} == {}


def test_functions_of_the_service_are_short(code: dict[str, str]) -> None:
    lines = {
        f"{name}: {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, text in code.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not name.startswith("migrations/versions/")
    }

    assert {name: count for name, count in lines.items() if count > MAX_LINES_OF_A_FUNCTION} == {}
