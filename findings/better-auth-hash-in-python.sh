#!/bin/bash
# Guess: better-auth stores "salt:key", both in hex, made with scrypt. Decode both, call hashlib.scrypt with N=16384, r=16, p=1,
# and its users can be moved to a Python service with their passwords.
# What happens, in this order:
#   1. hashlib.scrypt refuses these parameters ("memory limit exceeded"): they need more than its default of 32 MiB.
#   2. With maxmem raised, the right password does not match: the salt is the hex text itself, not the bytes that it spells.
#   3. With the text as the salt it matches, in hashlib and in cryptography. libpass (the maintained passlib) refuses it: its
#      scrypt takes keys of 32 bytes only, and these have 64.
#   4. The first 32 bytes of the key match in libpass: scrypt makes a longer key in blocks of that size, so it begins with
#      the shorter one. The same holds for the keys of Werkzeug and Django, which have 64 bytes too.
# Why it matters here: a service that takes over accounts from better-auth would, at step 2, tell every user that their password
# is wrong. Check one known password before you move the table. `litestar users import-users` takes these hashes as they are.
# Seen on 2026-11-29 with better-auth 1.7.25, Python 3.11 (OpenSSL 3), cryptography 50.0.2, libpass 1.9.4.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q cryptography==50.0.2 libpass==1.9.4
npm install --silent --no-audit --no-fund better-auth@1.7.25 > /dev/null

cat > hash.mjs << 'JS'
import { hashPassword, verifyPassword } from 'better-auth/crypto';

const password = 'correct horse battery staple';
const hash = await hashPassword(password);
if (!(await verifyPassword({ hash, password }))) process.exit(1);
console.log(hash);
JS
cat > try.py << 'PY'
import sys
from base64 import b64encode
from collections.abc import Callable
from hashlib import scrypt

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from passlib.hash import scrypt as passlib_scrypt

PASSWORD = "correct horse battery staple"
COST = {"n": 16384, "r": 16, "p": 1}
ENOUGH = {"maxmem": 64 * 1024 * 1024}
salt, key = sys.argv[1].split(":")
size = len(bytes.fromhex(key))


def base64(value: bytes) -> str:
    return b64encode(value).decode().rstrip("=")


def show(name: str, verify: Callable[[], bool]) -> None:
    try:
        print(f"{name}: {'matches' if verify() else 'does not match'}")
    except ValueError as error:
        print(f"{name}: ValueError, {error}")


def with_hashlib(salt: bytes, **limit: int) -> bool:
    return scrypt(PASSWORD.encode(), salt=salt, dklen=size, **COST, **limit).hex() == key


print("bytes in the salt and in the key:", len(bytes.fromhex(salt)), size)
show("hashlib, salt decoded", lambda: with_hashlib(bytes.fromhex(salt)))
show("hashlib, salt decoded, more memory", lambda: with_hashlib(bytes.fromhex(salt), **ENOUGH))
show("hashlib, salt as text, more memory", lambda: with_hashlib(salt.encode(), **ENOUGH))
show(
    "cryptography, salt as text",
    lambda: Scrypt(salt=salt.encode(), length=size, **COST).derive(PASSWORD.encode()).hex() == key,
)
modular = f"$scrypt$ln=14,r=16,p=1${base64(salt.encode())}${base64(bytes.fromhex(key))}"
show("libpass, salt as text", lambda: passlib_scrypt.verify(PASSWORD, modular))
shorter = f"$scrypt$ln=14,r=16,p=1${base64(salt.encode())}${base64(bytes.fromhex(key)[:32])}"
show("libpass, salt as text, first half of the key", lambda: passlib_scrypt.verify(PASSWORD, shorter))
PY

cat > expected << 'TXT'
bytes in the salt and in the key: 16 64
hashlib, salt decoded: ValueError, [digital envelope routines] memory limit exceeded
hashlib, salt decoded, more memory: does not match
hashlib, salt as text, more memory: matches
cryptography, salt as text: matches
libpass, salt as text: ValueError, malformed scrypt hash (checksum must be exactly 32 bytes)
libpass, salt as text, first half of the key: matches
TXT
venv/bin/python try.py "$(node hash.mjs)" > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
