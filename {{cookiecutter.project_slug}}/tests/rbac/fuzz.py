"""Whoever may do everything makes up requests, too."""

from tests.rbac.conftest import GIVE

USERS = {"administrator": GIVE.replace("{role}", "administrator")}
