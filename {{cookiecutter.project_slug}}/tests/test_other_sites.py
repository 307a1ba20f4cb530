"""Origins in CORS_ORIGINS from which browsers send no cookie: the log says so at start."""

import logging

import pytest

from app.asgi import create_app
from app.settings import Settings
from app.settings.origins import is_another_site
from tests.credentials import kind
from tests.other_services import ALLOWED

OWN = "https://api.example.com"
SAME = ["https://app.example.com", "https://example.com", "https://api.example.com:8443", "chrome-extension://abcdef"]
OTHERS = [
    "https://app.example.org",
    "https://app.another-example.com",
    "http://app.example.com",
    "https://localhost",
    "https://203.0.113.7",
    "capacitor://localhost",
]


@pytest.mark.parametrize("origin", SAME + OTHERS)
def test_another_domain_or_scheme_is_another_site(origin: str) -> None:
    assert is_another_site(origin, OWN) is (origin in OTHERS)


@pytest.mark.parametrize(
    ("origin", "own"), [("http://localhost:5173", "http://localhost:8000"), ("http://[::1]", "http://[::1]:1")]
)
def test_another_port_is_the_same_site(origin: str, own: str) -> None:
    assert not is_another_site(origin, own)


@pytest.mark.checklist("I12")
def test_a_site_whose_users_could_not_be_signed_in_is_named_at_start(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    given = {**vars(settings), **ALLOWED, "base_url": OWN, "cors_origins": [*SAME, *OTHERS]}
    with caplog.at_level(logging.WARNING, "app.users"):
        create_app(Settings(**given))
    named = [
        record.args[0] for record in caplog.records if record.name == "app.users" and isinstance(record.args, tuple)
    ]
    assert named == (OTHERS if kind.COOKIES else [])
