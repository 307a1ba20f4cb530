"""The passwords that attackers try first: the 30,000 that breaches have shown most often."""

from functools import cache
from importlib.metadata import distribution
from importlib.util import module_from_spec
from importlib.util import spec_from_file_location
from typing import Any


def is_common(password: str) -> bool:
    """Whether many people use it; nobody is asked, since the list comes with a package."""
    return f"\n{password}\n" in _listed()


@cache
def _listed() -> str:
    # One text, and the file alone: words in a set, and the package with its other lists, would take 10 MiB and not 0.3.
    path = distribution("zxcvbn").locate_file("zxcvbn/frequency_lists.py")
    spec = spec_from_file_location("frequency_lists", str(path))
    assert spec is not None
    assert spec.loader is not None
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    return "\n".join(["", *module.FREQUENCY_LISTS["passwords"], ""])
