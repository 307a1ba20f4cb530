"""The HTTP contract of a generated service, as a list of steps that its callers take."""

import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Protocol
from typing import Self
from urllib.parse import parse_qsl
from urllib.parse import urlsplit

import httpx

from tests.combinations import Combination
from tests.projects import Project
from tests.server import Server

GRACE = "grace@example.com"
ADA = "ada@example.com"
BARBARA = "barbara@example.com"
HOPPER = "hopper@example.com"
JUDY = "judy@example.com"
PASSWORD = "correct horse battery staple"  # noqa: S105 - opens nothing but a service that lives for a minute
NEW_PASSWORD = "another horse battery staple"  # noqa: S105 - likewise
WRONG_PASSWORD = "wrong donkey socket paperclip"  # noqa: S105 - likewise

Value = object | Callable[["Visit"], object]


@dataclass
class Visit:
    """A running service and the people who call it."""

    server: Server
    project: Project
    clients: dict[str, httpx.Client] = field(default_factory=dict)
    answers: dict[str, httpx.Response] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    """Every token and cookie that was seen; none of them may show up in a log."""

    def client_of(self, person: str) -> httpx.Client:
        """The browser or program of this person."""
        return self.clients.setdefault(person, httpx.Client(base_url=self.server.url))

    def body_of(self, route: str) -> dict[str, object]:
        """What the last answer of this route said."""
        body: dict[str, object] = self.answers[route].json()
        return body

    def __enter__(self) -> Self:
        """Nobody has called yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Everybody leaves."""
        for client in self.clients.values():
            client.close()


class Step(Protocol):
    """Something that is done, and what must come of it."""

    def __call__(self, visit: Visit) -> None:
        """Does it."""


@dataclass(frozen=True)
class Call:
    """A request and the status of its answer; a value that is a function is asked when it is needed."""

    person: str
    route: str
    status: int
    body: Mapping[str, Value]

    def __call__(self, visit: Visit) -> None:
        """Sends it."""
        method, path = self.route.split()
        body = {name: value(visit) if callable(value) else value for name, value in self.body.items()}
        content = {"params" if method == "GET" else "json": body} if body else {}
        answer = visit.client_of(self.person).request(method, path, **content)  # type: ignore[arg-type] # httpx checks it
        assert answer.status_code == self.status, f"{self.person}: {self.route}: {answer.status_code} {answer.text}"
        if answer.is_success:
            visit.answers[self.route] = answer
            keep_credentials(visit, self.person, answer)
        else:
            assert answer.headers["content-type"] == "application/problem+json", self.route


def keep_credentials(visit: Visit, person: str, answer: httpx.Response) -> None:
    """Presents bearer tokens from now on; cookies are kept and sent by the client itself."""
    visit.secrets |= set(answer.cookies.values())
    if answer.headers.get("content-type") == "application/json" and "refresh_token" in (tokens := answer.json()):
        visit.client_of(person).headers["Authorization"] = f"Bearer {tokens['access_token']}"
        visit.secrets |= {tokens["access_token"], tokens["refresh_token"]}


def round_trip(visit: Visit, person: str, begun: str, status: int, answers: Mapping[str, str]) -> None:
    """Follows the address in the answer to `begun`, says yes or no there, and comes back."""
    address = str(visit.body_of(begun)["authorization_url"])
    page = httpx.get(address)
    hidden = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
    said = httpx.post(address.partition("?")[0], data={"decision": "yes", "email": GRACE} | hidden | dict(answers))
    back = urlsplit(said.headers["location"])
    # The service is at another port than the one that it calls its own.
    answer = visit.client_of(person).get(f"{back.path}?{back.query}")
    assert answer.status_code == status, f"{person}: {begun}, and back: {answer.status_code} {answer.text}"
    visit.secrets |= {value for name, value in parse_qsl(back.query) if name in {"state", "code"}}
    if answer.is_success:
        keep_credentials(visit, person, answer)
    else:
        assert answer.headers["content-type"] == "application/problem+json"


@dataclass(frozen=True)
class Person:
    """Calls the service."""

    name: str

    def __call__(self, route: str, status: int, **body: Value) -> Call:
        """A request of this person."""
        return Call(self.name, route, status, body)

    def returns(self, begun: str, status: int, **answers: str) -> Step:
        """The round trip that a request has begun: to the page of the provider, answering it, and back."""
        return lambda visit: round_trip(visit, self.name, begun, status, answers)


