"""Python imports this by itself: what in-place tests start has the kind of credentials that those tests have."""

import os
from importlib import import_module

if kind := os.environ.get("IN_PLACE_KIND"):
    vars(import_module("app.auth"))["credentials"] = import_module(f"app.auth.{kind}")
