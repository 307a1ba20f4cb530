"""How callers prove who they are; `credentials` is the kind that this project chose."""

# {% filter replace("session", cookiecutter.auth_backend) %}
from app.auth import session as credentials
# {% endfilter %}

__all__ = ["credentials"]
