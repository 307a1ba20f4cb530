"""Installs into `.venv` what the template's tools and tests need, and what the service itself depends on.

uv refuses a project whose name is a template expression, so this script reads the dependencies of the service.
Versions are those of the day that the pyproject.toml of the service names, as in every generated project. With the name
of another group and an interpreter it installs that group there, and passes further options to uv.
"""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
SERVICE = REPOSITORY / "{{cookiecutter.project_slug}}"
UV = Path(sys.executable).with_name("uv")


def main(group: str = "dev", python: str = sys.executable, *options: str) -> int:
    """Resolve everything together and return uv's exit status."""
    tools, service = (tomllib.loads((folder / "pyproject.toml").read_text("utf-8")) for folder in (REPOSITORY, SERVICE))
    requirements = [*tools["dependency-groups"][group]]
    if group == "dev":
        requirements += [*every(service["dependency-groups"], "dev"), *service["project"]["dependencies"]]
    day = service["tool"]["uv"]["exclude-newer"]
    with NamedTemporaryFile("w") as overrides:
        overrides.write("\n".join(service["tool"]["uv"]["override-dependencies"]))
        overrides.flush()
        how = ["--quiet", "--python", python, "--exclude-newer", day, "--overrides", overrides.name, *options]
        command = [UV, "pip", "install", *how, *requirements]
        return subprocess.run(command, check=False).returncode  # noqa: S603 - our own tool, our own list


def every(groups: dict[str, list[Any]], name: str) -> Iterator[str]:
    """The requirements of a group, and of those that it includes (PEP 735)."""
    for requirement in groups[name]:
        if isinstance(requirement, str):
            yield requirement
        else:
            yield from every(groups, requirement["include-group"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
