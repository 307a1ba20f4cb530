"""Adds a resource: a table whose rows belong to users, with routes, a revision and tests.

    uv run python scripts/new_resource.py invoices title:str amount:Decimal "due_at:datetime?"

The files come from scripts/resource: change those to change what the next resource looks like.
"""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from string import Template
from typing import Any

from resource_fields import code_of
from resource_fields import parse_fields
from resource_names import PROJECT
from resource_names import Mistake
from resource_names import fields_of_classes
from resource_names import require_free
from resource_names import require_unused
from resource_names import singular_of
from resource_names import words_for

TEMPLATES = PROJECT / "scripts" / "resource"
REVISIONS = PROJECT / "migrations" / "versions"
# With these names, the generated code shows which names it uses itself.
STAND_IN = words_for("stand_ins", "stand_in")


def main(arguments: list[str]) -> str:
    """Add the resource; returns what was done.

    Raises:
        Mistake: if it cannot be added. Nothing has changed then.
    """
    options = dict(each.split("=", 1) for each in arguments if "=" in each)
    plural, *texts = [each for each in arguments if "=" not in each] or [""]
    if not plural:
        raise Mistake('Say what the rows are called: make resource name=invoices fields="title:str amount:Decimal"')
    fields = parse_fields(texts or ["title:str"])
    words = words_for(plural, options.get("singular") or singular_of(plural)) | code_of(fields)
    require_free(words)
    others = rendered(words | STAND_IN)
    others = {path: text for path, text in others.items() if path.suffix == ".py"}
    modules = [text for path, text in others.items() if path.parent.parent.name == "app"]
    asgi = (PROJECT / "app" / "asgi.py").read_text(encoding="utf-8")
    require_unused([words["plural"], words["singular"]], [*others.values(), asgi])
    require_unused([words["Plural"], words["Singular"]], modules)
    require_unused([field.name for field in fields], [line for text in modules for line in fields_of_classes(text)])
    return add(words, edited(words, rendered(words)))


def rendered(words: dict[str, str]) -> dict[Path, str]:
    """The new files."""
    files = {}
    for template in sorted(TEMPLATES.rglob("*.tmpl")):
        name = template.stem.replace("resource", words["plural"])
        text = Template(template.read_text(encoding="utf-8")).substitute(words)
        files[PROJECT / template.parent.name / words["plural"] / name] = text
    return files


def edited(words: dict[str, str], files: dict[Path, str]) -> dict[Path, str]:
    """The new files, and the changed lists of the service; edits.toml says which lines are added.

    Raises:
        Mistake: if the line that marks the place of another is gone.
    """
    texts = dict(files)
    for table in sorted(TEMPLATES.rglob("edits.toml")):
        edits: list[dict[str, Any]] = tomllib.loads(table.read_text(encoding="utf-8"))["edit"]
        for edit in edits:
            is_optional = edit.pop("optional", False)
            values = {name: Template(value).substitute(words) for name, value in edit.items()}
            path, place = PROJECT / values["file"], values.get("after") or values["before"]
            text = texts[path] if path in texts else path.read_text(encoding="utf-8") if path.exists() else ""
            lines = [line for line in text.splitlines(keepends=True) if place in line]
            if len(lines) == 1:
                [line], added = lines, f"{values['text']}\n"
                texts[path] = text.replace(line, line + added if "after" in values else added + line)
            elif not is_optional:
                where = table.relative_to(PROJECT)
                raise Mistake(f"{values['file']} has no line with `{place}`, which {where} needs. Nothing has changed.")
    return texts


def add(words: dict[str, str], texts: dict[Path, str]) -> str:
    """Write the files and the revision, or nothing; returns what was done.

    Raises:
        Mistake: if a tool fails.
    """
    run("alembic", "upgrade", "head")
    run("alembic", "check", hint="The models have changes without a revision. Write it first: make migration m=...")
    former = {path: path.read_text(encoding="utf-8") if path.exists() else None for path in texts}
    revisions = {*REVISIONS.glob("*.py")}
    try:
        write(texts, [path for path, text in former.items() if text is None])
        run("alembic", "revision", "--autogenerate", "-m", f"add {words['words']}")
    except BaseException:
        restore(former, {*REVISIONS.glob("*.py")} - revisions)
        raise
    [revision] = {*REVISIONS.glob("*.py")} - revisions
    changed = ", ".join(str(path.relative_to(PROJECT)) for path, text in former.items() if text is not None)
    return (
        f"Added app/{words['plural']}, tests/{words['plural']} and {revision.relative_to(PROJECT)}; one row is called "
        f"`{words['singular']}`.\nAdded lines to {changed}.\n"
        f"Next: uv run alembic upgrade head, make check, uv run pytest tests/{words['plural']}"
    )


def write(texts: dict[Path, str], new: list[Path]) -> None:
    """Write the files, formatted and with sorted imports.

    Raises:
        Mistake: if ruff finds something that it cannot fix.
    """
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    modules = [str(path) for path in new if path.suffix == ".py"]
    run("ruff", "format", "--quiet", *modules)
    run("ruff", "check", "--quiet", "--fix", *modules)
    run("ruff", "check", "--quiet", "--fix", "--select=I001", *(str(path) for path in texts if path.suffix == ".py"))
    run("ruff", "format", "--quiet", *modules)


def restore(former: dict[Path, str | None], revisions: set[Path]) -> None:
    """Leave everything as it was."""
    for path, text in former.items():
        if text is None:
            shutil.rmtree(path.parent, ignore_errors=True)
        else:
            path.write_text(text, encoding="utf-8")
    for path in revisions:
        path.unlink()


def run(*command: str, hint: str = "") -> None:
    """Run a tool of the project.

    Raises:
        Mistake: if it fails.
    """
    line = [sys.executable, "-m", *command]
    done = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603  # of the project
    if done.returncode != 0:
        reason = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise Mistake(hint or f"{' '.join(command[:2])} failed, so nothing has changed:\n{reason}")


if __name__ == "__main__":
    try:
        print(main(" ".join(sys.argv[1:]).split()))
    except Mistake as mistake:
        sys.exit(str(mistake))
