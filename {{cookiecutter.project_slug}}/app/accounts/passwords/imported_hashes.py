"""Password hashes of other systems, so that you can import their users with their passwords.

docs/importing-users.md lists what is understood. Each hash is replaced by one of ours at the next sign-in of its user.
"""

import re
from base64 import b64decode
from base64 import b64encode
from collections.abc import Callable

SCHEMES = ("bcrypt", "django_bcrypt_sha256", "pbkdf2_sha256", "pbkdf2_sha512", "scrypt")
# More would take a processor for seconds at each sign-in. Such a hash counts as damaged.
MAX_BCRYPT_ROUNDS, MAX_PBKDF2_ROUNDS, MAX_SCRYPT_KIB = 14, 5_000_000, 1_048_576
# bcrypt reads no more of a password. Its library refuses longer ones and NUL, which older libraries cut off.
BCRYPT_BYTES = 72
# passlib refuses longer ones. A password of 512 characters may have 6,144 bytes once it is normalised.
MAX_BYTES = 4096
# In the form that passlib reads, and how many characters follow the cost: the salt and the digest.
BCRYPT = re.compile(r"(?:bcrypt_sha256\$)?(?P<cost>\$2b\$(?P<rounds>\d\d))\$[./A-Za-z0-9]{53}", re.ASCII)
PBKDF2 = re.compile(
    r"(?P<cost>\$pbkdf2-sha(?:256|512)\$(?P<rounds>\d{1,9}))\$[./A-Za-z0-9]+\$(?:[./A-Za-z0-9]{43}|[./A-Za-z0-9]{86})",
    re.ASCII,
)
SCRYPT = re.compile(
    r"(?P<cost>\$scrypt\$ln=(?P<log>\d\d?),r=(?P<block>\d{1,3}),p=(?P<lanes>\d{1,3}))\$[+/A-Za-z0-9]+\$[+/A-Za-z0-9]{43}",
    re.ASCII,
)


def in_known_form(stored: str) -> str:
    """The hash as passlib spells it; any other text as it is."""
    for form, spell in FORMS:
        if found := re.fullmatch(form, stored, re.ASCII):
            return spell(found)
    return stored


def cost_of(known: str) -> str | None:
    """The part of a hash that says what a check costs; None for a text that is no hash or costs too much."""
    if found := BCRYPT.fullmatch(known):
        return found["cost"] if 4 <= int(found["rounds"]) <= MAX_BCRYPT_ROUNDS else None
    if found := PBKDF2.fullmatch(known):
        return found["cost"] if 1 <= int(found["rounds"]) <= MAX_PBKDF2_ROUNDS else None
    if found := SCRYPT.fullmatch(known):
        log, block, lanes = int(found["log"]), int(found["block"]), int(found["lanes"])
        # Lanes are computed one after the other, so they cost time and no memory.
        return found["cost"] if log and 1 <= (block << log) * lanes <= MAX_SCRYPT_KIB * 8 else None
    return None


def decoy(cost: str) -> str:
    """A hash of this cost that no known password fits: its digest is zero."""
    if cost.startswith("$2b$"):
        return f"{cost}${'.' * 53}"
    return f"{cost}${'A' * 22}${'A' * (86 if 'sha512' in cost else 43)}"


def bytes_for(password: str, known: str) -> bytes:
    """What is hashed of a password to compare it with this hash."""
    secret = password.encode()[:MAX_BYTES]
    if not known.startswith("$2b$"):
        return secret
    return b"" if b"\0" in secret else secret[:BCRYPT_BYTES]


def _bcrypt(found: re.Match[str]) -> str:
    # The prefixes of PHP, Ruby and older libraries mean the same algorithm.
    return f"{found['sha256'] or ''}$2b${found['rest']}"


def _argon2(found: re.Match[str]) -> str:
    return found["rest"]


def _pbkdf2(found: re.Match[str]) -> str:
    ending = "$".join(_base64(part).replace("+", ".") for part in (found["salt"].encode(), _digest(found["digest"])))
    return f"$pbkdf2-{found['name']}${int(found['rounds'])}${ending}"


def _scrypt(found: re.Match[str]) -> str:
    log = int(found["cost"]).bit_length() - 1
    return f"$scrypt$ln={log},r={int(found['block'])},p={int(found['lanes'])}${_scrypt_ending(found)}"


def _scrypt_of_better_auth(found: re.Match[str]) -> str:
    # The salt is the text of these digits, and not the bytes that they mean.
    return f"$scrypt$ln=14,r=16,p=1${_scrypt_ending(found)}"


def _scrypt_ending(found: re.Match[str]) -> str:
    # passlib compares 32 bytes. A longer digest begins with them: scrypt makes it in blocks of that size (RFC 7914).
    return "$".join(_base64(part) for part in (found["salt"].encode(), _digest(found["digest"])[:32]))


def _digest(text: str) -> bytes:
    return b64decode(text) if text.endswith("=") else bytes.fromhex(text)


def _base64(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


ROUNDS, SALT = r"(?P<rounds>\d{1,9})", r"(?P<salt>[^$\0-\x1F]{1,64})"
BYTES_32, BYTES_64 = r"(?P<digest>[+/A-Za-z0-9]{43}=)", r"(?P<digest>[+/A-Za-z0-9]{86}==)"
HEX_32, HEX_64 = r"(?P<digest>[0-9a-f]{64})", r"(?P<digest>[0-9a-f]{128})"
COST, BLOCK, LANES = r"(?P<cost>\d{1,9})", r"(?P<block>\d{1,3})", r"(?P<lanes>\d{1,3})"
FORMS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    # bcrypt itself, and Django's two ways to use it.
    (r"(?:bcrypt\$|(?P<sha256>bcrypt_sha256\$))?\$2[aby]\$(?P<rest>.+)", _bcrypt),
    # Django
    (r"argon2(?P<rest>\$argon2id\$.+)", _argon2),
    (rf"pbkdf2_(?P<name>sha256)\${ROUNDS}\${SALT}\${BYTES_32}", _pbkdf2),
    (rf"scrypt\${COST}\${SALT}\${BLOCK}\${LANES}\${BYTES_64}", _scrypt),
    # Werkzeug, which Flask comes with
    (rf"pbkdf2:(?P<name>sha256):{ROUNDS}\${SALT}\${HEX_32}", _pbkdf2),
    (rf"pbkdf2:(?P<name>sha512):{ROUNDS}\${SALT}\${HEX_64}", _pbkdf2),
    (rf"scrypt:{COST}:{BLOCK}:{LANES}\${SALT}\${HEX_64}", _scrypt),
    # better-auth
    (r"(?P<salt>[0-9a-f]{32}):" + HEX_64, _scrypt_of_better_auth),
)
