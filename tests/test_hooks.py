"""The hook is a table and a loop, and the table tells the truth."""

import ast
from pathlib import Path

import pytest

from tests.combinations import COMBINATIONS
from tests.combinations import Combination
from tests.conftest import Bake

MAX_LINES = 105


def feature_paths(template: Path) -> dict[str, list[str]]:
    """The table FEATURE_PATHS, read without running the hook."""
    module = ast.parse((template / "hooks" / "post_gen_project.py").read_text(encoding="utf-8"))
    tables = [
        node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "FEATURE_PATHS"
    ]
    return {feature: paths.split() for feature, paths in ast.literal_eval(tables[0]).items()}


def chosen_features(combination: Combination) -> set[str]:
    """The rows of the table that these answers keep."""
    tokens = {"tokens"} if combination.auth_backend != "session" else set()
    rbac = {"rbac"} if combination.include_rbac else set()
    oauth = {"oauth"} if combination.include_oauth else set()
    pages = {"pages"} | {f"{feature}_pages" for feature in rbac | oauth} if combination.include_pages else set()
    return {combination.auth_backend} | tokens | rbac | oauth | pages


def test_every_path_in_the_table_exists_in_the_full_project(template: Path) -> None:
    project = template / "{{cookiecutter.project_slug}}"

    paths = [path for paths in feature_paths(template).values() for path in paths]

    assert [path for path in paths if not [*project.glob(path)]] == []


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_paths_of_declined_features_are_gone_and_those_of_chosen_ones_are_there(
    combination: Combination, template: Path, bake: Bake
) -> None:
    project = bake(**combination.answers)

    table = feature_paths(template)
    # A feature that consists of regions alone has no row.
    chosen = chosen_features(combination) & set(table)
    kept = {feature for feature, paths in table.items() if all([*project.glob(path)] for path in paths)}
    gone = {feature for feature, paths in table.items() if not any([*project.glob(path)] for path in paths)}
    assert (kept, gone) == (chosen, set(table) - chosen)


def test_hooks_stay_small(template: Path) -> None:
    hooks = sorted((template / "hooks").iterdir())

    assert sum(len(hook.read_text(encoding="utf-8").splitlines()) for hook in hooks) <= MAX_LINES
