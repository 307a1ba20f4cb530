"""What the tests of the whole service take from sign-in with other providers."""

from app.oauth.exchange_codes import ARE_IN_COOKIES

ROWS = {
    "E13": "Unlinking a provider ends the sign-ins made with it; signing out touches no cookie of other applications",
    "G01": "Coming back from a provider counts in the browser that was sent there, and in no other",
    "G02": "It counts once, for ten minutes, and for what it was begun for",
    "G03": "Each trip has its own state, challenge (S256) and nonce; the verifier stays here",
    "G04": "A provider's word counts if signature and claims hold; who somebody is hangs on issuer and subject",
    "G05": "An account that somebody has proven is never linked by an address",
    "G06": "Whoever registered somebody else's address first gains nothing when its owner arrives",
    "G07": "An address that the provider does not vouch for makes no account",
    "G08": "An account at a provider belongs to one user, also for parallel requests",
    "G09": "Linking and unlinking need a fresh sign-in; the last way into an account stays",
    "G10": "Callers choose no scope, no host and no place of somebody else to go to",
    "G11": "Whatever a provider answers, the refusal is generic and comes in bounded time and memory",
    "G12": "An answer of one provider is nothing to another",
    "G13": "New users sign in whatever real providers leave out, change, repeat or list, and while one is away",
}
ROUTES = {
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
USERS: dict[str, str] = {}
