"""What helps a developer, and is not there in production."""

import logging
from collections.abc import AsyncIterator

import pytest

from app.settings import Environment
from app.settings import Settings
from tests.cast import PASSWORD
from tests.cast import Person
from tests.cast import Stage
from tests.other_services import another_stage
from tests.tables import Tables


def said(log: pytest.LogCaptureFixture) -> list[str]:
    """The lines about sign-ins; other loggers may be louder after other tests."""
    return [record.message for record in log.records if record.name == "app.accounts.sign_in"]


@pytest.fixture
async def developing(settings: Settings, tables: Tables) -> AsyncIterator[Stage]:  # noqa: ARG001  # empties them
    """A service as a developer starts it."""
    async with another_stage(settings, environment=Environment.DEVELOPMENT) as stage:
        yield stage


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log, down to what is said about refused sign-ins."""
    caplog.set_level(logging.INFO, "app.accounts.sign_in")
    return caplog


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_the_root_leads_to_the_documentation(developing: Stage, path: str) -> None:
    answer = await developing.person("visitor").get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/schema")


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_nothing_is_there_elsewhere(visitor: Person, path: str) -> None:
    assert (await visitor.get(path)).status_code == 404


async def test_a_page_behind_a_link_leads_to_the_root_where_there_is_one(developing: Stage, visitor: Person) -> None:
    assert 'href="/"' in (await developing.person("visitor").get("/verify")).text
    assert 'href="/"' not in (await visitor.get("/verify")).text


async def test_the_log_says_why_a_sign_in_was_refused(developing: Stage, log: pytest.LogCaptureFixture) -> None:
    grace, visitor = await developing.verified("grace"), developing.person("visitor")
    await grace.post("/login", email=grace.email, password="not the password")
    await visitor.sign_in()
    await visitor.register()
    await visitor.sign_in()
    assert said(log) == [
        "Refused to sign in grace@example.com: the password is wrong",
        "Refused to sign in visitor@example.com: no account has this address",
        "Refused to sign in visitor@example.com: the address is not verified; follow the link in the mail",
    ]
    assert PASSWORD not in log.text


@pytest.mark.checklist("I05")
async def test_an_address_writes_no_line_of_its_own_into_the_log(
    developing: Stage, log: pytest.LogCaptureFixture
) -> None:
    await developing.person("visitor").post("/login", email="a+b\r\n\x1b[31m@example.com", password=PASSWORD)
    assert said(log) == ["Refused to sign in a+b%0D%0A%1B%5B31m@example.com: no account has this address"]


@pytest.mark.checklist("C06")
async def test_no_other_log_says_it(grace: Person, log: pytest.LogCaptureFixture) -> None:
    await grace.post("/login", email=grace.email, password="not the password")
    assert said(log) == []
