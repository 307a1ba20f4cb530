"""Wrong answers get one line that says what to type instead; awkward good ones arrive unchanged."""

import json
import os
import re
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from cookiecutter.exceptions import FailedHookException

import local_extensions
from tests.conftest import Bake
from tests.conftest import Shell

EMPTY_NAME = "project_name is empty. Type a name, for example: My Service"
CODE = "An answer contains {{, {% or {#, which stand for template code. Type it without them"
INVISIBLE = "contains a control character or an invisible one. Type it by hand, on one line"
SLUG_RULE = "project_slug must be at most 40 lower-case letters, digits and single dashes, beginning with a letter. "
PACKAGE = "a package that the service or its tools install"
STANDARD_LIBRARY = "a module of Python's standard library"
FOLDER = "a folder inside the project"
DEVICE = "a device on Windows"

REFUSED = [
    ("project_name=", EMPTY_NAME),
    ("project_name=   ", EMPTY_NAME),
    (f"project_name={'x' * 51}", "project_name has 51 characters. Type at most 50"),
    ("project_name= Shop", "project_name begins or ends with a space. Type it without"),
    ("project_name=My\nShop", f"project_name {INVISIBLE}"),
    ("project_name=My\tShop", f"project_name {INVISIBLE}"),
    ("project_name=My\N{LINE SEPARATOR}Shop", f"project_name {INVISIBLE}"),
    ("project_name=My\N{RIGHT-TO-LEFT OVERRIDE}Shop", f"project_name {INVISIBLE}"),
    ("project_name=My\N{ZERO WIDTH SPACE}Shop", f"project_name {INVISIBLE}"),
    (
        os.fsdecode(b"project_name=M\xfcller"),
        "project_name did not arrive as UTF-8. Type plain letters, or set LC_ALL=C.UTF-8",
    ),
    ("project_name={{ 7*7 }}", CODE),
    ("project_name={{ cookiecutter.nothing }}", CODE),
    ("project_name=Shop {{", CODE),
    ("project_name=# {% if", CODE),
    ("project_name={# Shop", CODE),
    ("project_slug={{", CODE),
    ("project_slug=", f"{SLUG_RULE}Type for example: my-service"),
    ("project_slug=My Shop", f"{SLUG_RULE}Type for example: my-shop"),
    ("project_slug=my_shop", f"{SLUG_RULE}Type for example: my-shop"),
    ("project_slug=../shop", f"{SLUG_RULE}Type for example: shop"),
    ("project_slug=/tmp/shop", f"{SLUG_RULE}Type for example: tmp-shop"),
    ("project_slug=-shop", f"{SLUG_RULE}Type for example: shop"),
    ("project_slug=my--shop", f"{SLUG_RULE}Type for example: my-shop"),
    ("project_slug=shop-", f"{SLUG_RULE}Type for example: shop"),
    ("project_slug=shop\n", f"{SLUG_RULE}Type for example: shop"),
    ("project_slug=3d-shop", f"{SLUG_RULE}Type for example: service-3d-shop"),
    ("project_slug=größe", f"{SLUG_RULE}Type for example: grosse"),
    (f"project_slug={'x' * 41}", f"{SLUG_RULE}Type for example: {'x' * 32}"),
    *(
        (f"project_slug={slug}", f'project_slug "{slug}" is the name of {meaning}. Type for example: {slug}-service')
        for slug, meaning in (
            ("litestar", PACKAGE),
            ("python-dotenv", PACKAGE),
            ("json", STANDARD_LIBRARY),
            ("test", STANDARD_LIBRARY),
            ("app", FOLDER),
            ("tests", FOLDER),
            ("migrations", FOLDER),
            ("con", DEVICE),
            ("lpt1", DEVICE),
        )
    ),
    (f"author={'x' * 101}", "author has 101 characters. Type at most 100"),
    ("author=Grace\x1b[31m", f"author {INVISIBLE}"),
]

AWKWARD = [
    ('Grace\'s "Shop"', 'Grace "Amazing" Hopper'),
    ("a'''b\"\"\"c", "'''"),
    ("C:\\new\\table", "Ada \\"),
    ("Größe & Söhne", "Jürgen Müller"),
    ("世界のお店", "山田太郎"),
    ("🎉", "👩‍💻 Ada"),
    ("فروشگاه می‌خواهم", "علی"),
    ("<b>Shop</b> [red] $HOME `id` %s {0} #1: *", "a: b # c, !d & *e | f > g @h %i"),
    ("Litestar", ""),
    ("3D", "3"),
    ("x" * 50, "y" * 100),
    ("true", "null"),
]


@pytest.mark.parametrize(("answer", "line"), REFUSED, ids=[ascii(answer)[:50] for answer, _ in REFUSED])
def test_wrong_answer_gets_one_line_and_leaves_nothing_behind(
    answer: str, line: str, shell: Shell, template: Path
) -> None:
    refusal = shell.cookiecutter(template, "--no-input", answer)

    assert refusal.returncode != 0
    assert (refusal.stdout + refusal.stderr).splitlines() == [line]
    assert shell.leftovers() == []


@pytest.mark.parametrize("answer", ["auth_backend=cookie", "include_rbac=perhaps", "license=WTFPL"])
def test_cookiecutter_itself_refuses_an_unknown_choice_and_leaves_nothing_behind(
    answer: str, shell: Shell, template: Path
) -> None:
    # It does so before it reads anything of the template but the questions, so no line of ours can come first.
    refusal = shell.cookiecutter(template, "--no-input", answer)

    question, value = answer.split("=")
    assert refusal.returncode != 0
    assert re.match(f"ValueError: {value} provided for .*{question}", refusal.stderr.splitlines()[-1])
    assert shell.leftovers() == []


