"""What callers send and get; everything else about a user stays inside."""

from typing import Annotated
from typing import Any

from advanced_alchemy.extensions.litestar import SQLAlchemyDTOConfig
from litestar.dto import MsgspecDTO
from msgspec import Meta
from msgspec import Struct
from sqlalchemy.orm import InstrumentedAttribute

from app import email_address
from app.accounts.passwords import policy
from app.email_address import MAX_LENGTH
from app.http.dto import ListedDTO
from app.http.errors import InvalidField
from app.models import User

# Lists, never exclusions: a column that somebody adds to the model stays private until it is named here.
READABLE = {"id", "email", "display_name", "is_active", "is_verified", "created_at"}
CHANGEABLE = {"display_name"}
RENAMED: dict[str | InstrumentedAttribute[Any], str] = {}
# {% if cookiecutter.include_rbac %}
READABLE |= {"role_names", "permissions"}
RENAMED |= {"role_names": "roles"}
# {% endif %}

Email = Annotated[str, Meta(max_length=MAX_LENGTH, description="An e-mail address.", examples=["grace@example.com"])]
# The rules for new ones are in passwords.py; this bounds what is hashed, before characters are put together.
Password = Annotated[str, Meta(max_length=4 * policy.MAX_LENGTH)]
Token = Annotated[str, Meta(max_length=256, description="The token from the link in the mail.")]


class UserRead(ListedDTO[User]):
    """A user as callers see one."""

    config = SQLAlchemyDTOConfig(include=READABLE, rename_fields=RENAMED)


class UserUpdate(ListedDTO[User]):
    """What users change about themselves."""

    config = SQLAlchemyDTOConfig(include=CHANGEABLE, partial=True, forbid_unknown_fields=True)


class Body(Struct, forbid_unknown_fields=True):
    """What callers send; its representation shows no value, since some of them are secrets (ASVS 16.2.5)."""

    def __repr__(self) -> str:
        """The name of the class alone."""
        return f"{type(self).__name__}(...)"


class Registration(Body):
    """Somebody asks for an account."""

    email: Email
    password: Password
    display_name: Annotated[str, Meta(max_length=100, description="What mails call them.")] = ""


class SignIn(Body):
    """Somebody claims an account."""

    email: Email
    password: Password


class Address(Body):
    """Somebody asks for a mail."""

    email: Email


class Accepted(Struct):
    """What everybody is told, whoever has an account."""

    detail: str = "If this address can be mailed, what to do next is on its way there."


class Proof(Body):
    """Somebody followed the link in a mail."""

    token: Token


class NewPasswordWithProof(Body):
    """Somebody followed the link in a mail and chose a password."""

    token: Token
    password: Password


class KnownPassword(Body):
    """Somebody signed in shows that it is them."""

    password: Password


class NewPassword(Body):
    """Somebody signed in wants another password."""

    current_password: Password
    new_password: Password


class NewAddress(Body):
    """Somebody signed in wants another address."""

    email: Email
    password: Password


RegistrationDTO = MsgspecDTO[Registration]


def address_in(email: str, field: str = "email") -> str:
    """The one spelling of an address from a body.

    Raises:
        InvalidField: if this is not an e-mail address.
    """
    try:
        return email_address.normalise_email(email)
    except ValueError as error:
        raise InvalidField(field, str(error)) from error
