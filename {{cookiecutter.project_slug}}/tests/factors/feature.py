"""What the tests of the whole service take from second factors."""

ROWS = {
    "K01": "A WebAuthn challenge works once, for 5 minutes, and for the handle that came with it; asking makes no rows",
    "K02": "The options for signing in with a passkey are the same for every caller",
    "K03": "The RP id and the origins are settings; each passkey remembers its RP id; native origins can be listed",
    "K04": "User verification, origin, backup eligibility and user handle are checked; a counter refuses no user",
    "K05": "Adding a factor needs a recent sign-in at the strength of the account",
    "K06": "Users remove their own factors, with a recent sign-in; a mail says so, and the last way to sign in stays",
    "K07": "An account has few passkeys; wrong codes are counted for each account over all workers",
    "K08": "A TOTP step counts once; the secret is encrypted with a key that can be replaced, and a code confirms it",
    "K09": "Recovery codes are shown once, stored as digests, and work once; a mail reports each use",
    "K10": "A reset leaves the factors in force; only those who run the service remove them, on record",
    "K11": "Half a sign-in opens its challenge alone: five minutes, five tries; a first factor ends other sign-ins",
    "K12": "Each sign-in says how and when it was made; recent sign-ins and SECOND_FACTOR depend on it",
    "K13": "All of this holds without cookies; tokens say `amr` and `auth_time`",
    "K14": "Every way in, resets, invitations and confirmations ask for the factor of an account that has one",
}
# Who may call the routes.
ROUTES = {
    "POST /login/options": "public",
    "POST /login/second-factor": "public",
    "POST /passkeys/options": "public",
    "POST /passkeys/sign-in": "public",
    "POST /reauthenticate/options": "signed in",
    "GET /users/me/factors": "signed in",
    "POST /users/me/passkeys/options": "fresh",
    "POST /users/me/passkeys": "fresh",
    "PATCH /users/me/passkeys/{passkey_id}": "signed in",
    "DELETE /users/me/passkeys/{passkey_id}": "fresh",
    "POST /users/me/totp": "fresh",
    "POST /users/me/totp/confirm": "fresh",
    "DELETE /users/me/totp": "fresh",
    "POST /users/me/recovery-codes": "fresh",
}
USERS: dict[str, str] = {}
