"""People use the pages of a service in a browser: everything that they can do, with both kinds of cookies."""

import base64
import hmac
import re
import time
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.server import providing
from tests.server import serving
from tests_system.accounts import PASSWORD
from tests_system.accounts import link_in_newest_mail
from tests_system.accounts import register_and_verify
from tests_system.browser import Browser
from tests_system.browser import until
from tests_system.conftest import Generate
from tests_system.pages import Service
from tests_system.pages import Visitor

ADMINISTRATOR = "ada@example.com"
NEW_PASSWORD = "another horse battery staple"  # noqa: S105 - opens nothing but a service that lives for a minute
OLD = "UPDATE user_session SET authenticated_at = now() - interval '11 minutes'"


@pytest.fixture(scope="module", params=["session", "jwt_cookie"])
def service(request: pytest.FixtureRequest, generate: Generate) -> Iterator[Service]:
    """The service with every feature on, and the local provider."""
    project = generate(auth_backend=request.param)
    project.run("alembic", "upgrade", "head")
    printed = project.run("litestar", "users", "create-admin", "--email", ADMINISTRATOR)
    password = re.findall(r"[Pp]assword.*: (\S+)", printed)[0]
    own = {"BASE_URL": "http://localhost:{port}", "OAUTH_OIDC_LABEL": "Local provider"}
    with providing(project) as settings, serving(project, **settings, **own) as server:
        yield Service(request.param, project, server, password)


@pytest.fixture
def visitor(service: Service, browser: Browser) -> Iterator[Visitor]:
    """Somebody whose browser complains of nothing."""
    visitor = Visitor(browser, service)
    yield visitor
    assert visitor.complaints() == []


def account(service: Service, name: str) -> str:
    """The address of a new account with a proven address."""
    email = f"{name}@example.com"
    register_and_verify(service.server, email)
    return email


