"""The names of a resource: which can be used, and how they are written in code."""

import ast
import builtins
import keyword
import re
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

PROJECT = Path(__file__).resolve().parent.parent
# So that the names of indexes fit into PostgreSQL's 63 characters.
LONGEST_NAME = 30
# Endings of plurals, and of their singulars. `singular=` says it for others.
PLURALS = {
    "ookies": "ookie",
    "movies": "movie",
    "caches": "cache",
    "ies": "y",
    "sses": "ss",
    "shes": "sh",
    "ches": "ch",
    "xes": "x",
    "tuses": "tus",
    "s": "",
}
NO_PLURAL = re.compile(r".*(ss|us|is|[^s])")


class Mistake(Exception):
    """The command cannot be carried out; the message says why."""


def singular_of(plural: str) -> str:
    """The singular of a regular plural.

    Raises:
        Mistake: if the word does not look like one.
    """
    if NO_PLURAL.fullmatch(plural):
        raise Mistake(
            f"`{plural}` does not look like a plural, such as `invoices`. If it is one, say what one row is called: "
            f"make resource name={plural} singular=..."
        )
    ending = next(ending for ending in PLURALS if plural.endswith(ending))
    return plural.removesuffix(ending) + PLURALS[ending]


def require_name(name: str) -> None:
    """Check that this can be a name in Python and in SQL.

    Raises:
        Mistake: if it cannot.
    """
    if not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > LONGEST_NAME:
        raise Mistake(f"`{name}` cannot be a name: use up to {LONGEST_NAME} letters a to z, digits and underscores.")
    if keyword.iskeyword(name):
        raise Mistake(f"`{name}` is a keyword of Python. Choose another name.")
    if name in RESERVED_WORDS:
        raise Mistake(f"`{name}` is a reserved word of SQL. Choose another name.")


def words_for(plural: str, singular: str) -> dict[str, str]:
    """What the placeholders of the templates stand for that the names decide.

    Raises:
        Mistake: if a name cannot be used.
    """
    for name in (plural, singular):
        require_name(name)
        if hasattr(builtins, name):
            raise Mistake(f"`{name}` is a function of Python. Choose another name.")
    if plural == singular:
        raise Mistake(f"`{plural}` is both the plural and the singular. Choose two names that differ.")
    word = singular.replace("_", " ")
    a_word = f"an {word}" if word[0] in "aeio" else f"a {word}"
    return {
        "plural": plural,
        "Plural": plural.title().replace("_", ""),
        "PLURAL": plural.upper(),
        "singular": singular,
        "Singular": singular.title().replace("_", ""),
        "path": plural.replace("_", "-"),
        "padded": f"{plural}/".ljust(19),
        "word": word,
        "words": plural.replace("_", " "),
        "Words": plural.replace("_", " ").capitalize(),
        "a_word": a_word,
        "A_word": a_word.capitalize(),
    }


def require_free(words: dict[str, str]) -> None:
    """Check that the service has no module, table, class or route of these names.

    Raises:
        Mistake: if it has one.
    """
    plural, singular, path = words["plural"], words["singular"], words["path"]
    for taken in (f"app/{plural}", f"app/{plural}.py", f"tests/{plural}"):
        if (PROJECT / taken).exists():
            raise Mistake(f"{taken} exists already, so nothing has changed. Choose another name.")
    # Two models of one name confuse SQLAlchemy; a model and a body of one name change names in the OpenAPI document.
    stored = (
        rf'__tablename__ = "{singular}"|\bTable\(\s*"{singular}"|^class {words["Singular"]}\([^)]*(Base|Struct|Body)\b'
    )
    for file in sorted((PROJECT / "app").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if re.search(stored, text, re.MULTILINE):
            raise Mistake(
                f"{file.relative_to(PROJECT)} has a table or a body called `{singular}`. Choose another name."
            )
        if re.search(rf'"/{path}["/]', text):
            raise Mistake(f"{file.relative_to(PROJECT)} has a route at /{path}. Choose another name.")


def require_unused(names: Iterable[str], sources: Iterable[str]) -> None:
    """Check that the generated code does not use these names for something else.

    Raises:
        Mistake: if it does.
    """
    used = {name for source in sources for node in ast.walk(ast.parse(source)) for name in _names(node)}
    for name in names:
        if name in used:
            raise Mistake(f"`{name}` is a name that the generated code uses for something else. Choose another name.")


def fields_of_classes(source: str) -> list[str]:
    """The lines of classes that define fields. In them, a field hides a type of the same name."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return [ast.unparse(line) for each in classes for line in each.body if isinstance(line, ast.AnnAssign | ast.Assign)]


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Load()) | ast.arg(arg=name):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name for alias in aliases]
        case _:
            return []
