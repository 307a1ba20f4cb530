"""A pytest plugin: runs the tests of the service without generating it, with the credentials that `--kind` names.

The source imports the modules of `session`. This plugin puts those of the chosen kind in their place.
"""

import os
from importlib import import_module
from pathlib import Path

import pytest

KINDS = ("session", "jwt", "jwt_cookie")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--kind`."""
    parser.addoption("--kind", choices=KINDS, default="session", help="the kind of credentials")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Choose before anything imports the choice."""
    kind = early_config.known_args_namespace.kind
    vars(import_module("app.auth"))["credentials"] = import_module(f"app.auth.{kind}")
    vars(import_module("tests.credentials"))["kind"] = import_module(f"tests.credentials.{kind}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip the tests that the hook removes from a rendering."""
    kind = config.getoption("--kind")
    others = {f"test_{other}.py" for other in KINDS if other != kind}
    bearer = {"test_jwt_tokens.py", "test_refresh.py"} if kind == "session" else set()
    pages = {"pages"} if kind == "jwt" else set()
    return True if collection_path.name in others | bearer | pages else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Set the kind for the processes that tests start, where sitecustomize.py reads it."""
    os.environ["IN_PLACE_KIND"] = item.config.getoption("--kind")
