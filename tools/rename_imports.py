"""Renames imports of the service in your code, after an update from version 0.1 to 0.2 has moved its modules.

Run it in the project's folder, then `uv run ruff check --fix` and `uv run ruff format`. In every Python file it changes
`from app... import ...` and the uses of the imported names, and it prints the files that it has changed. It leaves
`import app...`, relative imports and names in strings as they are.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from moved_in_0_2 import MODULES
from moved_in_0_2 import NAMES

SKIPPED = {".venv", ".cache", ".git", "node_modules"}
# In these, a name of an old module may be that of a new one: `app.database` was a module and is a package now.
NEW_MODULES = {*MODULES.values(), *(target.rpartition(".")[0] for target in NAMES.values())}
SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


class Edit(NamedTuple):
    """A piece of a file, from and to a line and a byte of it, and its replacement."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


class Source:
    """A file, and where it uses each name."""

    def __init__(self, text: str) -> None:
        """Find every use once."""
        self.tree = ast.parse(text)
        self._lines = text.encode().splitlines()
        local = _local_uses(self.tree)
        self.uses: dict[str, list[ast.Name]] = defaultdict(list)
        self.attributes: dict[str, list[ast.Attribute]] = defaultdict(list)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in local:
                self.uses[node.id].append(node)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and id(node.value) not in local:
                self.attributes[node.value.id].append(node)

    def edits(self) -> Iterator[Edit]:
        """The changes that the file needs."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "app":
                lines = [line for alias in node.names for line in self._import(node.module or "", alias)]
                before = [f"from {node.module} import {_shown(alias)}" for alias in node.names]
                if [text for text, _ in lines] != before:
                    # `if condition: from app import x` has no line of its own.
                    is_alone = not self._lines[node.lineno - 1][: node.col_offset].strip()
                    between = f"\n{' ' * node.col_offset}" if is_alone else "; "
                    yield _replaced(node, between.join(dict.fromkeys(text for text, _ in lines)))
                    yield from (edit for _, edits in lines for edit in edits)

    def _import(self, module: str, alias: ast.alias) -> list[tuple[str, list[Edit]]]:
        full = f"{module}.{alias.name}"
        if full in MODULES and full not in NAMES and full not in NEW_MODULES:
            return self._module(full, alias)
        package, name = new_place(module, alias.name)
        edits = []
        if alias.asname is None and name != alias.name:
            edits = [_replaced(use, name) for use in self.uses[alias.name]]
        return [(f"from {package} import {_shown(ast.alias(name, alias.asname))}", edits)]

    def _module(self, full: str, alias: ast.alias) -> list[tuple[str, list[Edit]]]:
        """A module that was imported as a whole; its names may be in several modules now."""
        edits: dict[str, list[Edit]] = defaultdict(list)
        local = alias.asname or alias.name
        of_attributes = set()
        for use in self.attributes[local]:
            package, name = new_place(full, use.attr)
            of_attributes.add(id(use.value))
            is_same = alias.asname is not None and package == MODULES[full]
            edits[package].append(_replaced(use.value, local if is_same else package.rpartition(".")[2]))
            if name != use.attr:
                line, end = (use.end_lineno or 1) - 1, use.end_col_offset or 0
                edits[package].append(Edit((line, end - len(use.attr.encode())), (line, end), name))
        for name_use in self.uses[local]:
            if id(name_use) not in of_attributes:
                edits[MODULES[full]].append(_replaced(name_use, alias.asname or MODULES[full].rpartition(".")[2]))
        return [
            (_import_of(module, alias.asname if module == MODULES[full] else None), found)
            for module, found in sorted(edits.items() or [(MODULES[full], [])])
        ]


def new_place(module: str, name: str) -> tuple[str, str]:
    """The module and the name that `from module import name` finds now."""
    full = f"{module}.{name}"
    target = NAMES.get(full) or (MODULES.get(full) if full not in NEW_MODULES else None)
    if target:
        package, _, new = target.rpartition(".")
        return package, new
    return (module if full in NEW_MODULES else MODULES.get(module, module)), name


def renamed(text: str) -> str:
    """The file with its imports, and the names that it uses, as they are now."""
    lines = text.encode().splitlines(keepends=True)
    for (first, start), (last, end), replacement in sorted(set(Source(text).edits()), reverse=True):
        lines[first : last + 1] = [lines[first][:start] + replacement.encode() + lines[last][end:]]
    return b"".join(lines).decode()


def main(folder: Path) -> None:
    """Rename in every Python file of the project."""
    files = (path for path in folder.glob("app/**/*.py") if path.stem != "__init__")
    modules = (path.relative_to(folder).with_suffix("") for path in files)
    # Those that came with the update have their place already: `from app.accounts.mail import refusals`.
    NEW_MODULES.update({".".join(path.parts) for path in modules} - MODULES.keys())
    for path in sorted(folder.rglob("*.py")):
        if SKIPPED & set(path.relative_to(folder).parts):
            continue
        before = path.read_text(encoding="utf-8")
        after = renamed(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(path.relative_to(folder))


def _local_uses(tree: ast.Module) -> set[int]:
    """The uses of names that a function or a comprehension binds for itself, by identity."""
    found = set()
    for scope in ast.walk(tree):
        if isinstance(scope, SCOPES):
            inner = [*ast.walk(scope)]
            bound = {node.arg for node in inner if isinstance(node, ast.arg)}
            bound |= {node.id for node in inner if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            found |= {id(node) for node in inner if isinstance(node, ast.Name) and node.id in bound}
    return found


def _shown(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname and alias.asname != alias.name else alias.name


def _import_of(module: str, asname: str | None) -> str:
    package, _, name = module.rpartition(".")
    return f"from {package} import {_shown(ast.alias(name, asname))}"


def _replaced(node: ast.expr | ast.stmt, text: str) -> Edit:
    end = (node.end_lineno or node.lineno) - 1, node.end_col_offset or 0
    return Edit((node.lineno - 1, node.col_offset), end, text)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
