#!/bin/bash
# Guess: a token whose times have a fraction of a second (RFC 7519 allows it, and {"iat": time.time()} makes one) is valid from
# the moment it is signed until the moment in "exp", in every library.
# What happens: joserfc compares with whole seconds of the clock, so it refuses a fresh token ("issued in the future", or "not
# yet valid" for nbf) until the next full second. PyJWT cuts the fraction off the claim instead, so it accepts the fresh token,
# and one that has up to a second left counts as expired.
# Why it matters here: a client that uses its token in the second in which it signed in is refused by a joserfc verifier, so
# tests and first requests fail now and then. Issue whole seconds, as our tokens do.
# Seen on 2026-11-29 with PyJWT 2.15.1 and joserfc 1.8.0.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q pyjwt==2.15.1 joserfc==1.8.0

cat > try.py << 'PY'
import time
from typing import Any

import jwt
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

SECRET = "a secret of this test, 32 bytes."


def verify_with_pyjwt(token: str) -> str:
    try:
        jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.PyJWTError as error:
        return f"refused: {error}"
    return "accepted"


def verify_with_joserfc(token: str) -> str:
    claims = joserfc_jwt.decode(token, OctKey.import_key(SECRET)).claims
    try:
        joserfc_jwt.JWTClaimsRegistry().validate(claims)
    except JoseError as error:
        return f"refused: {error.description}"
    return "accepted"


def wait_for_the_middle_of_a_second() -> float:
    time.sleep((1.5 - time.time() % 1) % 1)
    return time.time()


def show(name: str, claim: str, offset: float) -> None:
    for library, verify in (("PyJWT", verify_with_pyjwt), ("joserfc", verify_with_joserfc)):
        claims: dict[str, Any] = {claim: wait_for_the_middle_of_a_second() + offset}
        print(f"{name}, {library}: {verify(jwt.encode(claims, SECRET, 'HS256'))}")


show("iat is now", "iat", 0)
show("nbf is now", "nbf", 0)
show("exp is in 0.3 seconds", "exp", 0.3)
PY

cat > expected << 'TXT'
iat is now, PyJWT: accepted
iat is now, joserfc: refused: The token was issued in the future
nbf is now, PyJWT: accepted
nbf is now, joserfc: refused: The token is not yet valid
exp is in 0.3 seconds, PyJWT: refused: Signature has expired
exp is in 0.3 seconds, joserfc: accepted
TXT
venv/bin/python try.py > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
