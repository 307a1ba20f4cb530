"""The pages as a browser gets them: HTML that names its calls, one script and one style sheet."""

import gzip
import re

import pytest
from litestar import Litestar

from app.accounts import theme
from app.pages.files import FILES
from app.pages.files import SCRIPT
from app.pages.routes import PAGES
from app.pages.routes import html_of
from app.settings import Environment
from app.settings import Settings
from tests.cast import Person
from tests.other_services import another_stage
from tests.pages.markup import elements_of
from tests.pages.markup import values_of
from tests.work import Work

MAX_COMPRESSED_BYTES = 40_000
MAX_FILES = 3


def _shape(path: str) -> str:
    return re.sub(r"{[^}]*}", "{}", path.partition("?")[0])


OWN_PATHS = {_shape(page.path) for page in PAGES}
PATHS = [re.sub(r"{.*}", "00000000-0000-0000-0000-000000000000", page.path) for page in PAGES]
CALL_OF_SCRIPT = re.compile(r'"(GET|POST|PUT|PATCH|DELETE)", "(/[^"]*)"')


@pytest.mark.checklist("P01")
@pytest.mark.parametrize("path", PATHS)
async def test_a_page_may_use_the_files_of_this_service_and_nothing_else(visitor: Person, path: str) -> None:
    answer = await visitor.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    rules = dict(rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    # Without the script, a browser would put the fields of another form, such as a password, in the address.
    forms = [each.attributes for each in elements_of(answer.text) if each.tag == "form"]
    assert all(form["method"] == ("post" if "data-call" in form else "get") for form in forms)
    # No attribute that the policy would block.
    names = {name for each in elements_of(answer.text) for name in each.attributes}
    assert not {name for name in names if name.startswith("on") or name == "style"}
    assert "<style" not in answer.text


@pytest.mark.checklist("P01")
@pytest.mark.parametrize("path", PATHS)
async def test_a_page_is_the_same_for_every_caller(visitor: Person, signed_in: Person, path: str) -> None:
    assert (await signed_in.get(path)).text == (await visitor.get(path)).text


@pytest.mark.checklist("P04")
@pytest.mark.parametrize("path", PATHS)
async def test_browsers_keep_no_page_and_may_keep_its_files(visitor: Person, path: str) -> None:
    answer = await visitor.get(path)
    assert answer.headers["Cache-Control"] == "no-store"
    own = [each for name in ("src", "href") for each in values_of(answer.text, name) if each.startswith("/static/")]
    assert len(own) == len(FILES)
    for file in own:
        assert "immutable" in (await visitor.get(file)).headers["Cache-Control"]


async def test_a_file_has_one_name(visitor: Person) -> None:
    assert (await visitor.get("/static/pages.js")).status_code == 404


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_and_its_files_are_small_and_few(visitor: Person, path: str) -> None:
    html = (await visitor.get(path)).text
    weight = sum(len(gzip.compress(text.encode())) for text in (html, *FILES.values()))
    assert weight <= MAX_COMPRESSED_BYTES
    loaded = [
        each
        for each in elements_of(html)
        if each.tag in {"link", "script", "img"}
        and each.attributes.get("src", each.attributes.get("href", "")).startswith("/")
    ]
    assert len(loaded) <= MAX_FILES


@pytest.mark.parametrize("path", PATHS)
async def test_every_call_of_a_page_is_in_the_document_of_the_api(app: Litestar, visitor: Person, path: str) -> None:
    html = (await visitor.get(path)).text
    calls = {f"GET {part}" for part in values_of(html, "data-from")}
    calls |= {*values_of(html, "data-call"), *values_of(html, "data-passkey")}
    calls |= {f"GET {link}" for link in values_of(html, "data-href") if _shape(link) not in OWN_PATHS}
    calls |= {" ".join(call) for call in CALL_OF_SCRIPT.findall(SCRIPT)}
    paths = app.openapi_schema.to_schema()["paths"]
    known = {f"{method.upper()} {_shape(path)}" for path, item in paths.items() for method in item}
    assert calls
    assert {call for call in calls if _shape(call) not in known} == set()


@pytest.mark.checklist("P02")
@pytest.mark.parametrize("path", PATHS)
async def test_a_page_has_a_title_a_language_and_one_heading(visitor: Person, path: str) -> None:
    html = (await visitor.get(path)).text
    tags = [each.tag for each in elements_of(html)]
    assert [tags.count(tag) for tag in ("h1", "title", "main")] == [1, 1, 1]
    assert elements_of(html)[0].attributes["lang"] == "en"


@pytest.mark.checklist("P02")
@pytest.mark.parametrize("path", PATHS)
async def test_every_field_is_in_its_label(visitor: Person, path: str) -> None:
    html = (await visitor.get(path)).text
    labelled = re.findall(r"<label\b.*?</label>", html, re.DOTALL)
    fields = [each for each in elements_of(html) if each.tag in {"input", "select", "textarea"}]
    seen = [each for each in fields if each.attributes.get("type") != "hidden"]
    assert len(labelled) == len(seen)
    assert all(len(re.findall(r"<(?:input|select|textarea)\b", label)) == 1 for label in labelled)


@pytest.mark.checklist("P03")
@pytest.mark.parametrize("path", PATHS)
async def test_password_managers_know_every_password_and_code(visitor: Person, path: str) -> None:
    html = (await visitor.get(path)).text
    wanted = {"password": {"current-password", "new-password"}, "factor": {"one-time-code"}, "code": {"one-time-code"}}
    for each in elements_of(html):
        name = each.attributes.get("name", "")
        kind = "password" if each.attributes.get("type") == "password" else name
        if kind in wanted:
            assert {*each.attributes["autocomplete"].split()} & wanted[kind], (path, each)


@pytest.mark.checklist("P03")
async def test_password_managers_find_the_pages_that_they_look_for(visitor: Person) -> None:
    answer = await visitor.get("/.well-known/change-password")
    assert answer.headers["Location"] == "https://service.example/account"
    endpoints = (await visitor.get("/.well-known/passkey-endpoints")).json()
    assert endpoints == dict.fromkeys(("enroll", "manage"), "https://service.example/account/security")
    html = (await visitor.get("/sign-in")).text
    assert "username webauthn" in values_of(html, "autocomplete")


async def test_a_page_needs_no_database(visitor: Person, work: Work) -> None:
    await visitor.get("/account")
    assert (work.take(), work.transactions) == (([], 0), 0)


async def test_a_page_leads_to_the_documentation_in_development_alone(visitor: Person, settings: Settings) -> None:
    assert "/schema" not in (await visitor.get("/sign-in")).text
    async with another_stage(settings, environment=Environment.DEVELOPMENT) as stage:
        assert 'href="/schema"' in (await stage.person("visitor").get("/sign-in")).text


def test_the_name_of_the_service_is_text_whatever_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme, "NAME", "<b>")
    assert "<b>" not in html_of.__wrapped__(PAGES[0], shows_docs=False)


async def test_the_first_page_leads_to_the_account(visitor: Person) -> None:
    answer = await visitor.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account")