@pytest.mark.parametrize(
    ("default", "line"),
    [
        ("include_oauth: 0", "include_oauth must be yes or no. Type one of: true, false"),
        ("author: null", "author must be text. Put it in quotes in the configuration file"),
        ("project_name: yes", "project_name must be text. Put it in quotes in the configuration file"),
    ],
)
def test_default_of_another_type_in_the_configuration_file_is_refused(
    default: str, line: str, shell: Shell, template: Path
) -> None:
    (shell.home / ".cookiecutterrc").write_text(f"default_context:\n  {default}\n", encoding="utf-8")

    refusal = shell.cookiecutter(template, "--no-input")

    assert refusal.returncode != 0
    assert (refusal.stdout + refusal.stderr).splitlines() == [line]


def test_older_cookiecutter_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookiecutter.__version__", "2.6.0")

    with pytest.raises(FailedHookException) as refusal:
        local_extensions.check_cookiecutter()

    assert str(refusal.value) == (
        "cookiecutter 2.7 or newer is needed; this is 2.6.0. Run: uvx cookiecutter@latest ..."
    )


def test_every_installed_distribution_is_refused_as_a_slug() -> None:
    # The tests' environment carries what the service and its tools install.
    installed = {re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower() for found in distributions()}

    assert installed - local_extensions.TAKEN == set()


def test_slug_that_is_derived_from_any_name_passes_its_own_check() -> None:
    for name in sys.stdlib_module_names | local_extensions.TAKEN | {"", "-", "9", "x" * 99, *dict(AWKWARD)}:
        local_extensions.check_project_slug(local_extensions.slug_for(name))


@pytest.mark.parametrize(("name", "author"), AWKWARD)
def test_awkward_names_arrive_unchanged(name: str, author: str, bake: Bake) -> None:
    project = bake(project_name=name, author=author)

    table = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert name in table["description"]
    assert table["authors"][0]["name"] == (author or name)
    assert (author or name) in (project / "LICENSE").read_text(encoding="utf-8")
    for file in project.rglob("*.py"):
        compile(file.read_text(encoding="utf-8"), file, "exec")


@pytest.mark.parametrize(
    ("license_name", "first_words"),
    [
        ("MIT", "MIT License"),
        ("Apache-2.0", "Apache License"),
        ("BSD-3-Clause", "BSD 3-Clause License"),
        ("proprietary", "Copyright (c) 20"),
    ],
)
def test_chosen_licence_is_the_only_one(license_name: str, first_words: str, bake: Bake) -> None:
    project = bake(license=license_name, author="Grace Hopper")

    text = (project / "LICENSE").read_text(encoding="utf-8")
    assert text.strip().startswith(first_words)
    assert re.search(r"Copyright (\(c\) )?20\d\d Grace Hopper\n", text)
    assert not (project / "licenses").exists()


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ({"project_slug": "../escape"}, "project_slug must be at most 40 lower-case letters"),
        ({"project_name": ""}, EMPTY_NAME),
        ({"author": "Grace\nHopper"}, "author contains a control character"),
        ({"license": "../../README.md"}, "license must be one of: MIT, "),
        ({"auth_backend": "cookie"}, "auth_backend must be one of: session, jwt, jwt_cookie"),
        ({"include_rbac": "no"}, "include_rbac must be yes or no"),
        ({"include_oauth": 0}, "include_oauth must be yes or no"),
        ({"include_pages": "no"}, "include_pages must be yes or no"),
    ],
    ids=str,
)
def test_answers_of_a_replay_file_are_checked_too(
    answer: dict[str, object], line: str, shell: Shell, template: Path
) -> None:
    assert shell.cookiecutter(template, "--no-input", "-o", "first").returncode == 0
    [kept] = shell.home.glob(".cookiecutter_replay/*.json")
    replay = json.loads(kept.read_text(encoding="utf-8"))
    replay["cookiecutter"] |= answer
    changed = shell.folder / "replay.json"
    changed.write_text(json.dumps(replay), encoding="utf-8")
    inside = shell.folder / "inside"
    inside.mkdir()

    refusal = shell.cookiecutter(template, "--replay-file", changed, "-o", inside)

    assert refusal.returncode != 0
    assert line in refusal.stdout + refusal.stderr
    assert "Traceback" not in refusal.stderr
    assert {path.name for path in shell.folder.iterdir()} == {"first", "inside", "replay.json"}
    assert [*inside.iterdir()] == []


def test_a_replay_file_may_have_the_answers_alone(shell: Shell, template: Path) -> None:
    answers = {"project_slug": "shop", "author": "Grace", "auth_backend": "jwt", "license": "MIT"}
    given = answers | {"project_name": "Shop", "include_rbac": False, "include_oauth": False, "include_pages": False}
    file = shell.folder / "replay.json"
    file.write_text(json.dumps({"cookiecutter": given}), encoding="utf-8")

    made = shell.cookiecutter(template, "--replay-file", file)

    assert (made.returncode, made.stderr) == (0, "")
    remembered = json.loads((shell.folder / "shop" / ".cruft.json").read_text(encoding="utf-8"))
    assert remembered["context"]["cookiecutter"] == given


def test_a_folder_that_exists_is_refused_before_the_next_question(shell: Shell, template: Path) -> None:
    (shell.folder / "out" / "shop").mkdir(parents=True)

    refusal = shell.cookiecutter(template, "--no-input", "-o", "out", "project_slug=shop", "author=\u202e")

    assert (refusal.stdout + refusal.stderr).splitlines() == [
        'The folder "out/shop" exists. Type another project_slug, or remove it'
    ]
    assert shell.cookiecutter(template, "--no-input", "-f", "-o", "out", "project_slug=shop").returncode == 0
