"""The configuration of litestar-users, the service class, and the routes and commands of accounts."""

import logging
from collections.abc import Callable
from copy import copy
from typing import Any

import click
from litestar import Router
from litestar.config.app import AppConfig
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Components
from litestar.openapi.spec import SecurityScheme
from litestar.plugins import CLIPlugin
from litestar.plugins import InitPlugin
from litestar.plugins import PluginProtocol
from litestar_users import LitestarUsersPlugin
from litestar_users.config import CurrentUserHandlerConfig
from litestar_users.config import LitestarUsersConfig

from app import repositories
from app.access_tokens import routes as access_token_routes
from app.access_tokens.commands import create_token
from app.access_tokens.requests import read_token
from app.accounts import link_pages
from app.accounts import routes as account_routes
from app.accounts.calibration import calibrate_hash
from app.accounts.commands import create_user
from app.accounts.commands import invite_user
from app.accounts.imports import import_users
from app.accounts.profile import ProfileService
from app.accounts.recovery import RecoveryService
from app.accounts.registration import RegistrationService
from app.accounts.schemas import RegistrationDTO
from app.accounts.schemas import UserRead
from app.accounts.schemas import UserUpdate
from app.accounts.sign_in import SignInService
from app.accounts.user_commands import activate_user
from app.accounts.user_commands import deactivate_user
from app.accounts.user_commands import list_users
from app.auth import credentials
from app.auth import library_options
from app.auth import litestar_backend
from app.auth import routes as credential_routes
from app.auth.profile_routes import profile_routes
from app.factors import encryption_key
from app.factors import routes as factor_routes
from app.factors.commands import remove_factors
from app.http import program_tokens
from app.http import strong_sign_in
# {% if cookiecutter.include_oauth %}
from app.oauth import routes as provider_routes
from app.oauth.doctor_checks import documents
from app.oauth.doctor_checks import redirects
from app.oauth.openapi import ProviderNames
# {% endif %}
from app.operations import doctor
# {% if cookiecutter.include_pages and cookiecutter.auth_backend != "jwt" %}
from app.pages import routes as pages
# {% endif %}
# {% if cookiecutter.include_rbac %}
from app.rbac import administration_routes
from app.rbac import commands as role_commands
from app.rbac import role_routes
from app.rbac.doctor_checks import without_factor
from app.rbac.role_service import RoleService
from app.rbac.user_administration import AdministrationService
# {% endif %}
from app.settings import Settings
from app.settings.origins import is_another_site

logger = logging.getLogger(__name__)


class UserService(
    # {% if cookiecutter.include_rbac %}
    AdministrationService,
    RoleService,
    # {% endif %}
    ProfileService,
    RegistrationService,
    RecoveryService,
    SignInService,
):
    """What can be done to users, in parts with one subject each.

    Add methods of your own here, or override one: docs/hooks.md lists the hooks of litestar-users.
    """


def users_plugins(settings: Settings) -> list[PluginProtocol]:
    """litestar-users with our service class, and plugins with our own routes and commands.

    Raises:
        SettingsError: if an option of litestar-users is set, or a method overridden, that has no effect here.
    """
    options = config(settings)
    library_options.require_effect(options)
    # Its routes of the current user would read the row with each request.
    library = copy(options)
    library.current_user_handler_config = None
    return [LitestarUsersPlugin(library), AccountsPlugin(settings, options), *(each(settings) for each in PLUGINS)]


def config(settings: Settings) -> LitestarUsersConfig[Any, Any]:
    """The configuration of litestar-users. Features that are not configured here have routes of our own."""
    credential_config = credentials.auth_config(settings)
    # Otherwise credentials would be read there, and a token refused.
    credential_config.exclude = PUBLIC_PATHS
    return LitestarUsersConfig(
        auth_config=credential_config,
        # It must have 32 characters. It signs tokens that no route of this service accepts.
        secret=settings.key_for("litestar-users").hex()[:32],
        user_service_class=UserService,
        user_repository_class=repositories.UserRepository,
        # {% if cookiecutter.include_oauth %}
        oauth_account_repository_class=repositories.OAuthAccountRepository,
        # {% endif %}
        # {% if cookiecutter.include_rbac %}
        role_management_handler_config=role_routes.role_management(),
        # {% endif %}
        user_registration_dto=RegistrationDTO,
        user_read_dto=UserRead,
        user_update_dto=UserUpdate,
        current_user_handler_config=CurrentUserHandlerConfig(tags=["Accounts"], opt=OWN_ACCOUNT),
        auth_exclude_paths=PUBLIC_PATHS,
    )


