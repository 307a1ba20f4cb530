"""Settings: refusals and their text, where values come from, and what is never shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import PROJECT_ROOT
from app.settings import Environment
from app.settings import SettingsError
from app.settings import read_settings
from app.settings.hashes import HASH_CHOICES

MAX_MODULES = 1_540
pytestmark = pytest.mark.usefixtures("project_root")
SECRET = "a secret key of the tests that opens nothing else"
PRODUCTION = {
    "SECRET_KEY": SECRET,
    "DATABASE_URL": "postgresql://service:hidden-word@db/service",
    "BASE_URL": "https://service.example",
    "MAIL_URL": "smtps://service:hidden-word@mail.example:465",
    "MAIL_FROM": "noreply@service.example",
}
GENERATE = 'Generate one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
MISSING = f"is not set. `make setup` writes it into .env; in production, set it in the environment. {GENERATE}"
WHO = "must be open, invite, or e-mail domains separated by commas, for example example.com"
MAIL_FROM = "MAIL_FROM must be set in production: an address of your domain, for example noreply@your-domain.com"
COLLECTOR = "http:// or https://, for example http://collector:4318"
CHEAP = (
    "make hashes that are too cheap; set at least one of these pairs: "
    "47104 and 1, 19456 and 2, 12288 and 3, 9216 and 4, 7168 and 5"
)
REFUSALS = [
    ("SECRET_KEY", None, f"SECRET_KEY {MISSING}"),
    ("SECRET_KEY", "hidden-word", f"SECRET_KEY must be at least 32 characters; got 11. {GENERATE}"),
    ("SECRET_KEY", "change-me" * 4, f"SECRET_KEY must be random; this one has 8 different characters. {GENERATE}"),
    (
        "SECRET_KEY_PREVIOUS",
        SECRET,
        "SECRET_KEY_PREVIOUS must differ from SECRET_KEY: write the former key, or unset it",
    ),
    ("SECRET_KEY_PREVIOUS", "short", f"SECRET_KEY_PREVIOUS must be at least 32 characters; got 5. {GENERATE}"),
    ("ENVIRONMENT", "staging", "ENVIRONMENT must be 'development', 'test' or 'production'"),
    ("DATABASE_URL", None, "DATABASE_URL must be set in production: postgresql://user:password@host/name"),
    ("DATABASE_URL", "", "DATABASE_URL must be set in production: postgresql://user:password@host/name"),
    (
        "DATABASE_URL",
        "mysql://service:hidden-word@db/service",
        "DATABASE_URL must start with postgresql://, for example postgresql://user:password@host/name",
    ),
    ("MAIL_FROM", "nobody", "MAIL_FROM must be an e-mail address: An email address must have an @-sign."),
    ("MAIL_FROM", None, MAIL_FROM),
    ("MAIL_FROM", "noreply@example.com", MAIL_FROM),
    ("BASE_URL", "http://service.example", "BASE_URL must start with https:// in production"),
    (
        "BASE_URL",
        "service.example",
        "BASE_URL must be a scheme and a host, for example https://app.example.com; got 'service.example'",
    ),
    ("MAIL_URL", None, "MAIL_URL must be set in production: smtp://user:password@host:587"),
    ("MAIL_URL", "console://", "MAIL_URL must be set in production: smtp://user:password@host:587"),
    ("OPENAPI", "yes", "OPENAPI must be 'on' or 'off'"),
    ("METRICS_TOKEN", "hidden-word", f"METRICS_TOKEN must be at least 32 characters; got 11. {GENERATE}"),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "collector:4318",
        f"OTEL_EXPORTER_OTLP_ENDPOINT must start with {COLLECTOR}; got 'collector:4318'",
    ),
    ("THROTTLE", "off", "THROTTLE must be on in production: leave it unset"),
    ("REGISTRATION", "open, example.com", f"REGISTRATION {WHO}; write open or invite without anything else"),
    ("REGISTRATION", ",", f"REGISTRATION {WHO}"),
    ("HASH_MEMORY_KIB", "47103", f"HASH_MEMORY_KIB 47103 and HASH_ITERATIONS 1 {CHEAP}"),
]


@pytest.mark.checklist("I12")
@pytest.mark.parametrize(("name", "value", "message"), REFUSALS)
def test_a_wrong_setting_is_refused_in_one_line_that_says_what_to_do(
    name: str, value: str | None, message: str
) -> None:
    environment = PRODUCTION | ({} if value is None else {name: value})
    if value is None:
        del environment[name]
    with pytest.raises(SettingsError) as refusal:
        read_settings(environment)
    assert refusal.value.message == message


def test_all_that_production_needs_is_named_at_once_a_line_each() -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings({"SECRET_KEY": SECRET})
    named = [line.split()[0] for line in refusal.value.message.splitlines()]
    assert named == ["DATABASE_URL", "BASE_URL", "MAIL_URL", "MAIL_FROM"]


def test_without_an_environment_the_service_runs_in_production() -> None:
    assert read_settings(PRODUCTION).environment is Environment.PRODUCTION


def test_development_needs_nothing_but_a_secret_key() -> None:
    assert read_settings({"ENVIRONMENT": "development", "SECRET_KEY": SECRET}).database_url is None


def test_the_env_file_counts_in_development_and_what_is_set_outside_counts_more(project_root: Path) -> None:
    (project_root / ".env").write_text(f"ENVIRONMENT=development\nSECRET_KEY={SECRET}\nBASE_URL=http://from-the-file\n")
    assert read_settings({}).base_url == "http://from-the-file"
    assert read_settings({"BASE_URL": "http://from-outside"}).base_url == "http://from-outside"


@pytest.mark.parametrize("environment", ["test", "production"])
def test_the_env_file_does_not_count_anywhere_else(project_root: Path, environment: str) -> None:
    (project_root / ".env").write_text(f"SECRET_KEY={SECRET}\n")
    with pytest.raises(SettingsError, match="SECRET_KEY is not set"):
        read_settings({"ENVIRONMENT": environment})


def test_an_empty_value_is_unset() -> None:
    settings = read_settings({"ENVIRONMENT": "test", "SECRET_KEY": SECRET, "DATABASE_URL": "", "OPENAPI": ""})
    assert (settings.database_url, settings.openapi) == (None, None)


@pytest.mark.parametrize("space", [" ", "\n", "\r\n", "\t"])
def test_spaces_and_line_breaks_around_a_value_do_not_count(space: str) -> None:
    known = PRODUCTION | {"ENVIRONMENT": "production", "OPENAPI": "on", "DATABASE_POOLER": "none", "THROTTLE": ""}
    assert read_settings({name: f"{space}{value}{space}" for name, value in known.items()}) == read_settings(known)


def test_the_env_file_counts_if_a_space_follows_the_environment(project_root: Path) -> None:
    (project_root / ".env").write_text(f"SECRET_KEY={SECRET}\n")
    assert read_settings({"ENVIRONMENT": "development "}).environment is Environment.DEVELOPMENT


def test_secrets_show_in_no_representation() -> None:
    settings = read_settings(PRODUCTION)
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in shown
        assert "hidden-word" not in shown


@pytest.mark.parametrize("name", ["SECRET_KEY", "MAIL_URL"])
def test_a_refusal_does_not_repeat_a_secret(name: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(PRODUCTION | {name: "hidden-word"})
    assert "hidden-word" not in f"{refusal.value} {refusal.value.__cause__}"


def test_each_purpose_has_a_key_of_its_own_which_hangs_on_the_secret() -> None:
    settings = read_settings(PRODUCTION)
    another = read_settings(PRODUCTION | {"SECRET_KEY": SECRET[::-1]})
    keys = {settings.key_for("one"), settings.key_for("two"), another.key_for("one")}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}
    assert settings.key_for("one") == read_settings(PRODUCTION).key_for("one")


@pytest.mark.parametrize(
    ("environment", "openapi", "is_served"),
    [
        ("development", "", True),
        ("development", "off", False),
        ("test", "", True),
        ("production", "", False),
        ("production", "on", True),
    ],
)
def test_the_description_of_the_api_is_closed_in_production_unless_asked_for(
    environment: str, openapi: str, *, is_served: bool
) -> None:
    settings = read_settings(PRODUCTION | {"ENVIRONMENT": environment, "OPENAPI": openapi})
    assert settings.serves_openapi is is_served


def test_importing_the_application_reads_no_settings_and_little_else() -> None:
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "PYTHONPYCACHEPREFIX") if name in os.environ}
    late = "{'zxcvbn', 'webauthn', 'segno'}"
    script = f"import app.asgi, sys; app.asgi.create_app; print(len(sys.modules)); assert not {late} & set(sys.modules)"
    command = [sys.executable, "-c", script]
    run = subprocess.run(  # noqa: S603  # our own interpreter
        command, cwd=PROJECT_ROOT, env=kept | {"ENVIRONMENT": "production"}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    # What is imported is paid for at each start; Litestar, SQLAlchemy and Alembic are 1,100 of these.
    assert int(run.stdout) < MAX_MODULES


@pytest.mark.parametrize(
    ("registration", "admitted", "turned_away"),
    [
        (None, ["grace@example.com"], []),
        ("open", ["grace@example.com"], []),
        ("invite", [], ["grace@example.com", "grace@invite"]),
        (
            "Example.com, @example.org",
            ["grace@example.com", "grace@example.org"],
            ["grace@example.net", "grace@sub.example.com"],
        ),
        ("XN--EXMPLE-CUA.com", ["grace@xn--exmple-cua.com"], ["grace@example.com"]),
    ],
)
def test_who_may_register(registration: str | None, admitted: list[str], turned_away: list[str]) -> None:
    settings = read_settings(PRODUCTION | ({"REGISTRATION": registration} if registration else {}))
    assert [settings.admits(address) for address in admitted + turned_away] == [True] * len(admitted) + [False] * len(
        turned_away
    )


@pytest.mark.checklist("A12")
@pytest.mark.parametrize(
    ("domain", "reason"),
    [
        ("localdomain", "should have a period"),
        ("service_one.example.com", "'_'"),
        ("*.example.com", "'*'"),
        (f"{'a' * 70}.com", "too many"),
        (".".join(["a" * 60] * 5), "at most 254 characters"),
        ("company.local", "special-use"),
        ("company.localhost", "special-use"),
        ("company.invalid", "special-use"),
        ("xn--a.com", "IDNA"),
        ("ex\u00e4mple.com", "xn--"),
        ("10.0.0.1", "top-level"),
        ("example.com.", "period"),
        ("example.com:25", "':'"),
        ("grace@example.com", "@"),
    ],
)
def test_a_domain_that_no_address_can_have_is_refused_in_one_line(domain: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(PRODUCTION | {"REGISTRATION": f"example.com, {domain}"})
    [line] = refusal.value.message.splitlines()
    assert line.startswith(f"REGISTRATION {WHO}; no address can have the domain {domain!r}: ")
    assert reason in line


def test_how_many_hashes_are_computed_at_once_depends_on_the_machine() -> None:
    assert read_settings(PRODUCTION).hash_concurrency == os.cpu_count()
    assert read_settings(PRODUCTION | {"HASH_CONCURRENCY": "3"}).hash_concurrency == 3


@pytest.mark.checklist("C04")
@pytest.mark.parametrize(("memory_kib", "iterations"), [*HASH_CHOICES, (65_536, 1), (65_536, 2), (7_168, 6)])
def test_hashes_may_cost_what_owasp_names_or_more(memory_kib: int, iterations: int) -> None:
    settings = read_settings(PRODUCTION | {"HASH_MEMORY_KIB": str(memory_kib), "HASH_ITERATIONS": str(iterations)})
    assert (settings.hash_memory_kib, settings.hash_iterations) == (memory_kib, iterations)


@pytest.mark.checklist("C04")
@pytest.mark.parametrize(("memory_kib", "iterations"), HASH_CHOICES)
def test_hashes_that_cost_a_little_less_are_refused(memory_kib: int, iterations: int) -> None:
    for memory, rounds in ((memory_kib - 1, iterations), (memory_kib, iterations - 1)):
        with pytest.raises(SettingsError, match=r"too cheap|must be a whole number"):
            read_settings(PRODUCTION | {"HASH_MEMORY_KIB": str(memory), "HASH_ITERATIONS": str(rounds)})
