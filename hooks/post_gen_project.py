"""Finishes the new project: removes what was declined, picks the licence, makes `.env`, says what to do next.

cookiecutter renders this file and runs it inside the project with its own Python, so it uses the standard library only.
It installs nothing, needs no network and no git, and the fresh secret never passes through cookiecutter's answers.
"""

import contextlib
import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path

# Removed when the feature was declined. A test of the template sees to it that each path exists in the full project.
FEATURE_PATHS = {
    "rbac": "app/rbac app/permissions.py app/accounts/mail/templates/account-confirmed.jinja docs/decisions/0018-* "
    "docs/decisions/0037-* docs/roles.md scripts/resource/rbac tests/rbac tests/notes/test_administration.py",
    "oauth": "app/oauth app/settings/*providers.py app/settings/apple_key.py docs/decisions/002[0-6]-* "
    "app/accounts/mail/templates/provider-* docs/providers.md tests/oauth tests/provider",
    "pages": "app/pages app/notes/page.html docs/pages.md docs/decisions/0058-* scripts/resource/pages tests/pages",
    "rbac_pages": "app/pages/templates/admin-* app/pages/templates/token-permissions.html",
    "oauth_pages": "app/pages/templates/*provider*",
    "session": "app/auth/session.py docs/decisions/0034-* tests/credentials/session.py tests/auth/test_session.py",
    "jwt": "app/auth/jwt.py docs/decisions/0035-* tests/credentials/jwt.py tests/auth/test_jwt.py",
    "jwt_cookie": "app/auth/jwt_cookie.py docs/decisions/0036-* tests/credentials/jwt_cookie.py "
    "tests/auth/test_jwt_cookie.py",
    "tokens": "app/auth/jwt_tokens.py app/auth/refresh_tokens.py docs/decisions/0048-* "
    "tests/auth/test_jwt_tokens.py tests/auth/test_refresh.py tests/credentials/tokens.py",
}

# JSON never has three quotes in a row and is ASCII here, so no answer can end this string.
ANSWERS = json.loads(r"""{{ cookiecutter | jsonify }}""")
# Pages need cookies, and with jwt there are none.
HAS_PAGES = ANSWERS["include_pages"] and ANSWERS["auth_backend"] != "jwt"
CHOSEN = {
    "rbac": ANSWERS["include_rbac"],
    "oauth": ANSWERS["include_oauth"],
    "pages": HAS_PAGES,
    "rbac_pages": HAS_PAGES and ANSWERS["include_rbac"],
    "oauth_pages": HAS_PAGES and ANSWERS["include_oauth"],
    "tokens": ANSWERS["auth_backend"] != "session",
    ANSWERS["auth_backend"]: True,
}


def remove(path: Path) -> None:
    """Removes a file or a folder; a missing one is fine."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read(file: Path) -> str:
    """What the file says; nothing if there is none."""
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def remember_the_template(folder: str) -> None:
    """Writes where the template is, which commit lies there and what was answered, for `cruft update`.

    A folder that was not cloned stands for itself. Without git there is no commit, and docs/updates.md says what to do.
    """
    git = Path(folder, ".git")
    url = re.search(r'\[remote "origin"\]\s+url = (\S+)', read(git / "config"))
    head = read(git / "HEAD").strip().removeprefix("ref: ")
    packed = {line[41:]: line[:40] for line in read(git / "packed-refs").splitlines()}
    # A password in the address stays where it was typed.
    template = re.sub("^(https?://)[^/]*@", r"\1", url[1] if url else folder)
    commit = (read(git / head).strip() or packed.get(head, head)) if head else ""
    context = {"cookiecutter": {key: value for key, value in ANSWERS.items() if not key.startswith("_")}}
    origin = {"template": template, "commit": commit, "checkout": None, "context": context, "directory": None}
    Path(".cruft.json").write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")


def path_from_the_shell() -> str:
    """The project as the user's shell reaches it; PWD is where that stands, cookiecutter itself has moved on."""
    project, shell = Path.cwd(), Path(os.environ.get("PWD", "/")).resolve()
    path = str(project.relative_to(shell) if project.is_relative_to(shell) and shell.name else project)
    return subprocess.list2cmdline([path]) if os.name == "nt" else shlex.quote(path)


for feature, paths in FEATURE_PATHS.items():
    if not CHOSEN.get(feature):
        for declined in (path for pattern in paths.split() for path in Path().glob(pattern)):
            remove(declined)

Path("licenses", ANSWERS["license"]).replace("LICENSE")
remove(Path("licenses"))

remember_the_template(str(Path(os.environ.get("PWD", "/"), ANSWERS.get("_repo_dir", "")).resolve()))

with contextlib.redirect_stdout(io.StringIO()) as printed:
    runpy.run_path("scripts/make_env.py", run_name="__main__")

next_steps = ("Next:", f"  cd {path_from_the_shell()}", "  uv run alembic upgrade head", "  uv run litestar run", "")
# A closed pipe or a terminal that only knows ASCII must not undo a project that is complete.
with contextlib.suppress(OSError):
    os.write(1, os.fsencode("\n" + printed.getvalue() + "\n".join(next_steps)))