def code_of(secret: str) -> str:
    """The present code of an authenticator app (RFC 6238)."""
    digest = hmac.digest(base64.b32decode(secret), int(time.time() // 30).to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFF_FFFF) % 10**6:06}"


def test_a_new_user_signs_up_confirms_the_address_and_signs_in(visitor: Visitor) -> None:
    visitor.open("/")
    visitor.is_at("/sign-in")
    visitor.press("Sign up")
    visitor.is_at("/sign-up")
    visitor.fill("E-mail address", "grace@example.com")
    visitor.fill("Password", "too short")
    visitor.press("Sign up")
    visitor.sees("Use 15 to 128 characters")
    visitor.fill("Password", PASSWORD)
    visitor.press("Sign up")
    visitor.sees("Check your e-mail")

    visitor.browser.open(
        link_in_newest_mail(visitor.service.server, "grace@example.com", "/verify").replace("127.0.0.1", "localhost")
    )
    visitor.press("Confirm")
    visitor.sees("Your address is confirmed.")
    visitor.signs_in("grace@example.com")
    visitor.is_at("/account")
    visitor.sees("grace@example.com")


def test_a_wrong_password_is_told_and_too_many_are_counted_down(visitor: Visitor) -> None:
    email = account(visitor.service, "judy")
    visitor.signs_in(email, "a wrong password")
    visitor.is_told("The email address or the password is wrong.")
    for _ in range(20):
        httpx.post(f"{visitor.service.url}/login", json={"email": email, "password": "a wrong password"})
    visitor.fill("Password", "a wrong password")
    visitor.press("Sign in")
    visitor.is_told("Too many requests.")
    visitor.sees("You can try again in")


def test_a_user_changes_name_password_and_address(visitor: Visitor) -> None:
    email = account(visitor.service, "frances")
    visitor.signs_in(email)
    visitor.is_at("/account")
    visitor.fill("Name", "Frances")
    visitor.press("Save")
    visitor.sees("Saved.")
    visitor.open("/account")
    assert visitor.browser.run("return document.querySelector('[name=display_name]').value") == "Frances"

    visitor.fill("Current password", PASSWORD)
    visitor.fill("New password", NEW_PASSWORD)
    visitor.press("Change password")
    visitor.sees("Your password is changed.")

    visitor.fill("New e-mail address", "fran@example.com")
    visitor.fill("Password", NEW_PASSWORD)
    visitor.press("Change address")
    visitor.sees("Check the e-mail of the new address")
    assert link_in_newest_mail(visitor.service.server, "fran@example.com", "/users/me/email/confirm")


def test_a_passkey_is_added_and_signs_in(visitor: Visitor) -> None:
    visitor.has_authenticator()
    email = account(visitor.service, "grete")
    visitor.signs_in(email)
    visitor.is_at("/account")
    visitor.open("/account/security")
    visitor.fill("Name of the new passkey", "My laptop")
    visitor.press("Add a passkey")
    visitor.sees("Each code replaces a passkey")
    visitor.press("Close")
    visitor.sees("My laptop")

    # Where there is one, the browser offers it in the field; this one accepts at once.
    visitor.press("Sign out")
    visitor.is_at("/account")
    visitor.open("/account/security")
    visitor.press("Edit")
    visitor.press("Remove")
    visitor.agrees()
    visitor.sees("You have no passkey.")


def test_an_authenticator_app_is_set_up_and_asked_for(visitor: Visitor) -> None:
    email = account(visitor.service, "hedy")
    visitor.signs_in(email)
    visitor.is_at("/account")
    visitor.open("/account/security")
    visitor.press("Set up an authenticator app")
    visitor.sees("Or type this secret into the app")
    assert visitor.browser.run(
        "const image = document.querySelector('dialog[open] img'); return image.naturalWidth > 0"
    )
    secret = visitor.browser.text("dialog[open] code")
    visitor.fill("Code", "000000")
    visitor.press("Confirm")
    visitor.sees("This is not the present code")
    visitor.fill("Code", code_of(secret))
    visitor.press("Confirm")
    visitor.sees("Each code replaces a passkey")
    recovery_code = visitor.browser.text("#codes li")
    visitor.press("Close")
    visitor.sees("Set up on")
    visitor.press("Sign out")
    visitor.is_at("/sign-in")

    visitor.signs_in(email)
    visitor.fill("Code of your authenticator app", recovery_code)
    visitor.press("Sign in")
    visitor.is_at("/account")

    # A sign-in that is old is confirmed in place, and what was asked for goes on.
    visitor.service.change(OLD)
    visitor.open("/account/security")
    visitor.press("Get new recovery codes")
    visitor.agrees()
    visitor.sees("Confirm that it is you")
    visitor.fill("Password", PASSWORD)
    visitor.service.change("UPDATE totp SET last_step = 0")
    visitor.fill("Code of your authenticator app", code_of(secret))
    visitor.press("Confirm")
    visitor.sees("Each code replaces a passkey")
    visitor.press("Close")


def test_a_user_sees_devices_and_ends_one(visitor: Visitor) -> None:
    email = account(visitor.service, "ida")
    with httpx.Client(base_url=visitor.service.url, headers={"User-Agent": "An old telephone"}) as telephone:
        telephone.post("/login", json={"email": email, "password": PASSWORD})
        visitor.signs_in(email)
        visitor.is_at("/account")
        visitor.open("/account/devices")
        visitor.sees("An old telephone")
        visitor.press("Sign out all other devices")
        visitor.agrees()
        visitor.sees("All other devices are signed out.")
        assert telephone.get("/users/me").status_code == httpx.codes.UNAUTHORIZED


def test_a_token_is_shown_once_and_revoked(visitor: Visitor) -> None:
    email = account(visitor.service, "joan")
    visitor.signs_in(email)
    visitor.is_at("/account")
    visitor.open("/account/tokens")
    visitor.fill("Name", "nightly job")
    visitor.press("Create token")
    visitor.sees("Copy it now")
    bearer = {"Authorization": f"Bearer {visitor.browser.text('#shown-once')}"}
    assert httpx.get(f"{visitor.service.url}/users/me", headers=bearer).json()["email"] == email
    visitor.press("Close")
    visitor.sees("nightly job")
    visitor.press("Revoke")
    visitor.agrees()
    visitor.sees("You have no token.")
    assert httpx.get(f"{visitor.service.url}/users/me", headers=bearer).status_code == httpx.codes.UNAUTHORIZED


def test_a_user_takes_the_data_and_deletes_the_account(visitor: Visitor) -> None:
    email = account(visitor.service, "karen")
    visitor.signs_in(email)
    visitor.is_at("/account")
    visitor.open("/account/data")
    visitor.press("Export")
    visitor.sees("Your data was downloaded.")
    visitor.fill("Type your e-mail address to confirm", "karin@example.com")
    visitor.press("Delete")
    visitor.sees("This does not match.")
    visitor.fill("Type your e-mail address to confirm", email)
    visitor.press("Delete")
    visitor.is_at("/sign-in")
    login = httpx.post(f"{visitor.service.url}/login", json={"email": email, "password": PASSWORD})
    assert login.status_code == httpx.codes.UNAUTHORIZED


def test_signing_out_is_noticed_by_other_tabs_and_back_shows_nothing(visitor: Visitor) -> None:
    email = account(visitor.service, "mary")
    visitor.signs_in(email)
    visitor.is_at("/account")
    first = visitor.browser.call("GET", "window")
    second = visitor.browser.call("POST", "window/new", type="tab")["handle"]
    visitor.browser.call("POST", "window", handle=second)
    visitor.open("/account/devices")
    visitor.browser.call("POST", "window", handle=first)
    visitor.press("Sign out")
    visitor.is_at("/sign-in")
    visitor.browser.call("POST", "back")
    visitor.is_at("/sign-in")
    visitor.browser.call("POST", "window", handle=second)
    visitor.is_at("/sign-in")
    assert email not in visitor.browser.text("body")


def test_a_sign_in_outlives_its_access_cookie(visitor: Visitor) -> None:
    email = account(visitor.service, "nell")
    visitor.signs_in(email)
    visitor.is_at("/account")
    if visitor.service.kind == "jwt_cookie":
        visitor.browser.call("DELETE", "cookie/access")
    visitor.open("/account")
    visitor.is_at("/account")
    visitor.sees(email)


@pytest.mark.parametrize(
    "address",
    ["//evil.example/account", "/oauth2-associate/oidc/authorize?redirect=1", "/account/../schema", "http://["],
)
def test_only_a_page_of_this_service_follows_the_sign_in(visitor: Visitor, address: str) -> None:
    email = account(visitor.service, f"olga{len(address)}")
    visitor.open(f"/sign-in?next={quote(address, safe='')}")
    visitor.fill("E-mail address", email)
    visitor.fill("Password", PASSWORD)
    visitor.press("Sign in")
    visitor.is_at("/account")


def says_yes(visitor: Visitor, email: str) -> None:
    """On the provider's page."""
    heading = "return document.querySelector('h1')?.textContent"
    until(lambda: bool(visitor.browser.run(heading) == "Sign in with the local provider"))
    visitor.browser.type("input[name=email]", email)
    visitor.browser.click("button[value=yes]")


def test_a_provider_signs_in_and_is_linked(visitor: Visitor) -> None:
    visitor.open("/sign-in")
    visitor.press("Local provider")
    says_yes(visitor, "paula@example.com")
    visitor.is_at("/account")
    visitor.sees("paula@example.com")
    visitor.open("/account/providers")
    visitor.sees("oidc")
    visitor.press("Sign out")
    visitor.is_at("/sign-in")

    email = account(visitor.service, "ruth")
    visitor.signs_in(email)
    visitor.is_at("/account")
    visitor.open("/account/providers")
    visitor.press("Local provider")
    says_yes(visitor, email)
    visitor.is_at("/account/providers")
    visitor.sees("oidc")
    visitor.press("Remove")
    visitor.agrees()
    visitor.sees("You have linked no account.")


def sets_up_an_app(visitor: Visitor) -> str:
    """On the page for security; the secret of the app."""
    visitor.open("/account/security")
    visitor.press("Set up an authenticator app")
    visitor.sees("Or type this secret into the app")
    secret = visitor.browser.text("dialog[open] code")
    visitor.fill("Code", code_of(secret))
    visitor.press("Confirm")
    visitor.sees("Each code replaces a passkey")
    visitor.press("Close")
    return secret


def types_the_code(visitor: Visitor, secret: str) -> None:
    """Once more in the same half minute."""
    visitor.sees("Second step")
    visitor.service.change("UPDATE totp SET last_step = 0")
    visitor.fill("Code of your authenticator app", code_of(secret))


def test_a_second_factor_is_asked_for_after_a_provider(visitor: Visitor) -> None:
    visitor.open("/sign-in")
    visitor.press("Local provider")
    says_yes(visitor, "xenia@example.com")
    visitor.is_at("/account")
    secret = sets_up_an_app(visitor)
    visitor.press("Sign out")
    visitor.is_at("/sign-in")
    visitor.press("Local provider")
    says_yes(visitor, "xenia@example.com")
    types_the_code(visitor, secret)
    visitor.press("Sign in")
    visitor.is_at("/account")

    visitor.service.change(OLD)
    visitor.open("/account/security")
    visitor.press("Get new recovery codes")
    visitor.agrees()
    visitor.sees("Or confirm with")
    visitor.press("oidc")
    says_yes(visitor, "xenia@example.com")
    types_the_code(visitor, secret)
    visitor.press("Confirm")
    visitor.sees("You can continue now.")


def test_an_administrator_finds_invites_and_deactivates_users(visitor: Visitor) -> None:
    email = account(visitor.service, "sophie")
    visitor.signs_in(ADMINISTRATOR, visitor.service.administrator)
    visitor.is_at("/account")
    visitor.press("Users")
    visitor.is_at("/admin/users")
    visitor.fill("Address or name begins with", "sophie")
    visitor.press("Search")
    visitor.sees("Users (1)")
    visitor.press(email)
    visitor.sees("Mail a link for a new password")
    visitor.press("Deactivate")
    visitor.agrees()
    visitor.sees("inactive")
    visitor.press("Activate")
    visitor.press("Assign")
    visitor.press("Revoke")
    visitor.press("Delete")
    visitor.agrees()
    visitor.is_at("/admin/users")

    visitor.fill("E-mail address", "tess@example.com")
    visitor.press("Invite")
    visitor.sees("The invitation is on its way.")
    assert link_in_newest_mail(visitor.service.server, "tess@example.com", "/reset-password")


def test_an_administrator_makes_roles_and_reads_the_trail(visitor: Visitor) -> None:
    visitor.signs_in(ADMINISTRATOR, visitor.service.administrator)
    visitor.is_at("/account")
    visitor.press("Roles")
    visitor.is_at("/admin/roles")
    visitor.sees("New role")
    new = "document.querySelector('[data-call=\"POST /users/roles\"]')"
    visitor.browser.run(f"{new}.scrollIntoView()")
    visitor.fill("Name", "auditor")
    visitor.browser.run(f"{new}.querySelector('[value=\"audit:read\"]').click()")
    visitor.press("Create role")
    visitor.sees("The role is created.")
    visitor.press("Audit trail")
    visitor.is_at("/admin/audit")
    visitor.fill("Kind", "role.created")
    visitor.press("Search")
    visitor.sees("Entries (1)")


def test_a_user_without_permission_reads_a_sentence(visitor: Visitor) -> None:
    email = account(visitor.service, "uma")
    visitor.signs_in(email)
    visitor.is_at("/account")
    assert "Users" not in visitor.browser.text("nav")
    for path in ("/admin/users", "/admin/roles", "/admin/audit"):
        visitor.open(path)
        visitor.is_told("You are not allowed to do this.")


def test_a_user_keeps_notes(visitor: Visitor) -> None:
    email = account(visitor.service, "vera")
    visitor.signs_in(email)
    visitor.is_at("/account")
    visitor.press("Notes")
    visitor.is_at("/account/notes")
    visitor.sees("You have no notes.")
    visitor.fill("Title", "Milk")
    visitor.press("Add note")
    visitor.sees("The note is added.")
    visitor.press("Edit")
    visitor.fill("Title", "Oat milk")
    visitor.press("Save")
    visitor.sees("The note is saved.")
    visitor.sees("Oat milk")
    visitor.press("Edit")
    visitor.press("Delete")
    visitor.agrees()
    visitor.sees("You have no notes.")


@pytest.mark.parametrize("kind", ["session", "jwt_cookie"])
def test_a_service_without_roles_and_providers_has_the_other_pages(
    kind: str, generate: Generate, browser: Browser
) -> None:
    project = generate(auth_backend=kind, include_rbac=False, include_oauth=False)
    project.run("alembic", "upgrade", "head")
    with serving(project, BASE_URL="http://localhost:{port}") as server:
        visitor = Visitor(browser, Service(kind, project, server, ""))
        visitor.signs_in(account(visitor.service, "wilma"))
        visitor.is_at("/account")
        for name in ("Security", "Devices", "Tokens", "Your data", "Notes", "Account"):
            visitor.press(name)
            visitor.sees(name)
            visitor.waits()
        assert visitor.browser.run("return document.querySelectorAll('nav a').length") == 6
        assert visitor.complaints() == []
