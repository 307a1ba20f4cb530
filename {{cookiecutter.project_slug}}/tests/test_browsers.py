"""What browsers are told about every answer, and which of their requests are believed."""

import json
import re
from uuid import uuid4

import pytest
from litestar import Litestar
from litestar import post
from litestar.routes import HTTPRoute

from app.http.cross_site import READING
from app.settings import Environment
from app.settings import Settings
from tests.cast import PASSWORD
from tests.cast import Person
from tests.other_services import another_stage

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://service.example.evil.example"},
    {"Origin": "https://sub.service.example", "Sec-Fetch-Site": "same-site"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
OWN = [
    {},
    {"Origin": "https://service.example"},
    {"Origin": "https://service.example", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]


@pytest.mark.checklist("E08")
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_pages_of_other_sites_change_nothing(app: Litestar, grace: Person, headers: dict[str, str]) -> None:
    await grace.sign_in()
    routes = [
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method not in READING and not handler.opt.get("accepts_other_sites")
    ]
    assert {("POST", "/login"), ("POST", "/logout"), ("POST", "/register"), ("DELETE", "/users/me")} <= {*routes}
    for method, path in routes:
        somewhere = re.sub(r"{\w+}", str(uuid4()), path)
        answer = await grace.client.request(method, somewhere, headers=headers, json={"email": grace.email})
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-site-request"), (method, path)
    assert (await grace.get("/users/me")).status_code == 200


@pytest.mark.checklist("E08")
@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
async def test_a_form_of_another_site_signs_no_one_in(grace: Person, media_type: str) -> None:
    headers = {"Origin": "https://evil.example", "Content-Type": media_type}
    body = json.dumps({"email": grace.email, "password": PASSWORD})
    answer = await grace.client.post("/login", content=body, headers=headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


@pytest.mark.checklist("E08")
@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded", "text/plain", "", ";;", "application/json/x"]
)
async def test_bodies_are_json_and_say_so(grace: Person, media_type: str) -> None:
    body = json.dumps({"email": grace.email, "password": PASSWORD})
    answer = await grace.client.post("/login", content=body, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")


@post("/files", accepts_forms=True, exclude_from_auth=True)
async def take_files() -> None:
    """Accept a form."""


async def test_a_handler_that_takes_files_says_so(settings: Settings) -> None:
    async with another_stage(settings, take_files) as stage:
        visitor = stage.person("visitor")
        assert (await visitor.client.post("/files", files={"file": b"content"})).status_code == 201
        foreign = await visitor.client.post("/files", files={"file": b"content"}, headers=FOREIGN[0])
        assert foreign.status_code == 403


@pytest.mark.parametrize("headers", OWN, ids=str)
async def test_our_own_pages_and_programs_are_believed(grace: Person, headers: dict[str, str]) -> None:
    body = {"email": grace.email, "password": PASSWORD}
    assert (await grace.client.post("/login", json=body, headers=headers)).status_code == 201


async def test_a_page_at_another_name_of_this_machine_is_our_own(grace: Person) -> None:
    headers = {"Origin": "http://localhost:8000", "Host": "localhost:8000"}
    answer = await grace.client.post("/forgot-password", json={"email": grace.email}, headers=headers)
    assert answer.status_code == 202


@pytest.mark.usefixtures("tables")
async def test_other_sites_call_the_service_only_if_they_are_named(settings: Settings) -> None:
    origin = "https://app.example"
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    async with another_stage(settings) as stage:
        answer = await stage.person("grace").client.options("/login", headers=preflight)
        assert "access-control-allow-origin" not in answer.headers
    async with another_stage(settings, cors_origins=(origin,)) as stage:
        grace = await stage.verified("grace")
        answer = await grace.client.options("/login", headers=preflight)
        assert answer.headers["access-control-allow-origin"] == origin
        body = {"email": grace.email, "password": PASSWORD}
        answer = await grace.client.post(
            "/login", json=body, headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        )
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (201, origin)
        answer = await grace.client.post("/login", json=body, headers={"Origin": "https://evil.example"})
        assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (403, False)


@pytest.mark.checklist("E12")
@pytest.mark.parametrize("path", ["/health", "/users/me", "/nowhere", "/verify", "/schema"])
async def test_every_answer_tells_browsers_to_be_careful(grace: Person, path: str) -> None:
    for answer in (await grace.get(path), await grace.client.put(path)):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.checklist("E12")
async def test_in_production_browsers_insist_on_tls(settings: Settings) -> None:
    async with another_stage(settings, environment=Environment.PRODUCTION) as stage:
        stage.delivers = False
        answer = await stage.person("visitor").get("/nowhere")
    assert int(answer.headers["Strict-Transport-Security"].removeprefix("max-age=")) >= 31_536_000


@pytest.mark.checklist("E12", "E13")
async def test_no_cache_keeps_a_response_about_an_account(grace: Person) -> None:
    answers = [
        await grace.get("/users/me"),
        await grace.sign_in(),
        await grace.get("/users/me"),
        await grace.sign_out(),
    ]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert answers[-1].headers["Clear-Site-Data"] == '"cache", "storage"'
    await grace.sign_in()
    answer = await grace.client.delete("/users/me")
    assert (answer.status_code, answer.headers["Clear-Site-Data"]) == (204, '"cache", "storage"')
