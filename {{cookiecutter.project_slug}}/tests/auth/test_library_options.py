"""Options and overrides of litestar-users have an effect, or are refused at start."""

from dataclasses import MISSING
from dataclasses import fields
from dataclasses import replace
from typing import Any

import pytest
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar_users.config import AuthHandlerConfig
from litestar_users.config import CurrentUserHandlerConfig
from litestar_users.config import LitestarUsersConfig

from app.accounts.schemas import UserRead
from app.asgi import create_app
from app.auth.library_options import HONOURED
from app.auth.library_options import NEVER_CALLED
from app.auth.library_options import require_effect
from app.settings import Settings
from app.settings import SettingsError
from app.users import UserService
from app.users import config

OPTIONS = {option.name: option for option in fields(LitestarUsersConfig)}
REFUSED = sorted(OPTIONS.keys() - HONOURED)


class AnotherRead(UserRead):
    """What an owner may write instead of changing the first."""


def refusal_of(options: LitestarUsersConfig[Any, Any]) -> str:
    """The lines that the service ends with."""
    with pytest.raises(SettingsError) as refused:
        require_effect(options)
    return refused.value.message


def test_the_options_of_the_service_are_accepted(settings: Settings) -> None:
    require_effect(config(settings))


def test_honoured_options_exist() -> None:
    assert set(OPTIONS) >= HONOURED


@pytest.mark.parametrize("name", REFUSED)
def test_every_other_option_is_refused_by_name(settings: Settings, name: str) -> None:
    option = OPTIONS[name]
    assert option.default is not MISSING or option.default_factory is not MISSING, "it must be set"
    given = {"bool": not option.default, "str": "username", "list[str]": ["bcrypt"]}
    options = config(settings)
    setattr(options, name, given.get(str(option.type), AuthHandlerConfig()))
    [line] = refusal_of(options).splitlines()
    assert line.startswith(f"{name} of LitestarUsersConfig has no effect. ")


@pytest.mark.parametrize("name", ["user_read_dto", "user_registration_dto"])
def test_bodies_that_other_routes_share_are_changed_in_one_place(settings: Settings, name: str) -> None:
    options = config(settings)
    setattr(options, name, AnotherRead)
    line = refusal_of(options)
    assert line == f"{name} of LitestarUsersConfig has no effect. Change app/accounts/schemas.py."


def test_credentials_of_another_kind_are_refused(settings: Settings) -> None:
    line = refusal_of(replace(config(settings), auth_config=ServerSideSessionConfig()))
    assert line == "auth_config of LitestarUsersConfig must be credentials.auth_config(settings)."


@pytest.mark.parametrize("method", NEVER_CALLED, ids=lambda method: method.__name__)
def test_an_override_that_is_never_called_is_refused_by_name(
    settings: Settings, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UserService, method.__name__, lambda *_: None, raising=False)
    line = refusal_of(config(settings))
    assert line.startswith(f"UserService.{method.__name__} is never called. ")
    assert "\n" not in line


@pytest.mark.parametrize("name", ["pre_logn_hook", "post_login_hooks_hook", "get_additional_auth_filter"])
def test_a_misspelt_hook_is_refused_by_name(settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserService, name, lambda *_: None, raising=False)
    line = refusal_of(config(settings))
    assert line.startswith(f"UserService.{name} is never called: litestar-users has no hook of this name.")


def test_all_are_named_at_once(settings: Settings) -> None:
    options = replace(
        config(settings), require_verification_on_registration=False, auth_handler_config=AuthHandlerConfig()
    )
    lines = refusal_of(options).splitlines()
    assert [line.split()[0] for line in lines] == ["require_verification_on_registration", "auth_handler_config"]


def test_options_of_the_current_user_are_those_of_the_library(settings: Settings) -> None:
    options = config(settings)
    options.current_user_handler_config = CurrentUserHandlerConfig(path="/me", opt={"a": "b"}, tags=["Mine"])
    require_effect(options)


def test_the_service_does_not_start_with_one(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserService, "generate_token", lambda *_: None, raising=False)
    with pytest.raises(SettingsError, match=r"UserService\.generate_token"):
        create_app(settings)
