"""What helps a developer, and is not there in production."""

import logging
from collections.abc import AsyncIterator

import pytest
from litestar import get
from litestar.config.app import AppConfig
from litestar.handlers import HTTPRouteHandler

from app.http.home import Home
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


async def test_the_documentation_is_found_in_development_alone(developing: Stage, visitor: Person) -> None:
    answer = await developing.person("visitor").get("/docs")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/schema")
    assert (await developing.person("visitor").get("/")).status_code == 302
    assert (await visitor.get("/docs")).status_code == 404


@get("/docs", exclude_from_auth=True, media_type="text/plain")
async def own_docs() -> str:
    """A route of an owner."""
    return "ours"


def test_a_route_of_ones_own_replaces_the_way_to_the_documentation(settings: Settings) -> None:
    developing = settings.model_copy(update={"environment": Environment.DEVELOPMENT})
    config = Home(developing).on_app_init(AppConfig(route_handlers=[own_docs]))
    [own, added] = config.route_handlers
    assert own is own_docs
    assert isinstance(added, HTTPRouteHandler)
    assert added.paths == {"/"}


async def test_a_page_behind_a_link_leads_to_the_root_where_there_is_one(developing: Stage, visitor: Person) -> None:
    for person in (developing.person("visitor"), visitor):
        has_root = (await person.get("/")).status_code != 404
        assert ('href="/"' in (await person.get("/verify")).text) == has_root


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
