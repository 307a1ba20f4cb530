"""Settings that are too large, too small or contradict each other are refused, and all of them at once."""

from typing import get_args

import pytest
from annotated_types import Ge
from annotated_types import Le

from app.settings import Settings
from app.settings import SettingsError
from app.settings import read_settings
from tests.test_settings import GENERATE
from tests.test_settings import PRODUCTION

pytestmark = pytest.mark.usefixtures("project_root")

NUMBERS = {
    name for name, field in Settings.model_fields.items() if int in (field.annotation, *get_args(field.annotation))
}
# What others must be for the largest value of these.
TOGETHER = {"SESSION_IDLE_DAYS": {"SESSION_LIFETIME_DAYS": "400"}}
KEYS = {
    "SECRET_KEY": "a-key-of-the-tests-that-opens-nothing",
    "SECRET_KEY_PREVIOUS": "the-former-key-of-these-tests-here",
}
EVERYONE = ["0.0.0.0/0", "::/0", "10.0.0.0/8, ::/0", "0.0.0.0/1, 128.0.0.0/1", "0.0.0.0/7", "::ffff:0:0/96", "2000::/3"]
PROXIES = "must be IP addresses or networks, for example 10.0.0.0/8, or unix for a Unix socket"
NETWORKS = [
    "unix, 10.0.0.0/8",
    "10.0.0.0/8",
    "fc00::/7",
    "172.16.0.0/12,192.168.0.7",
    "::1",
    "::ffff:10.0.0.0/104",
    "203.0.113.0/24",
    "8.0.0.0/8",
]


