"""How the cast presents the credentials of this project; `kind` is the one that it chose."""

# {% filter replace("session", cookiecutter.auth_backend) %}
from tests.credentials import session as kind
# {% endfilter %}

__all__ = ["kind"]
