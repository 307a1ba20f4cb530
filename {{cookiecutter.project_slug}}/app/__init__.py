"""The service: start reading at asgi.py, which lists everything that is in it."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`create_app`, where the `litestar` command looks first; importing one part does not load the whole."""
    if name == "create_app":
        from app.asgi import create_app  # noqa: PLC0415  # see above

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
