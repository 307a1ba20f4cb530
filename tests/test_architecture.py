"""The guide to the architecture shows the layers that the import contract enforces, and names code that exists."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

MODULES_OF_A_LAYER = re.compile(r"[|:]")
BLOCK = re.compile(r'^    \w+\["(.+?)<br/>.+"\]$', re.MULTILINE)
NAMED = re.compile(r"`(\w+)` in `(app/[\w/]+\.py)`")
PARTICIPANT = re.compile(r"as (?!uvicorn)(\w+)<br/>(app/[\w/]+\.py)")
PATH = re.compile(r"\bapp/[\w/]+\.py\b")


@pytest.fixture
def guide(rendering: Path) -> str:
    """The guide of one combination of answers."""
    return (rendering / "docs" / "architecture.md").read_text("utf-8")


def drawn(guide: str) -> list[list[str]]:
    """The modules in each row of the diagram, from the top."""
    return [row.split(", ") for row in BLOCK.findall(guide.partition("```mermaid\n")[2].partition("```")[0])]


def contracts(rendering: Path) -> list[list[list[str]]]:
    """The modules in each layer of each contract about layers, from the top; a feature may be declined."""
    settings = tomllib.loads((rendering / "pyproject.toml").read_text("utf-8"))
    found = [each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "layers"]
    return [[MODULES_OF_A_LAYER.sub(" ", layer).split() for layer in each["layers"]] for each in found]


def test_the_diagram_has_every_module_and_no_other(rendering: Path, guide: str) -> None:
    modules = {path.stem for path in (rendering / "app").iterdir()} - {"__init__"}

    assert sorted(module for row in drawn(guide) for module in row) == sorted(modules)


def test_the_diagram_has_the_order_of_the_import_contracts(rendering: Path, guide: str) -> None:
    place = {module: (row, index) for row, modules in enumerate(drawn(guide)) for index, module in enumerate(modules)}

    for layers in contracts(rendering):
        for upper, lower in pairwise(layers):
            assert max(place[module] for module in upper) < min(place[module] for module in lower), (upper, lower)


def test_each_layer_of_the_import_contract_has_rows_of_its_own(rendering: Path, guide: str) -> None:
    layers, *_ = contracts(rendering)
    layer_of = {module: index for index, layer in enumerate(layers) for module in layer}

    for row in drawn(guide):
        assert len({layer_of[module] for module in row if module in layer_of}) <= 1, row


def test_the_request_passes_the_middleware_in_the_order_of_the_diagram(rendering: Path, guide: str) -> None:
    listed = re.search(r"middleware=\[(.*?)\],\n", (rendering / "app/asgi.py").read_text("utf-8"), re.DOTALL)
    assert listed
    before, after = (names.split(", ") for names in re.findall(r": through (.+)$", guide, re.MULTILINE))

    assert [*before, "CommitBeforeSuccess", *after] == re.findall(r"(\w+)\(", listed[1])


def test_every_file_that_the_guide_names_exists(rendering: Path, guide: str) -> None:
    assert [path for path in PATH.findall(guide) if not (rendering / path).is_file()] == []


def test_every_name_is_defined_where_the_guide_says(rendering: Path, guide: str) -> None:
    named = NAMED.findall(guide) + PARTICIPANT.findall(guide)
    assert named

    for name, path in named:
        definition = rf"^ *(async )?(def|class) {name}\b|^ *{name}(: .+)? \|?= "
        assert re.search(definition, (rendering / path).read_text("utf-8"), re.MULTILINE), f"{name} in {path}"
