"""What the checklist, the tables of routes and the fuzz run take from each feature: `ROWS`, `ROUTES`, `USERS`..."""

from importlib import import_module

from tests.credentials import kind

MODULES = [
    kind.__name__,
    "tests.factors.feature",
    "tests.notes.feature",  # example
    # {% if cookiecutter.include_pages and cookiecutter.auth_backend != "jwt" %}
    "tests.pages.feature",
    # {% endif %}
    # {% if cookiecutter.include_rbac %}
    "tests.rbac.feature",
    # {% endif %}
    # {% if cookiecutter.include_oauth %}
    "tests.oauth.feature",
    # {% endif %}
]
FEATURES = [import_module(name) for name in MODULES]
