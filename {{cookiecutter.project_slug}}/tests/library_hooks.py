"""The hooks that litestar-users documents: methods that do nothing until they are overridden."""

import ast
import inspect
import textwrap
from typing import Any
from typing import NamedTuple

import pytest
from litestar_users.service import BaseUserService

from app.users import UserService

# The hooks that this service calls, and what each returns to allow everything.
ALLOWING = {
    "pre_registration_hook": None,
    "post_registration_hook": None,
    "post_verification_hook": None,
    "get_additional_auth_filters": (),
    "pre_login_hook": True,
    "post_login_hook": None,
}


class Call(NamedTuple):
    """A call of a hook, and its arguments."""

    hook: str
    first: Any
    request: Any


def does_nothing(method: Any) -> bool:
    """Whether a method consists of a docstring, and at most returns a constant or an empty list."""
    [function] = ast.parse(textwrap.dedent(inspect.getsource(method))).body
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    body = [step for step in function.body if not (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))]
    return all(
        isinstance(step, ast.Return)
        and (step.value is None or isinstance(step.value, ast.Constant) or ast.unparse(step.value) == "[]")
        for step in body
    )


def documented() -> set[str]:
    """The names of the hooks of the installed version."""
    methods = inspect.getmembers(BaseUserService, inspect.isfunction)
    return {name for name, method in methods if not name.startswith("_") and does_nothing(method)}


class Recorder:
    """Overrides the hooks, at first so that they allow everything, and records their calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[Call] = []
        self._monkeypatch = monkeypatch
        for name, answer in ALLOWING.items():
            self.override(name, answer)

    def override(self, name: str, answer: Any = None) -> None:
        """Record the calls of this hook, and return `answer` from it; an exception is raised."""

        def record(_service: UserService, first: Any, request: Any = None) -> Any:
            self.calls.append(Call(name, dict(first) if isinstance(first, dict) else first, request))
            if callable(answer):
                return answer(first)
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def record_later(service: UserService, first: Any, request: Any = None) -> Any:
            return record(service, first, request)

        is_async = inspect.iscoroutinefunction(getattr(BaseUserService, name))
        self._monkeypatch.setattr(UserService, name, record_later if is_async else record, raising=False)

    @property
    def names(self) -> list[str]:
        """The hooks that were called, in order; forgets the calls."""
        names = [call.hook for call in self.calls]
        self.calls.clear()
        return names
