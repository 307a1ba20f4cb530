"""Client generators read the OpenAPI document, and strict programs compile against what they write."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import Project
from tests_system.conftest import Generate

PACKAGES = ("openapi-fetch@0.17.0", "typescript@5.9.3")
STRICT = ("--strict", "--noEmit", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--module", "nodenext")
PROGRAM = """
import type { components, operations, paths } from "./openapi";

type Schemas = components["schemas"];

export const registration: Schemas["Registration"] = { email: "grace@example.com", password: "a horse" };
// @ts-expect-error A password is required.
export const incomplete: Schemas["Registration"] = { email: "grace@example.com" };
export const unchanged: Schemas["NoteChanges"] = {};
type Change = operations["patch_users_me"]["requestBody"]["content"]["application/json"];
export const changed: Change = { display_name: "Grace" };

export function shown(user: Schemas["User"]): string {
  return [user.id.toUpperCase(), user.created_at.slice(0, 10), user.is_active ? "active" : "", user.email].join(" ");
}

type Notes = paths["/notes"]["get"]["responses"][200]["content"]["application/json"];

export function titles(page: Notes & Schemas["Page_Note"]): string[] {
  return page.total === 0 ? [] : page.items.map((note) => note.title.trim());
}

export function fields(problem: Schemas["Problem"]): string[] {
  return problem.errors?.map((error) => error.field) ?? [];
}
"""
PYTHON_PROGRAM = """
from {package}.api.accounts import get_users_me
from {package}.models import PageNote, Registration, User
assert get_users_me.sync
assert PageNote(items=[], limit=1, offset=0, total=0).to_dict()["items"] == []
assert Registration(email="grace@example.com", password="a horse").to_dict().keys() == {{"email", "password"}}
"""


@pytest.fixture
def project(kind: str, generate: Generate) -> Project:
    """A project whose guide for clients is followed."""
    return generate(auth_backend=kind)


def blocks(project: Project, language: str) -> list[str]:
    """The code of the guide in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", project.read("docs/clients.md"), re.MULTILINE | re.DOTALL)


def test_a_strict_program_compiles_against_the_types(project: Project) -> None:
    folder = project.folder
    project.run("make", "client")
    by_make = project.read("openapi.d.ts")
    [by_hand, _] = blocks(project, "console")
    project.run("sh", "-ec", by_hand)
    assert project.read("openapi.d.ts") == by_make
    [guide] = blocks(project, "typescript")
    (folder / "guide.mts").write_text(guide.replace("./openapi", "./openapi.js"), "utf-8")
    (folder / "program.mts").write_text(PROGRAM.replace("./openapi", "./openapi.js"), "utf-8")
    project.run("npm", "install", "--no-save", "--no-audit", "--no-fund", *PACKAGES)

    project.run("npx", "tsc", *STRICT, "guide.mts", "program.mts")


def downloading(folder: Path, *command: str) -> str:
    """What a command prints that installs packages: it needs the machine's own way to the registry."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_generator_for_python_reads_everything(project: Project) -> None:
    project.run("make", "openapi")
    [_, generate] = blocks(project, "console")

    assert "warning" not in downloading(project.folder, "sh", "-ec", generate).lower()

    [package] = project.folder.glob("*-client/*_client")
    program = PYTHON_PROGRAM.format(package=package.name)
    downloading(project.folder, "uv", "run", "--no-project", "--with", str(package.parent), "python", "-c", program)
