"""Which permission each route of administrators asks for."""

TABLE = {
    "GET /users": "users:read",
    "POST /users": "users:manage",
    "GET /users/{user_id}": "users:read",
    "PATCH /users/{user_id}": "users:manage",
    "DELETE /users/{user_id}": "users:manage",
    "POST /users/{user_id}/reset-password": "users:manage",
    "GET /users/{user_id}/sessions": "sessions:manage",
    "DELETE /users/{user_id}/sessions": "sessions:manage",
    "DELETE /users/{user_id}/sessions/{session_id}": "sessions:manage",
    "GET /users/roles": "roles:read",
    "POST /users/roles": "roles:manage",
    "PATCH /users/roles/{role_id}": "roles:manage",
    "DELETE /users/roles/{role_id}": "roles:manage",
    "PUT /users/roles/assign": "roles:manage",
    "PUT /users/roles/revoke": "roles:manage",
    "GET /audit-events": "audit:read",
}
