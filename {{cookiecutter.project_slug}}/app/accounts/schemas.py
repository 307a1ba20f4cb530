"""The bodies of requests and responses about accounts. Other columns of a user are never shown."""

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

# Lists of what is included: a column that you add to the model is private until you name it here.
READABLE = {"id", "email", "display_name", "is_active", "is_verified", "created_at"}
CHANGEABLE = {"display_name"}
RENAMED: dict[str | InstrumentedAttribute[Any], str] = {}
# {% if cookiecutter.include_rbac %}
READABLE |= {"role_names", "permissions"}
RENAMED |= {"role_names": "roles"}
# {% endif %}

Email = Annotated[str, Meta(max_length=MAX_LENGTH, description="An e-mail address.", examples=["grace@example.com"])]
# passwords/policy.py has the rules for new passwords. This limits the size of what is hashed.
Password = Annotated[str, Meta(max_length=4 * policy.MAX_LENGTH)]
Token = Annotated[str, Meta(max_length=256, description="The token from the link in the mail.")]


class UserRead(ListedDTO[User]):
    """A user as callers see one."""

    config = SQLAlchemyDTOConfig(include=READABLE, rename_fields=RENAMED)


class UserUpdate(ListedDTO[User]):
    """What users can change about themselves."""

    config = SQLAlchemyDTOConfig(include=CHANGEABLE, partial=True, forbid_unknown_fields=True)


class Body(Struct, forbid_unknown_fields=True):
    """The body of a request. Its representation shows no values, since some are secrets (ASVS 16.2.5)."""

    def __repr__(self) -> str:
        """The name of the class, without values."""
        return f"{type(self).__name__}(...)"


class Registration(Body):
    """A sign-up."""

    email: Email
    password: Password
    display_name: Annotated[str, Meta(max_length=100, description="What mails call them.")] = ""


class SignIn(Body):
    """An e-mail address and its password."""

    email: Email
    password: Password


class Address(Body):
    """An e-mail address to send a mail to."""

    email: Email


class Accepted(Struct):
    """The same response whether or not the address has an account."""

    detail: str = "If this address can receive mail from us, instructions are on the way."


class Proof(Body):
    """The token from a mail."""

    token: Token


class NewPasswordWithProof(Body):
    """The token from a mail, and a new password."""

    token: Token
    password: Password


class NewPassword(Body):
    """A change of the password."""

    current_password: Password
    new_password: Password


class NewAddress(Body):
    """A change of the e-mail address."""

    email: Email
    password: Password


RegistrationDTO = MsgspecDTO[Registration]


def parse_email(email: str, field: str = "email") -> str:
    """The normalised spelling of an e-mail address in a body.

    Raises:
        InvalidField: if the e-mail address is invalid.
    """
    try:
        return email_address.normalise_email(email)
    except ValueError as error:
        raise InvalidField(field, str(error)) from error
