"""The bodies of tokens."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta
from msgspec import Struct

from app.accounts.schemas import Body
from app.http.program_tokens import Access

Name = Annotated[str, Meta(min_length=1, max_length=100, description="What uses the token.", examples=["nightly job"])]
Days = Annotated[int, Meta(ge=1, le=365, description="The token expires after as many days.")]


class Limits(Struct, kw_only=True):
    """What a token may do at most; what its owner may do then limits it further."""

    access: Access
    # {% if cookiecutter.include_rbac %}
    permissions: Annotated[list[str], Meta(max_length=100)] = []
    # {% endif %}


class NewToken(Limits, Body, kw_only=True, forbid_unknown_fields=True):
    """A new token."""

    name: Name
    expires_in_days: Days


class TokenRead(Limits, kw_only=True):
    """A token as it is shown."""

    id: UUID
    name: str
    prefix: Annotated[str, Meta(description="The first characters after the prefix of the service.")]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class CreatedToken(TokenRead, kw_only=True):
    """A new token and its text, which is not shown again."""

    token: str

    def __repr__(self) -> str:
        """Its name, without the text."""
        return f"CreatedToken({self.name!r})"
