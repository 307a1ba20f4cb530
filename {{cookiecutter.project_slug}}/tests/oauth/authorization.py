"""Who may call the routes of sign-in with other providers."""

from app.oauth.exchange_codes import ARE_IN_COOKIES

TABLE = {
    "GET /oauth2/providers": "public",
    "GET /oauth2/{provider}/authorize": "public",
    "GET /oauth2/{provider}/callback": "public",
    "GET /oauth2-associate/{provider}/authorize": "fresh",
    "GET /oauth2-associate/{provider}/callback": "public",
    "POST /reauthenticate/{provider}": "signed in",
    "PUT /users/me/password": "fresh",
    "GET /users/me/oauth-accounts": "signed in",
    "DELETE /users/me/oauth-accounts/{account_id}": "fresh",
} | ({} if ARE_IN_COOKIES else {"POST /oauth2/exchange": "public"})
