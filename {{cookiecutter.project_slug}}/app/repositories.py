"""How each model is read and written."""

from advanced_alchemy.repository import SQLAlchemyAsyncRepository

# {% if cookiecutter.include_oauth %}
from app.models import OAuthAccount
# {% endif %}
# {% if cookiecutter.include_rbac %}
from app.models import Role
# {% endif %}
from app.models import User


class UserRepository(SQLAlchemyAsyncRepository[User]):
    """Users."""

    model_type = User
    # Rows repeat when a collection is joined into the same statement.
    uniquify = True
# {% if cookiecutter.include_rbac %}


class RoleRepository(SQLAlchemyAsyncRepository[Role]):
    """Roles."""

    model_type = Role
# {% endif %}
# {% if cookiecutter.include_oauth %}


class OAuthAccountRepository(SQLAlchemyAsyncRepository[OAuthAccount]):
    """Accounts with other providers."""

    model_type = OAuthAccount
# {% endif %}