@pytest.fixture(autouse=True)
def large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has enough memory for every hash that may be asked for."""
    monkeypatch.setattr("app.settings.hashes.machine_memory_kib", lambda: 1024**3)


def refused(**environment: str) -> list[str]:
    """The lines with which these settings are refused in production."""
    with pytest.raises(SettingsError) as refusal:
        read_settings(PRODUCTION | environment)
    return refusal.value.message.splitlines()


def bounds(name: str) -> tuple[int, int]:
    """The least and the largest value of a number."""
    metadata = Settings.model_fields[name].metadata
    [least] = [bound.ge for bound in metadata if isinstance(bound, Ge)]
    [most] = [bound.le for bound in metadata if isinstance(bound, Le)]
    assert isinstance(least, int)
    assert isinstance(most, int)
    return least, most


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_a_number_outside_of_its_bounds_is_refused_and_the_bounds_are_named(name: str) -> None:
    least, most = bounds(name)
    for value in (str(most + 1), "99999999", "9" * 19, str(least - 1), "-1"):
        line = f"{name.upper()} must be a whole number from {least} to {most}; got {value}"
        assert refused(**{name.upper(): value}) == [line]
    for value in ("hidden-word", "1.5", "7d", "9" * 5_000):
        assert refused(**{name.upper(): value}) == [f"{name.upper()} must be a whole number from {least} to {most}"]


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_the_largest_number_works_with_times_and_memory(name: str) -> None:
    value = str(bounds(name)[1])
    settings = read_settings(PRODUCTION | TOGETHER.get(name.upper(), {}) | {name.upper(): value})
    assert getattr(settings, name) == int(value)


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("key", KEYS)
def test_a_secret_that_others_know_is_not_a_key_of_the_service(key: str) -> None:
    assert refused(**KEYS, METRICS_TOKEN=KEYS[key]) == [f"METRICS_TOKEN must differ from {key}. {GENERATE}"]


@pytest.mark.checklist("I12")
@pytest.mark.parametrize(("lifetime", "idle"), [("5", "7"), ("5", "6"), ("30", "31")])
def test_a_sign_in_does_not_last_longer_unused_than_used(lifetime: str, idle: str) -> None:
    [line] = refused(SESSION_LIFETIME_DAYS=lifetime, SESSION_IDLE_DAYS=idle)
    assert line == f"SESSION_IDLE_DAYS must be at most SESSION_LIFETIME_DAYS, which is {lifetime}; got {idle}"


@pytest.mark.parametrize(("lifetime", "idle"), [("1", 1), ("5", 5), ("7", 7), ("400", 7)])
def test_by_itself_it_lasts_seven_days_unused_or_for_its_lifetime(lifetime: str, idle: int) -> None:
    assert read_settings(PRODUCTION | {"SESSION_LIFETIME_DAYS": lifetime}).session_idle_days == idle


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("networks", EVERYONE)
def test_proxies_that_are_half_the_internet_are_refused_in_production_alone(networks: str) -> None:
    assert {line.partition(";")[0] for line in refused(TRUSTED_PROXIES=networks)} == {
        "TRUSTED_PROXIES must be the networks of your proxies alone, for example 10.0.0.0/8"
    }
    read_settings(PRODUCTION | {"ENVIRONMENT": "test", "TRUSTED_PROXIES": networks})


@pytest.mark.parametrize("networks", NETWORKS)
def test_the_networks_of_proxies_are_trusted(networks: str) -> None:
    trusted = read_settings(PRODUCTION | {"TRUSTED_PROXIES": networks}).trusted_proxies
    assert len(trusted) == len(networks.split(","))


@pytest.mark.checklist("I12")
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("10.0.0.5/8", "must be a network or an address: write 10.0.0.0/8 or 10.0.0.5"),
        ("*", PROXIES),
        (
            "10.0.0.1, proxy.example",
            PROXIES,
        ),
        ("10.0.0.0/33", PROXIES),
        ("10.0.0.1:443", PROXIES),
    ],
)
def test_a_network_that_matches_nothing_is_refused(value: str, reason: str) -> None:
    assert refused(TRUSTED_PROXIES=value) == [f"TRUSTED_PROXIES {reason}; got {value.rsplit(maxsplit=1)[-1]!r}"]


@pytest.mark.checklist("I12")
def test_hashes_that_need_more_memory_than_the_machine_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.settings.hashes.machine_memory_kib", lambda: 100_000)
    [line] = refused(HASH_CONCURRENCY="3")
    assert line == (
        "HASH_CONCURRENCY 3 with HASH_MEMORY_KIB 47104 needs more memory than the 100000 KiB here; "
        "set HASH_CONCURRENCY to at most 2"
    )
    assert refused(HASH_MEMORY_KIB="100001") == ["HASH_MEMORY_KIB must be at most 100000, the memory here; got 100001"]
    assert read_settings(PRODUCTION).hash_concurrency == 1
    assert read_settings(PRODUCTION | {"HASH_CONCURRENCY": "2"}).hash_concurrency == 2


@pytest.mark.checklist("I12")
@pytest.mark.parametrize(
    "token", ["a token with spaces that is long enough", "a-töken-that-no-header-can-carry-at-all", "0123456789" * 101]
)
def test_a_token_that_no_request_could_carry_is_refused(token: str) -> None:
    assert refused(METRICS_TOKEN=token) == [
        f"METRICS_TOKEN must be at most 1000 ASCII characters, without spaces. {GENERATE}"
    ]


@pytest.mark.checklist("I12")
def test_every_mistake_is_named_at_once_whatever_kind_it_is_of() -> None:
    lines = refused(
        SECRET_KEY="",
        DATABASE_URL="",
        OPENAPI="maybe",
        BASE_URL="http://service.example",
        MAIL_URL="imap://mail.example",
        SESSION_LIFETIME_DAYS="99999999",
        AUDIT_RETENTION_DAYS="1",
        HASH_ITERATIONS="1",
        HASH_MEMORY_KIB="9216",
        THROTTLE="off",
        TRUSTED_PROXIES="0.0.0.0/0",
    )
    named = [line.split()[0] for line in lines]
    assert len(named) == len(set(named))
    expected = {"SECRET_KEY", "DATABASE_URL", "OPENAPI", "BASE_URL", "MAIL_URL", "SESSION_LIFETIME_DAYS", "THROTTLE"}
    expected |= {"AUDIT_RETENTION_DAYS", "HASH_MEMORY_KIB", "TRUSTED_PROXIES"}
    assert set(named) == expected


def test_a_mistake_is_not_followed_by_mistakes_that_it_only_seems_to_cause() -> None:
    assert [line.split()[0] for line in refused(DATABASE_URL="mysql://host/name")] == ["DATABASE_URL"]
    assert [line.split()[0] for line in refused(SECRET_KEY="short", SECRET_KEY_PREVIOUS="short")] == [
        "SECRET_KEY",
        "SECRET_KEY_PREVIOUS",
    ]
    assert [line.split()[0] for line in refused(SESSION_LIFETIME_DAYS="0", SESSION_IDLE_DAYS="30")] == [
        "SESSION_LIFETIME_DAYS"
    ]
