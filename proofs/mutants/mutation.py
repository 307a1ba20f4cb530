"""A service that lacks one defence.

Nothing on disk is changed: the weakened source is put in place of the real one while a module is imported.
"""

from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.machinery import PathFinder
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import NamedTuple

# The service that the proofs are laid over.
PROJECT = Path.cwd()


class Mutant(NamedTuple):
    """One defence, where it is, what is left of it, and the test that notices."""

    defence: str
    file: str
    old: str
    new: str
    test: str


def of_oauth(defence: str, file: str, old: str, new: str, test: str) -> Mutant:
    """A defence that a test in tests/oauth notices."""
    return Mutant(defence, file, old, new, f"oauth/{test}")


class Weakened(SourceFileLoader):
    """Loads a module without its defence."""

    mutant: Mutant

    def get_code(self, fullname: str) -> CodeType:
        """Compile the changed source; no bytecode of it is kept."""
        path = self.get_filename(fullname)
        source = Path(path).read_text("utf-8").replace(self.mutant.old, self.mutant.new)
        return self.source_to_code(source.encode(), path)


class Weakening(MetaPathFinder):
    """Finds that one module."""

    def __init__(self, mutant: Mutant, project: Path) -> None:
        self._mutant = mutant
        # A package goes by the name of its folder.
        self._module = project / mutant.file.removesuffix("/__init__.py").removesuffix(".py")
        self._name = ".".join(self._module.relative_to(project).parts)

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002  # as Python calls it
        """The module, if it is the one."""
        if fullname != self._name:
            return None
        spec = PathFinder.find_spec(fullname, [str(self._module.parent)])
        assert spec is not None
        assert spec.origin is not None
        spec.loader = Weakened(fullname, spec.origin)
        spec.loader.mutant = self._mutant
        return spec