grace, ada, barbara, thief = Person("grace"), Person("ada"), Person("barbara"), Person("thief")
judy = Person("judy")


def copies_the_credentials_of_grace(visit: Visit) -> None:
    """The thief has what grace presents at this moment."""
    victim = visit.client_of("grace")
    visit.clients.pop("thief", httpx.Client()).close()
    visit.clients["thief"] = httpx.Client(base_url=visit.server.url, headers=victim.headers, cookies=victim.cookies)


def from_the_newest_mail(visit: Visit) -> str:
    """The token in the newest mail that holds one; mails leave after the answer, so it may take a moment."""

    def unseen() -> str | None:
        return next((token for token in tokens_mailed(visit) if token not in visit.secrets), None)

    token = visit.server.until(unseen)
    visit.secrets.add(token)
    return token


def from_the_mail_to(address: str) -> Callable[[Visit], str]:
    """The token in the first mail to this address."""

    def read(visit: Visit) -> str:
        token = visit.server.until(lambda: next(iter(tokens_mailed(visit, address)), None))
        visit.secrets.add(token)
        return token

    return read


def token_in_mail(visit: Visit) -> str:
    """The token of the newest mail, read before."""
    return tokens_mailed(visit)[-1]


def tokens_mailed(visit: Visit, address: str = GRACE) -> list[str]:
    """Each stands alone on a line of a mail to this address."""
    return re.findall(r"^[\w-]{20,}$", "\n".join(visit.server.mails_to(address)), re.MULTILINE)


def newest_refresh_token(visit: Visit) -> object:
    """What the program got when it signed in."""
    return visit.body_of("POST /login")["refresh_token"]


def id_of_grace(visit: Visit) -> object:
    """As grace herself reads it."""
    return visit.body_of("GET /users/me")["id"]


def id_of_the_new_role(visit: Visit) -> object:
    """As the answer to its creation says."""
    return visit.body_of("POST /users/roles")["id"]


def makes_ada_an_administrator(visit: Visit) -> None:
    """On the command line, while the service runs."""
    shown = visit.project.run("litestar", "users", "create-admin", "--email", ADA, stdin=f"{PASSWORD}\n")
    assert shown == f"{ADA} is an administrator.\n"


def revokes_the_role_of(email: str, status: int) -> Step:
    """Somebody who administers takes that from somebody, with the ids that the lists show."""

    def revoke(visit: Visit) -> None:
        ada("GET /users", 200, search=email)(visit)
        [user] = visit.answers["GET /users"].json()["items"]
        ada("GET /users/roles", 200)(visit)
        [role] = [role for role in visit.answers["GET /users/roles"].json() if role["name"] == "administrator"]
        ada("PUT /users/roles/revoke", status, user_id=user["id"], role_id=role["id"])(visit)

    return revoke


def deletes_the_new_role(visit: Visit) -> None:
    """Its path has its id."""
    ada(f"DELETE /users/roles/{id_of_the_new_role(visit)}", 200)(visit)


def expect(route: str, **expected: object) -> Step:
    """The last answer of this route says so."""

    def check(visit: Visit) -> None:
        body = visit.body_of(route)
        assert {name: body.get(name) for name in expected} == expected, route

    return check


PUBLIC: list[Step] = [
    grace("GET /health", 200),
    expect("GET /health", status="ok"),
    grace("GET /health/ready", 200),
    grace("GET /schema", 200),
    grace("GET /schema/openapi.json", 200),
    grace("GET /users/me", 401),
    grace("POST /logout", 401),
]

