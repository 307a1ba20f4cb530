"""The pages that links in mails lead to, as users meet them in a browser."""

from urllib.parse import urlsplit

import httpx

from tests.server import Server
from tests_system.accounts import PASSWORD
from tests_system.accounts import link_in_newest_mail
from tests_system.accounts import post
from tests_system.accounts import register_and_verify
from tests_system.browser import Browser
from tests_system.browser import until

NEW_PASSWORD = "another horse battery staple"  # noqa: S105 - opens nothing but a service that lives for a minute
SHORT_PASSWORD = "too short"  # noqa: S105 - likewise


def test_address_is_confirmed_by_the_button_and_not_by_opening_the_link(server: Server, browser: Browser) -> None:
    grace = "grace@example.com"
    assert post(server, "/register", email=grace, password=PASSWORD) == httpx.codes.ACCEPTED

    browser.open(link_in_newest_mail(server, grace, "/verify"))
    browser.picture("verify")

    assert browser.text("h1") == "Confirm your address"
    assert browser.address == f"{server.url}/verify"
    assert post(server, "/login", email=grace, password=PASSWORD) == httpx.codes.UNAUTHORIZED

    browser.click("button")
    until(lambda: browser.text("[role=status]") != "")
    browser.picture("verify-done")

    assert browser.text("[role=status]") == "Your address is confirmed. You can sign in now."
    assert post(server, "/login", email=grace, password=PASSWORD) == httpx.codes.CREATED
    assert browser.complaints() == []

    browser.click("#next a")
    until(lambda: browser.address.startswith(f"{server.url}/sign-in"))


def test_used_link_says_so(server: Server, browser: Browser) -> None:
    mallory = "mallory@example.com"
    post(server, "/register", email=mallory, password=PASSWORD)
    link = link_in_newest_mail(server, mallory, "/verify")
    post(server, "/verify", token=urlsplit(link).query.removeprefix("token="))

    browser.open(link)
    browser.click("button")
    until(lambda: browser.text("[role=status]") != "")
    browser.picture("verify-used")

    assert browser.text("[role=status]") == "This link was used, has expired or is unknown."


def test_new_password_is_chosen_on_the_page(server: Server, browser: Browser) -> None:
    ada = "ada@example.com"
    register_and_verify(server, ada)
    assert post(server, "/forgot-password", email=ada) == httpx.codes.ACCEPTED

    browser.open(link_in_newest_mail(server, ada, "/reset-password"))
    browser.picture("reset")
    assert browser.address == f"{server.url}/reset-password"

    # The link still works after a refusal, which consumes nothing.
    browser.type("input", SHORT_PASSWORD)
    browser.click("button")
    until(lambda: browser.text("[role=status]") != "")
    browser.picture("reset-refused")
    assert browser.text("[role=status]").endswith("Use 15 to 128 characters.")
    # A browser complains of every refusal, and here of nothing else.
    [complaint] = browser.complaints()
    assert "400 (Bad Request)" in complaint
    assert browser.text("[href='/forgot-password']") == "Ask for another link"

    browser.type("input", NEW_PASSWORD)
    browser.click("button")
    until(lambda: browser.text("[role=status]") != "")
    browser.picture("reset-done")

    done = "Your new password is saved and every device is signed out. You can sign in now."
    assert browser.text("[role=status]") == done
    assert post(server, "/login", email=ada, password=NEW_PASSWORD) == httpx.codes.CREATED
    assert post(server, "/login", email=ada, password=PASSWORD) == httpx.codes.UNAUTHORIZED
    assert browser.complaints() == []


def test_forgotten_password_is_asked_for_on_the_page(server: Server, browser: Browser) -> None:
    judy = "judy@example.com"
    register_and_verify(server, judy)

    browser.open(f"{server.url}/forgot-password")
    browser.picture("forgot")
    browser.type("input", judy)
    browser.click("button")
    until(lambda: browser.text("[role=status]") != "")
    browser.picture("forgot-done")

    assert link_in_newest_mail(server, judy, "/reset-password")
    assert browser.complaints() == []
