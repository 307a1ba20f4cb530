"""The guides of a generated project, done as they say.

A block of commands is typed. A block for the database or a load balancer is left to the test. Any other block is an
edit, and the sentence before it says where:
"In `file`, after `text`:", "In `file`, in place of `text`:" or "In a new file `file`:".
"""

import hmac
import re
import time
from base64 import b32decode
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from tests.projects import Project
from tests.server import Server

BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"In (?:a new file )?`([^`]+)`(?:, (after|in place of) `([^`]+)`)?:$")
NAMED = re.compile(r"# @name (\w+)")
TO_BE_PASTED = "the token from the mail"
# In place of what an authenticator app shows.
CODE = '{"code": "123456"}'
WALKER = "walker@example.com"
KNOWN_FROM = re.compile(r"{{(\w+)\.response\.body\.(\w+)}}")


@dataclass(frozen=True)
class Edit:
    """A change of a file."""

    file: str
    how: str
    place: str
    text: str

    def __call__(self, project: Project) -> None:
        """Make it."""
        path = project.folder / self.file
        if not self.how:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.text, encoding="utf-8")
        elif self.how == "in place of":
            project.replace(self.file, self.place, self.text.rstrip("\n"))
        else:
            [line] = [line for line in project.read(self.file).splitlines() if self.place in line]
            project.replace(self.file, f"{line}\n", f"{line}\n{self.text}")


@dataclass(frozen=True)
class Commands:
    """What is typed."""

    text: str

    def __call__(self, project: Project) -> None:
        """Type it; the first that fails is the last."""
        project.run("sh", "-ec", self.text)


@dataclass(frozen=True)
class Statements:
    """What is for another program or another machine: the database, a load balancer, an authority."""

    text: str


def steps(guide: str) -> Iterator[Edit | Commands | Statements]:
    """What a guide says to do, in its order."""
    for block in BLOCK.finditer(guide):
        indent, language, text = block.groups()
        if language in {"sql", "bash", "haproxy", "nginx", "caddy", "apache"}:
            yield Statements(text)
            continue
        if language == "console":
            yield Commands(re.sub(f"^{indent}", "", text, flags=re.MULTILINE))
            continue
        sentence = " ".join(guide[: block.start()].split("\n\n")[-2].split())
        place = PLACE.search(sentence)
        assert place, f"nothing says where this goes: {text}"
        file, how, where = place.groups(default="")
        yield Edit(file, how, where, text)


def walk(requests: str, server: Server) -> None:
    """Send what a .http file holds, in its order, as an editor does; each request has to succeed."""
    named: dict[str, httpx.Response] = {}
    secret = ""
    with httpx.Client(base_url=server.url) as client:
        for request in requests.split("###")[1:]:
            filled = KNOWN_FROM.sub(lambda known: str(named[known[1]].json()[known[2]]), request)
            if TO_BE_PASTED in filled:
                filled = filled.replace(TO_BE_PASTED, server.until(lambda: token_mailed(server)))
            filled = filled.replace(CODE, f'{{"code": "{code_of(secret)}"}}')
            head, _, body = filled.partition("\n\n")
            title, *lines = head.splitlines()
            first, *headers = (line for line in lines if not line.startswith("#"))
            method, url = first.split()
            answer = client.request(
                method,
                url.replace("http://localhost:8000", server.url),
                headers=dict(header.split(": ") for header in headers),
                content=body.strip() or None,
            )
            assert answer.is_success, f"{title}: {answer.status_code} {answer.text}"
            if name := NAMED.search(head):
                named[name[1]] = answer
            if url.endswith("/users/me/totp") and method == "POST":
                secret = answer.json()["secret"]


def code_of(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238)."""
    digest = hmac.digest(b32decode(secret.replace(" ", "")), (int(time.time()) // 30).to_bytes(8), "sha1")
    place = digest[-1] & 0xF
    return f"{(int.from_bytes(digest[place : place + 4]) & 0x7FFFFFFF) % 10**6:06}"


def token_mailed(server: Server) -> str | None:
    """The one that stands alone on a line of the mail to whoever walks."""
    mails = "\n".join(server.mails_to(WALKER))
    return next(iter(re.findall(r"^[\w-]{20,}$", mails, re.MULTILINE)), None)
