"""The routes of administration: roles (most by litestar-users), users, their sessions, and the audit trail."""

from litestar.handlers import HTTPRouteHandler

from app.rbac import audit_routes
from app.rbac import factor_routes
from app.rbac import role_routes
from app.rbac import session_routes
from app.rbac import token_routes
from app.rbac import user_routes

ROUTES: list[HTTPRouteHandler] = [
    *role_routes.ROUTES,
    *user_routes.ROUTES,
    *session_routes.ROUTES,
    *token_routes.ROUTES,
    *factor_routes.ROUTES,
    *audit_routes.ROUTES,
]
