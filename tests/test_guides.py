"""What the guides of a project say to do is done, and what they promise comes of it."""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.combinations import Combination
from tests.conftest import Bake
from tests.contract import ADA
from tests.contract import GRACE
from tests.contract import PASSWORD
from tests.guides import Commands
from tests.guides import Statements
from tests.guides import steps
from tests.projects import Project
from tests.projects import Tools
from tests.server import Server
from tests.server import serving

FULL = Combination("jwt", include_rbac=True, include_oauth=True, include_pages=False)
LEAST = Combination("session", include_rbac=False, include_oauth=False, include_pages=False)
# In this order, in one project.
DONE_HERE = ["columns.md", "routes.md", "mails.md", "providers.md"]
# Where the others are done.
DONE_ELSEWHERE = {
    "access-tokens.md": "tests/access_tokens of the project",
    "architecture.md": "It says nothing to do; tests/test_architecture.py compares it with the code.",
    "backups.md": "tests/test_backups.py of the project; tests_system/test_postgres.py with an older PostgreSQL",
    "clients.md": "tests_system/test_clients.py",
    "credentials.md": "tests/test_switching.py",
    "deploy.md": "tests/test_production.py",
    "factors.md": "tests/factors of the project, over HTTP, and tests_system/test_passkeys.py in a browser",
    "hooks.md": "tests/accounts/test_hooks.py of the project",
    "importing-users.md": "tests/accounts/test_imported_users.py of the project",
    "operations.md": "It says nothing to do; tests/observability of the project holds what it says.",
    "scaling.md": "It says nothing to do here; tests_system/test_pgbouncer.py runs what it says about PgBouncer.",
    "pages.md": "tests/pages of the project; tests_system/test_pages.py walks what it says in a browser.",
    "roles.md": "tests/contract.py, over HTTP",
    "secrets.md": "below, by its settings",
    "security.md": "It says nothing to do; tests/test_checklist.py of the project reads what `make security` prints.",
    "settings.md": "It says nothing to do; tests/test_deployment.py of the project compares its table with the code.",
    "trail.md": "It says nothing to do; tests/accounts/test_audit.py of the project compares its list with the code.",
    "unavailable.md": "It says nothing to do; tests/test_outages.py of the project holds what it says.",
    "updates.md": "tests/test_updates.py",
}
# The rest is in the guides.
MAX_LINES_OF_README = 150
PROVIDER = {"OAUTH_EXAMPLE_CLIENT_ID": "us", "OAUTH_EXAMPLE_CLIENT_SECRET": "a secret"}
NEW_KEY = "another secret key of the tests that opens nothing else"


@pytest.fixture(scope="module", params=[FULL, LEAST], ids=str)
def chosen(request: pytest.FixtureRequest) -> Combination:
    """Everything, and as little as possible."""
    combination: Combination = request.param
    return combination


