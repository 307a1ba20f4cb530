"""What the tests of the whole service take from roles."""

ROWS = {
    "D11": "Administrators start resets, and neither see nor set a password",
    "H04": "Permissions end with their role; the last administrator stays, also with requests at the same moment",
    "H07": "Any three acts of administration at once leave an administrator; rules are judged on locked rows",
    "H05": "There is no default account; the command line makes the first administrator and says what is stored",
    "H06": "Acts of administrators are in the trail: actor, target, what changed, from where, in which request",
}
# The permission that each route asks for.
ROUTES = {
    "GET /users": "users:read",
    "POST /users": "users:manage",
    "GET /users/{user_id}": "users:read",
    "PATCH /users/{user_id}": "users:manage",
    "DELETE /users/{user_id}": "users:manage",
    "POST /users/{user_id}/reset-password": "users:manage",
    "DELETE /users/{user_id}/factors": "users:manage",
    "GET /users/{user_id}/sessions": "sessions:manage",
    "DELETE /users/{user_id}/sessions": "sessions:manage",
    "DELETE /users/{user_id}/sessions/{session_id}": "sessions:manage",
    "GET /users/{user_id}/access-tokens": "sessions:manage",
    "DELETE /users/{user_id}/access-tokens/{token_id}": "sessions:manage",
    "GET /users/roles": "roles:read",
    "POST /users/roles": "roles:manage",
    "PATCH /users/roles/{role_id}": "roles:manage",
    "DELETE /users/roles/{role_id}": "roles:manage",
    "PUT /users/roles/assign": "roles:manage",
    "PUT /users/roles/revoke": "roles:manage",
    "GET /audit-events": "audit:read",
}
TOKENS = dict.fromkeys(("GET /users", "GET /users/{user_id}", "GET /users/roles", "GET /audit-events"), "read")
GIVE = """
    INSERT INTO user_role (user_id, role_id)
    SELECT "user".id, role.id FROM "user", role WHERE "user".email = '{email}' AND role.name = '{role}'
"""
USERS = {"administrator": GIVE.replace("{role}", "administrator")}
