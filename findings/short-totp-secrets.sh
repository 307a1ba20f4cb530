#!/bin/bash
# Guess: a TOTP secret that a user enrolled once keeps working. Checking a code is an HMAC, whatever the secret's length.
# What happens: pyotp refuses secrets under 112 bits as soon as the TOTP object is made, and otplib 13 refuses secrets under
# 128 bits, both by raising an error. otpauth computes the code. A secret of 16 base32 characters (80 bits), as
# many services gave out for years, works in neither of the first two, and one of 24 characters (120 bits) in pyotp only.
# Why it matters here: after an upgrade, or after users are moved from another service, the users with the oldest second factors
# get an error for the right code. pyotp has a switch: a subclass that sets min_secret_length_bits. Give out 160 bits (32
# characters), as RFC 4226 recommends, and keep accepting what was enrolled before.
# Seen on 2026-11-29 with pyotp 2.12.1, otplib 13.5.0, otpauth 9.5.2.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q pyotp==2.12.1
npm install --silent --no-audit --no-fund otplib@13.5.0 otpauth@9.5.2 > /dev/null

cat > try.py << 'PY'
import pyotp


class Lenient(pyotp.TOTP):
    min_secret_length_bits = 80


for length in (16, 24, 32):
    for totp in (pyotp.TOTP, Lenient):
        name = "pyotp, 80 bits allowed" if totp is Lenient else "pyotp"
        try:
            print(f"{length} characters, {name}: code of {len(totp('A' * length).at(0))} digits")
        except ValueError as error:
            print(f"{length} characters, {name}: {error}")
PY
cat > try.mjs << 'JS'
import * as otpauth from 'otpauth';
import * as otplib from 'otplib';

const libraries = {
    otplib: async (secret) => otplib.generate({ secret }),
    otpauth: async (secret) => new otpauth.TOTP({ secret }).generate(),
};
for (const length of [16, 24, 32]) {
    for (const [name, generate] of Object.entries(libraries)) {
        try {
            console.log(`${length} characters, ${name}: code of ${(await generate('A'.repeat(length))).length} digits`);
        } catch (error) {
            console.log(`${length} characters, ${name}: ${error.message}`);
        }
    }
}
JS

cat > expected << 'TXT'
16 characters, pyotp: Secrets must be at least 112 bits after decoding
16 characters, pyotp, 80 bits allowed: code of 6 digits
24 characters, pyotp: code of 6 digits
24 characters, pyotp, 80 bits allowed: code of 6 digits
32 characters, pyotp: code of 6 digits
32 characters, pyotp, 80 bits allowed: code of 6 digits
16 characters, otplib: Secret must be at least 16 bytes (128 bits), got 10 bytes
16 characters, otpauth: code of 6 digits
24 characters, otplib: Secret must be at least 16 bytes (128 bits), got 15 bytes
24 characters, otpauth: code of 6 digits
32 characters, otplib: code of 6 digits
32 characters, otpauth: code of 6 digits
TXT
{ venv/bin/python try.py; node try.mjs; } > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