ACCOUNTS: list[Step] = [
    grace("POST /register", 202, email=GRACE, password=PASSWORD),
    grace("POST /login", 401, email=GRACE, password=PASSWORD),
    grace("GET /verify", 200, token=from_the_newest_mail),
    grace("POST /verify", 200, token=token_in_mail),
    expect("POST /verify", email=GRACE, is_verified=True, is_active=True),
    grace("POST /verify", 400, token=token_in_mail),
    grace("POST /verify/resend", 202, email=GRACE),
    grace("POST /register", 202, email=GRACE, password=PASSWORD),
    grace("GET /reset-password", 200, token=from_the_newest_mail),
    grace("POST /login", 401, email=GRACE, password=WRONG_PASSWORD),
    grace("GET /users/me", 401),
    grace("POST /login", 201, email=GRACE, password=PASSWORD),
    grace("GET /users/me", 200),
    expect("GET /users/me", email=GRACE, is_verified=True, display_name=""),
    grace("POST /notes", 201, title="Compilers", text="They are possible."),
    grace("POST /notes", 400, title=""),
    grace("GET /notes", 200),
    expect("GET /notes", total=1),
    grace("PATCH /users/me", 200, display_name="Grace"),
    grace("GET /users/me", 200),
    expect("GET /users/me", display_name="Grace"),
]

REFRESH: dict[str, list[Step]] = {
    "session": [],
    "jwt": [
        grace("POST /refresh", 200, refresh_token=newest_refresh_token),
        grace("GET /users/me", 200),
        thief("POST /refresh", 401, refresh_token="made up"),  # noqa: S106 - opens nothing
    ],
    "jwt_cookie": [
        grace("POST /refresh", 200),
        grace("GET /users/me", 200),
        thief("POST /refresh", 401),
    ],
}

SIGN_OUT: list[Step] = [
    copies_the_credentials_of_grace,
    thief("GET /users/me", 200),
    grace("POST /logout", 204),
    thief("GET /users/me", 401),
    grace("GET /users/me", 401),
]

RECOVERY: list[Step] = [
    grace("POST /login", 201, email=GRACE, password=PASSWORD),
    copies_the_credentials_of_grace,
    thief("GET /users/me", 200),
    grace("POST /forgot-password", 202, email=GRACE),
    grace("GET /reset-password", 200, token=from_the_newest_mail),
    grace("POST /reset-password", 204, token=token_in_mail, password=NEW_PASSWORD),
    thief("GET /users/me", 401),
    grace("POST /reset-password", 400, token=token_in_mail, password=NEW_PASSWORD),
    grace("POST /login", 401, email=GRACE, password=PASSWORD),
    grace("POST /login", 201, email=GRACE, password=NEW_PASSWORD),
    grace("GET /users/me", 200),
]

ROLES: list[Step] = [
    expect("GET /users/me", roles=[], permissions=[]),
    grace("GET /users/roles", 403),
    grace("POST /users/roles", 403, name="owner", description="", permissions=["roles:manage"]),
    makes_ada_an_administrator,
    ada("POST /login", 201, email=ADA, password=PASSWORD),
    ada("POST /users/roles", 201, name="reader", description="Reads.", permissions=["roles:read"]),
    ada("POST /users/roles", 409, name="Reader", description="Reads.", permissions=["roles:read"]),
]

ROLES_OF_GRACE: list[Step] = [
    ada("PUT /users/roles/assign", 200, user_id=id_of_grace, role_id=id_of_the_new_role),
    grace("GET /users/roles", 200),
    grace("GET /users/me", 200),
    expect("GET /users/me", roles=["reader"], permissions=["roles:read"]),
    grace("PUT /users/roles/assign", 403, user_id=id_of_grace, role_id=id_of_the_new_role),
    ada("PUT /users/roles/revoke", 200, user_id=id_of_grace, role_id=id_of_the_new_role),
    grace("GET /users/roles", 403),
    deletes_the_new_role,
]

SECOND_ADMINISTRATOR: list[Step] = [
    ada("GET /users", 200, search="ADA", state="active", page_size="5"),
    expect("GET /users", total=1, limit=5, offset=0),
    grace("GET /users", 403),
    revokes_the_role_of(ADA, 409),
    ada("POST /users", 201, email=BARBARA, roles=["administrator"]),
    expect("POST /users", email=BARBARA, is_verified=False, roles=["administrator"]),
    revokes_the_role_of(ADA, 409),
    barbara("POST /reset-password", 204, token=from_the_mail_to(BARBARA), password=PASSWORD),
    barbara("POST /login", 201, email=BARBARA, password=PASSWORD),
    revokes_the_role_of(ADA, 200),
    ada("GET /users", 403),
    barbara("GET /audit-events", 200, kind="role.revoked"),
    expect("GET /audit-events", total=2),
    barbara("DELETE /users/me", 409),
]


