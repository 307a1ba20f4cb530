"""Installs into `.venv` what the template's tools and tests need, and what the service itself depends on.

uv refuses a project whose name is a template expression, so the service's dependencies are read here. Its versions are
those of the day that its own pyproject.toml names, the same as in every generated project. Options are uv's.
"""

import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import NamedTemporaryFile

REPOSITORY = Path(__file__).resolve().parent.parent
SERVICE = REPOSITORY / "{{cookiecutter.project_slug}}"
UV = Path(sys.executable).with_name("uv")


def main() -> int:
    """Resolve everything together and return uv's exit status."""
    tools, service = (tomllib.loads((folder / "pyproject.toml").read_text("utf-8")) for folder in (REPOSITORY, SERVICE))
    requirements = [
        *tools["dependency-groups"]["dev"],
        *service["dependency-groups"]["dev"],
        *service["project"]["dependencies"],
    ]
    day = service["tool"]["uv"]["exclude-newer"]
    with NamedTemporaryFile("w") as excluded:
        excluded.write("\n".join(service["tool"]["uv"]["exclude-dependencies"]))
        excluded.flush()
        options = ["--quiet", "--python", sys.executable, "--exclude-newer", day, "--excludes", excluded.name]
        command = [UV, "pip", "install", *options, *sys.argv[1:], *requirements]
        return subprocess.run(command, check=False).returncode  # noqa: S603 - our own tool, our own list


if __name__ == "__main__":
    sys.exit(main())
