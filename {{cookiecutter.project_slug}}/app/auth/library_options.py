"""The hooks and options of litestar-users that this service calls; setting another one is refused at start.

docs/hooks.md is the guide. Without this check, an override or option that has no effect would look as if it worked.
"""

from dataclasses import MISSING
from dataclasses import Field
from dataclasses import fields
from typing import Any

from litestar_users.config import LitestarUsersConfig
from litestar_users.service import BaseUserService

from app.accounts.registration import RegistrationService
from app.accounts.schemas import RegistrationDTO
from app.accounts.schemas import UserRead
from app.auth.litestar_backend import CredentialConfig
from app.models import WAY_IN
from app.models import User
from app.settings import SettingsError

MAILS = "Mails are sent by app/accounts/mail: change its templates, or the mailer in app/accounts/mail/mailer.py."
ROUTES = "This service has its own routes for that. Change them where app/users.py lists them."
# Methods that no route of this service calls, and what to use instead.
NEVER_CALLED = {
    BaseUserService.send_verification_token: MAILS,
    BaseUserService.send_password_reset_token: MAILS,
    BaseUserService.generate_token: "Links in mails have tokens of app/accounts/one_time_tokens.py.",
    BaseUserService.get_registration_lookup_filters: "An address has one account. To refuse a sign-up, raise an "
    "HTTPException in pre_registration_hook.",
    BaseUserService.register: "Override sign_up, pre_registration_hook or post_registration_hook.",
    RegistrationService.initiate_verification: MAILS,
}
# Options that have an effect here. app/users.py adds those of optional features.
HONOURED = {
    "auth_config",
    "secret",
    "user_service_class",
    "user_repository_class",
    "user_registration_dto",
    "user_read_dto",
    "user_update_dto",
    "current_user_handler_config",
    "auth_exclude_paths",
}
INSTEAD = {
    "authentication_request_schema": "Change SignIn in app/accounts/schemas.py.",
    "auto_commit_transactions": "A request is one transaction: see app/database/transactions.py.",
    "hash_schemes": "Passwords are stored as argon2id. Set HASH_MEMORY_KIB and HASH_ITERATIONS.",
    "user_auth_identifier": "Users sign in with their e-mail address.",
    "require_verification_on_registration": "Every address is verified. `litestar users create-user` creates users who "
    "can sign in at once.",
}


def require_effect(config: LitestarUsersConfig[Any, Any]) -> None:
    """Require that every override of the service class and every option has an effect.

    Raises:
        SettingsError: if one has none; it names each and what to use instead.
    """
    service = config.user_service_class
    lines = [
        f"{service.__name__}.{method.__name__} is never called. {instead}"
        for method, instead in NEVER_CALLED.items()
        if getattr(service, method.__name__) is not method
    ]
    lines += _misspelt_hooks(service)
    lines += [
        f"{option.name} of LitestarUsersConfig has no effect. {INSTEAD.get(option.name, ROUTES)}"
        for option in fields(config)
        if option.name not in HONOURED and getattr(config, option.name) != _default_of(option)
    ]
    if not isinstance(config.auth_config, CredentialConfig):
        lines.append("auth_config of LitestarUsersConfig must be credentials.auth_config(settings).")
    # Other routes show and take the same, so these two are changed in one place.
    for name, dto in (("user_read_dto", UserRead), ("user_registration_dto", RegistrationDTO)):
        if getattr(config, name) is not dto:
            lines.append(f"{name} of LitestarUsersConfig has no effect. Change app/accounts/schemas.py.")
    lines += _incomplete_keys(config)
    if lines:
        raise SettingsError("\n".join(lines))


def _misspelt_hooks(service: type) -> list[str]:
    names = (name for name in dir(service) if name.startswith("get_additional_") or name.endswith("_hook"))
    return [
        f"{service.__name__}.{name} is never called: litestar-users has no hook of this name. docs/hooks.md lists them."
        for name in names
        if not hasattr(BaseUserService, name)
    ]


def _incomplete_keys(config: LitestarUsersConfig[Any, Any]) -> list[str]:
    """What is missing at a foreign key to users in a table that users sign in with."""
    repositories = [getattr(config, option.name) for option in fields(config) if option.name.endswith("_class")]
    models = [repository.model_type for repository in repositories if hasattr(repository, "model_type")]
    keys = [(model, key) for model in models if model is not User for key in model.__table__.foreign_keys]
    return [
        f'{model.__name__}.{key.parent.name} needs ForeignKey("user.id", ondelete="CASCADE"), index=True and '
        "info={WAY_IN: ...}, so that a deletion and a reset remove its rows: docs/columns.md."
        for model, key in keys
        if key.references(User.__table__) and not (key.ondelete == "CASCADE" and WAY_IN in key.parent.info)
    ]


def _default_of(option: "Field[Any]") -> Any:
    return option.default if option.default_factory is MISSING else option.default_factory()