@pytest.fixture(scope="module")
def changed(chosen: Combination, bake: Bake, tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose owner has done what the guides say, one after the other."""
    rendering = bake(**chosen.answers)
    project = Project(shutil.copytree(rendering, tmp_path_factory.mktemp("guides") / rendering.name), tools)
    project.run("alembic", "upgrade", "head")
    for guide in DONE_HERE:
        if (project.folder / "docs" / guide).exists():
            for step in steps(project.read(f"docs/{guide}")):
                assert not isinstance(step, Statements)
                step(project)
    return project


def token_mailed(server: Server, says: str) -> str | None:
    """The token in the newest mail to grace that says this."""
    mails = [mail for mail in server.mails_to(GRACE) if says in mail]
    found = re.findall(r"^[\w-]{20,}$", "\n".join(mails[-1:]), re.MULTILINE)
    return found[-1] if found else None


@pytest.fixture
def people() -> Iterator[ExitStack]:
    """Whoever has called; they leave at the end."""
    with ExitStack() as stack:
        yield stack


def call(people: ExitStack, server: Server) -> httpx.Client:
    """Somebody who calls the service."""
    return people.enter_context(httpx.Client(base_url=server.url))


def sign_in(people: ExitStack, server: Server, email: str) -> httpx.Client:
    """Somebody who has signed in, with whichever kind of credentials."""
    client = call(people, server)
    answer = client.post("/login", json={"email": email, "password": PASSWORD})
    assert answer.is_success, answer.text
    if "access_token" in answer.json():
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return client


def test_each_guide_is_done_somewhere_and_listed_in_the_readme(bake: Bake) -> None:
    rendering = bake()
    guides = {path.name for path in (rendering / "docs").glob("*.md")}
    readme = (rendering / "README.md").read_text("utf-8")

    assert guides == {*DONE_HERE, *DONE_ELSEWHERE}
    assert guides == set(re.findall(r"^\| \[\w+\]\(docs/(\S+)\)", readme, re.MULTILINE))


def test_the_readme_has_at_most_150_lines(template: Path) -> None:
    readme = template / "{{cookiecutter.project_slug}}" / "README.md"

    assert len(readme.read_text("utf-8").splitlines()) <= MAX_LINES_OF_README


def test_links_lead_to_files(bake: Bake) -> None:
    rendering = bake()
    for page in [rendering / "README.md", *(rendering / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_files_that_the_guides_name_exist(bake: Bake) -> None:
    rendering = bake()
    for page in [rendering / "README.md", *(rendering / "docs").rglob("*.md")]:
        text = page.read_text("utf-8")
        named = set(re.findall(r"`((?:app|tests|scripts|migrations|deploy)/[\w./-]+\w)`", text))
        named -= set(re.findall(r"In a new file `(\S+)`", text))
        assert {name for name in named if not (rendering / name).exists()} == set(), page.name


def test_names_are_defined_where_the_guides_say(bake: Bake) -> None:
    rendering = bake()
    for page in [rendering / "README.md", *(rendering / "docs").rglob("*.md")]:
        for name, file in re.findall(r"`(\w+)`\s+in\s+`(app/[\w/]+\.py)`", page.read_text("utf-8")):
            definition = rf"^ *(async )?(def|class) {name}\b|^ *{name}(: .+)? \|?= "
            assert re.search(definition, (rendering / file).read_text("utf-8"), re.MULTILINE), f"{page.name}: {name}"


def test_a_changed_project_passes_its_own_checks(changed: Project) -> None:
    changed.run("make", "check")


def test_what_the_guides_promise_comes_of_them(changed: Project, chosen: Combination, people: ExitStack) -> None:
    with serving(changed, **PROVIDER if chosen.include_oauth else {}) as server:
        visitor = call(people, server)
        assert visitor.post("/register", json={"email": GRACE, "password": PASSWORD}).is_success
        token = server.until(lambda: token_mailed(server, "Welcome! To confirm"))
        assert visitor.post("/verify", json={"token": token}).is_success
        grace = sign_in(people, server, GRACE)

        assert grace.get("/users/me").json()["time_zone"] == "UTC"
        assert grace.patch("/users/me", json={"time_zone": "Europe/Vienna"}).is_success
        assert grace.get("/users/me").json()["time_zone"] == "Europe/Vienna"

        assert visitor.get("/reports").status_code == httpx.codes.UNAUTHORIZED
        if chosen.include_rbac:
            assert grace.get("/reports").status_code == httpx.codes.FORBIDDEN
            changed.run("litestar", "users", "create-admin", "--email", ADA, stdin=f"{PASSWORD}\n")
            assert sign_in(people, server, ADA).get("/reports?search=month").json() == ["monthly"]
        else:
            assert grace.get("/reports?search=month").json() == ["monthly"]

        if chosen.include_oauth:
            assert {"name": "example", "label": "Example"} in visitor.get("/oauth2/providers").json()


def test_a_new_key_ends_no_sign_in_and_the_old_one_opens_nothing_afterwards(
    bake: Bake, tools: Tools, people: ExitStack, tmp_path: Path
) -> None:
    project = Project(shutil.copytree(bake(**FULL.answers), tmp_path / "my-service"), tools)
    guide = project.read("docs/secrets.md")
    # tests_system/test_postgres.py runs the statements.
    [generated] = [step.text for step in steps(guide) if isinstance(step, Commands)]
    assert len(project.run("sh", "-ec", generated).strip()) >= len(NEW_KEY) - 10
    [old_key] = re.findall(r"^SECRET_KEY=(\S+)$", project.read(".env"), re.MULTILINE)
    project.run("alembic", "upgrade", "head")
    project.run("litestar", "users", "create-user", "--email", GRACE, stdin=f"{PASSWORD}\n")
    # Access tokens are for one URL, and without this one each process would have that of its port.
    here = {"BASE_URL": "http://localhost:8000"}
    with serving(project, **here) as server:
        grace = sign_in(people, server, GRACE)
        assert grace.post("/forgot-password", json={"email": GRACE}).is_success
        link = server.until(lambda: token_mailed(server, "/reset-password"))

    with serving(project, **here, SECRET_KEY=old_key, SECRET_KEY_PREVIOUS=NEW_KEY) as server:
        grace.base_url = httpx.URL(server.url)
        assert grace.get("/users/me").is_success
        assert "Step 1" in project.run("litestar", "doctor", SECRET_KEY=old_key, SECRET_KEY_PREVIOUS=NEW_KEY)

    with serving(project, **here, SECRET_KEY=NEW_KEY, SECRET_KEY_PREVIOUS=old_key) as server:
        grace.base_url = httpx.URL(server.url)
        assert grace.get("/users/me").is_success
        newer = sign_in(people, server, GRACE)
        assert "Step 2" in project.run("litestar", "doctor", SECRET_KEY=NEW_KEY, SECRET_KEY_PREVIOUS=old_key)

    with serving(project, **here, SECRET_KEY=NEW_KEY) as server:
        for client, status in ((grace, httpx.codes.UNAUTHORIZED), (newer, httpx.codes.OK)):
            client.base_url = httpx.URL(server.url)
            assert client.get("/users/me").status_code == status
        assert newer.post("/reset-password", json={"token": link, "password": "a new horse battery"}).is_success
