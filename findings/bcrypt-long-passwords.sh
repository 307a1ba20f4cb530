#!/bin/bash
# Guess: bcrypt reads 72 bytes of a password and ignores the rest, so a hash that an older version made fits the same password
# after an update.
# What happens: since bcrypt 5, a longer password raises ValueError, for new hashes and for existing ones. libpass (the maintained
# passlib) passes the error on from `CryptContext.verify`, although its handler has the option `truncate_error=False`.
# Why it matters here: after an update, users with a password of more than 72 bytes (a passphrase; 36 letters of Greek or Russian)
# get a 500 at sign-in with the right password, and so does anyone who types that much. Cut the bytes yourself before you
# check a stored bcrypt hash. Ours does, and users whose hashes were imported sign in.
# Seen on 2026-11-30 with bcrypt 4.3.0 and 5.0.0, libpass 1.9.4.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

cat > try.py << 'PY'
import sys
from collections.abc import Callable
from importlib.metadata import version

import bcrypt
from passlib.context import CryptContext

PASSWORD = "a passphrase of many words, since long passwords are the ones that nobody guesses"
context = CryptContext(["bcrypt"], bcrypt__rounds=4, bcrypt__truncate_error=False)


def show(name: str, what: Callable[[], object]) -> None:
    try:
        print(f"bcrypt {version('bcrypt')}, {name}: {what()}")
    except ValueError as error:
        print(f"bcrypt {version('bcrypt')}, {name}: ValueError, {str(error)[:48]}")


stored = sys.argv[1] if len(sys.argv) > 1 else ""
if not stored:
    stored = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    print(stored, file=sys.stderr)
show("checkpw", lambda: bcrypt.checkpw(PASSWORD.encode(), stored.encode()))
show("libpass", lambda: context.verify(PASSWORD, stored))
show("libpass, cut to 72 bytes", lambda: context.verify(PASSWORD.encode()[:72], stored))
PY

for version in 4.3.0 5.0.0; do
    python3 -m venv "$version"
    "$version/bin/pip" install -q "bcrypt==$version" libpass==1.9.4
done
4.3.0/bin/python try.py > seen 2> stored
5.0.0/bin/python try.py "$(cat stored)" >> seen

cat > expected << 'TXT'
bcrypt 4.3.0, checkpw: True
bcrypt 4.3.0, libpass: True
bcrypt 4.3.0, libpass, cut to 72 bytes: True
bcrypt 5.0.0, checkpw: ValueError, password cannot be longer than 72 bytes, truncat
bcrypt 5.0.0, libpass: ValueError, password cannot be longer than 72 bytes, truncat
bcrypt 5.0.0, libpass, cut to 72 bytes: True
TXT
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-30)." >&2; exit 1; }
echo "As described."
