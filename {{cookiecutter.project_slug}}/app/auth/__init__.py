"""Signing in and out, and the current user. `credentials` is the kind of credentials that this project chose."""

# {% filter replace("session", cookiecutter.auth_backend) %}
from app.auth import session as credentials
# {% endfilter %}

__all__ = ["credentials"]
