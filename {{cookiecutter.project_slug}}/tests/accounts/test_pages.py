"""The pages that links in mails lead to: they say what they are for, and nothing happens before a click."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from app.accounts import link_pages
from app.accounts import theme
from tests.cast import Outbox
from tests.cast import Person
from tests.tables import Tables

PATHS = ["/verify", "/reset-password", "/forgot-password", "/users/me/email/confirm", "/users/me/email/undo"]


def allowed(policy: str, directive: str) -> set[str]:
    """The sources that a Content-Security-Policy allows for something."""
    [sources] = re.findall(rf"(?:^|; ){directive} ([^;]+)", policy)
    return {*sources.split()}


def hashes(tag: str, page: str) -> set[str]:
    """The hashes of what stands inline between these tags, as a browser computes them."""
    inline = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return {f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in inline}


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_is_small_private_and_complete(visitor: Person, path: str) -> None:
    answer = await visitor.get(f"{path}?token=unknown")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "unknown" not in answer.text


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_runs_its_own_script_and_style_and_nothing_else(visitor: Person, path: str) -> None:
    answer = await visitor.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert allowed(policy, "default-src") == {"'none'"}
    assert allowed(policy, "script-src") == hashes("script", answer.text)
    assert allowed(policy, "style-src") == hashes("style", answer.text)
    assert allowed(policy, "frame-ancestors") == allowed(policy, "base-uri") == {"'none'"}
    # No attribute that the policy would block, and nothing from anywhere else.
    assert not re.search(r"<[^>]+ (on\w+|style|src)=", answer.text)
    assert {*re.findall(r'href="?([^">]*)', answer.text)} <= {"data:,", "/", "/forgot-password"}


@pytest.mark.checklist("A06")
async def test_opening_a_link_consumes_nothing(visitor: Person, outbox: Outbox, tables: Tables) -> None:
    await visitor.register()
    before = await tables.rows("one_time_token")
    await visitor.get(f"/verify?token={outbox.token_for(visitor)}")
    assert await tables.rows("one_time_token") == before
    assert (await visitor.verify()).status_code == 200


def test_the_name_of_the_project_is_text_whatever_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme, "NAME", "<b>&\"'</b>")
    page = link_pages.TEMPLATE.render(page=link_pages.PAGES[0], theme=theme, script="", style="")
    assert page.count("&lt;b&gt;&amp;") == 2
    assert "<b>" not in page
