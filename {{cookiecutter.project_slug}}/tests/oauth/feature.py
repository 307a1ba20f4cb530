"""What the tests of the whole service take from sign-in with other providers."""

from app.oauth.exchange_codes import ARE_IN_COOKIES

ROWS = {
    "E13": "Unlinking a provider ends the sign-ins made with it; signing out touches no cookie of other applications",
    "G01": "Coming back from a provider counts in the browser that was sent there, and in no other",
    "G02": "It counts once, for ten minutes, and for what it was begun for",
    "G03": "Each trip has its own state, challenge (S256) and nonce; the verifier stays here",
    "G04": "An ID token counts if its signature and claims are right; issuer and subject identify an account",
    "G05": "An account with a confirmed address is never linked by an address",
    "G06": "Registering another person's address first gains nothing when its owner arrives",
    "G07": "An address that the provider does not vouch for makes no account",
    "G08": "An account at a provider belongs to one user, also for parallel requests",
    "G09": "Linking and unlinking need a fresh sign-in; the last way into an account stays",
    "G10": "Callers choose neither scopes nor hosts, and are redirected only to paths of this service",
    "G11": "A faulty answer of a provider is a generic refusal, in bounded time and memory",
    "G12": "An answer of one provider is nothing to another",
    "G14": "Signing out leads to the end of the provider's session; the end of a session there ends the sign-ins here",
    "G13": "New users sign in with providers that leave claims to userinfo, change or repeat keys, or are away",
}
ROUTES = {
    "GET /oauth2/providers": "public",
    "GET /oauth2/{provider}/authorize": "public",
    "GET /oauth2/{provider}/callback": "public",
    "POST /oauth2/{provider}/callback": "public",
    "POST /oauth2-associate/{provider}/callback": "public",
    "GET /oauth2/{provider}/logout": "public",
    "POST /oauth2/{provider}/backchannel-logout": "public",
    "GET /oauth2-associate/{provider}/authorize": "fresh",
    "GET /oauth2-associate/{provider}/callback": "public",
    "POST /reauthenticate/{provider}": "signed in",
    "PUT /users/me/password": "fresh",
    "GET /users/me/oauth-accounts": "signed in",
    "DELETE /users/me/oauth-accounts/{account_id}": "fresh",
} | ({} if ARE_IN_COOKIES else {"POST /oauth2/exchange": "public"})
USERS: dict[str, str] = {}