PROVIDERS: list[Step] = [
    judy("GET /oauth2/providers", 200),
    judy("GET /oauth2/google/authorize", 404),
    judy("GET /oauth2/oidc/authorize", 200),
    judy.returns("GET /oauth2/oidc/authorize", 400, decision="no"),
    judy("GET /oauth2/oidc/authorize", 200),
    judy.returns("GET /oauth2/oidc/authorize", 409, email=GRACE),
    judy("GET /oauth2/oidc/authorize", 200),
    judy.returns("GET /oauth2/oidc/authorize", 400, email=JUDY, token_fault="another nonce"),  # noqa: S106 - a fault
    judy("GET /oauth2/oidc/authorize", 200),
    judy.returns("GET /oauth2/oidc/authorize", 502, email=JUDY, answer_fault="a 500", endpoint="/token"),
    judy("GET /oauth2/oidc/authorize", 200),
    judy.returns("GET /oauth2/oidc/authorize", 201, email=JUDY),
    judy("GET /users/me", 200),
    expect("GET /users/me", email=JUDY, is_verified=True),
    judy("POST /login", 401, email=JUDY, password=PASSWORD),
    judy("GET /oauth2-associate/oidc/authorize", 200),
    judy.returns("GET /oauth2-associate/oidc/authorize", 200, email="another@example.com"),
    judy("GET /users/me/oauth-accounts", 200),
    judy("POST /reauthenticate/oidc", 200),
    judy.returns("POST /reauthenticate/oidc", 204, email=JUDY),
    judy("PUT /users/me/password", 204, new_password=PASSWORD),
    judy("PUT /users/me/password", 409, new_password=PASSWORD),
    judy("POST /login", 201, email=JUDY, password=PASSWORD),
    judy("DELETE /users/me", 204),
    judy("GET /oauth2/oidc/authorize", 200),
    judy.returns("GET /oauth2/oidc/authorize", 201, email=JUDY),
    judy("DELETE /users/me", 204),
]

CHANGES: list[Step] = [
    grace("POST /users/me/password", 400, current_password=WRONG_PASSWORD, new_password=PASSWORD),
    grace("POST /users/me/password", 204, current_password=NEW_PASSWORD, new_password=PASSWORD),
    grace("POST /reauthenticate", 204, password=PASSWORD),
    grace("GET /users/me/sessions", 200),
    grace("DELETE /users/me/sessions", 204),
    grace("GET /users/me", 200),
    grace("POST /users/me/email", 202, email=HOPPER, password=PASSWORD),
    grace("GET /users/me/email/confirm", 200, token=from_the_mail_to(HOPPER)),
    grace("POST /users/me/email/confirm", 200, token=from_the_mail_to(HOPPER)),
    expect("POST /users/me/email/confirm", email=HOPPER),
    grace("GET /users/me", 401),
    grace("GET /users/me/email/undo", 200, token=from_the_newest_mail),
    grace("POST /users/me/email/undo", 200, token=token_in_mail),
    expect("POST /users/me/email/undo", email=GRACE),
    grace("POST /login", 401, email=GRACE, password=PASSWORD),
    grace("GET /reset-password", 200, token=from_the_newest_mail),
    grace("POST /reset-password", 204, token=token_in_mail, password=PASSWORD),
    grace("POST /login", 201, email=GRACE, password=PASSWORD),
    grace("POST /users/me/access-tokens", 201, name="nightly job", access="read", expires_in_days=30),
    grace("GET /users/me/access-tokens", 200),
    grace("GET /users/me/export", 200),
    grace("DELETE /users/me", 204),
    grace("GET /users/me", 401),
    grace("POST /login", 401, email=GRACE, password=PASSWORD),
]


def steps(combination: Combination) -> list[Step]:
    """The contract of a service that was generated from these answers."""
    roles = [*ROLES, *ROLES_OF_GRACE, *SECOND_ADMINISTRATOR] if combination.include_rbac else []
    providers = PROVIDERS if combination.include_oauth else []
    return [*PUBLIC, *ACCOUNTS, *REFRESH[combination.auth_backend], *SIGN_OUT, *RECOVERY, *roles, *providers, *CHANGES]