class AccountsPlugin(InitPlugin, CLIPlugin):
    """The routes and commands of accounts, and the description of the credentials."""

    def __init__(self, settings: Settings, options: LitestarUsersConfig[Any, Any]) -> None:
        self._settings, self._options = settings, options

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the routes, and describe the credentials in the OpenAPI document.

        Raises:
            SettingsError: if the application opens every route to access tokens.
        """
        program_tokens.require_each_route(app_config.opt)
        litestar_backend.install(app_config, self._options)
        app_config.guards[:0] = [program_tokens.require_open_route, *strong_sign_in.guards_for(self._settings)]
        # After litestar-users: Litestar adds a handler to the path of a router, but no router to the path of a handler.
        app_config.route_handlers.extend([*profile_routes(self._options), *ROUTES])
        scheme = credentials.security_scheme(self._settings)
        if scheme.security_scheme_in == "cookie":
            _warn_of_other_sites(self._settings)
        if app_config.openapi_config is not None:
            schemes = Components(security_schemes={"credentials": scheme, "accessToken": ACCESS_TOKEN})
            app_config.openapi_config.components = schemes
            app_config.openapi_config.security = [{"credentials": []}]
        return app_config

    def on_cli_init(self, cli: click.Group) -> None:
        """Add the commands. The `database` commands are removed: only `alembic` changes the tables."""
        cli.add_command(COMMANDS)
        cli.add_command(doctor.doctor)
        cli.commands.pop("database", None)


def _warn_of_other_sites(settings: Settings) -> None:
    for origin in settings.cors_origins:
        if is_another_site(origin, settings.base_url):
            logger.warning(
                "CORS_ORIGINS: %s is another site than BASE_URL, so browsers send no cookie from it and its users are "
                "not signed in. Serve a web page from a subdomain of the same domain, with the same scheme. An app or "
                "a browser extension cannot use cookies: docs/settings.md",
                origin,
            )


ACCESS_TOKEN = SecurityScheme(
    type="http",
    scheme="bearer",
    description='A token that a user has made for a program. An operation names the access, "read" or "write".',
)
PUBLIC_PATHS = ["^/schema(/|$)"]
OWN_ACCOUNT = {"access_tokens": "read", **strong_sign_in.READ_WITHOUT_FACTOR}
PLUGINS: list[Callable[[Settings], PluginProtocol]] = []
COMMANDS = click.Group(
    "users",
    commands=[
        create_user,
        invite_user,
        create_token,
        list_users,
        deactivate_user,
        activate_user,
        import_users,
        calibrate_hash,
        remove_factors,
    ],
    help="Manage users.",
)
ROUTES: list[HTTPRouteHandler | Router] = [*account_routes.ROUTES, *link_pages.ROUTES, *credential_routes.ROUTES]
ROUTES.extend([*factor_routes.ROUTES, *access_token_routes.ROUTES])
litestar_backend.CredentialBackend.read_token = read_token
doctor.CHECKS.append(encryption_key.passkey_domain)
doctor.DATABASE_CHECKS.append(encryption_key.former_keys)
# {% if cookiecutter.include_rbac %}
COMMANDS.commands.update(role_commands.COMMANDS)
role_commands.extend_list_users()
ROUTES.extend(administration_routes.ROUTES)
doctor.DATABASE_CHECKS.append(without_factor)
library_options.HONOURED.add("role_management_handler_config")
# {% endif %}
# {% if cookiecutter.include_oauth %}
ROUTES.extend(provider_routes.ROUTES)
PLUGINS.append(ProviderNames)
library_options.HONOURED.add("oauth_account_repository_class")
doctor.CHECKS.append(redirects)
doctor.NETWORK_CHECKS.append(documents)
# {% endif %}
# {% if cookiecutter.include_pages and cookiecutter.auth_backend != "jwt" %}
ROUTES.extend(pages.ROUTES)
# {% endif %}
