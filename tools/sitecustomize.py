"""Python imports this at its start: processes that in-place tests start get the kind of credentials of the tests."""

import os
from importlib import import_module

if kind := os.environ.get("IN_PLACE_KIND"):
    vars(import_module("app.auth"))["credentials"] = import_module(f"app.auth.{kind}")
