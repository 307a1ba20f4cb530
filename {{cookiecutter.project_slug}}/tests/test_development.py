"""What helps a developer, and is not there in production."""

import logging

import pytest

from app.settings import Environment
from app.settings import Settings
from tests.cast import PASSWORD
from tests.cast import Person
from tests.other_services import another_stage
from tests.tables import Tables


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines about sign-ins; other loggers may be louder after other tests."""
    return [record.message for record in caplog.records if record.name == "app.accounts.sign_in"]


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_the_root_leads_to_the_documentation(settings: Settings, tables: Tables, path: str) -> None:
    assert tables
    async with another_stage(settings, environment=Environment.DEVELOPMENT) as stage:
        answer = await stage.person("visitor").get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/schema")


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_nothing_is_there_elsewhere(visitor: Person, path: str) -> None:
    assert (await visitor.get(path)).status_code == 404


async def test_the_log_says_why_a_sign_in_was_refused(
    settings: Settings, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    assert tables
    caplog.set_level(logging.INFO, "app.accounts.sign_in")
    async with another_stage(settings, environment=Environment.DEVELOPMENT) as stage:
        grace, visitor = await stage.verified("grace"), stage.person("visitor")
        await grace.post("/login", email=grace.email, password="not the password")
        await visitor.sign_in()
        await visitor.register()
        await visitor.sign_in()
    assert said(caplog) == [
        "Refused to sign in grace@example.com: the password is wrong",
        "Refused to sign in visitor@example.com: no account has this address",
        "Refused to sign in visitor@example.com: the address is not verified; follow the link in the mail",
    ]
    assert PASSWORD not in caplog.text


@pytest.mark.checklist("I05")
async def test_an_address_writes_no_line_of_its_own_into_the_log(
    settings: Settings, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    assert tables
    caplog.set_level(logging.INFO, "app.accounts.sign_in")
    async with another_stage(settings, environment=Environment.DEVELOPMENT) as stage:
        await stage.person("visitor").post("/login", email="a+b\r\n\x1b[31m@example.com", password=PASSWORD)
    assert said(caplog) == ["Refused to sign in a+b%0D%0A%1B%5B31m@example.com: no account has this address"]


@pytest.mark.checklist("C06")
async def test_no_other_log_says_it(grace: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.accounts.sign_in")
    await grace.post("/login", email=grace.email, password="not the password")
    assert [record for record in caplog.records if record.name == "app.accounts.sign_in"] == []
