"""The private key that Apple gives a team once, to make client secrets with."""

import re
from typing import Annotated
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator
from pydantic import SecretStr

PEM = "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n"
WRITE = "must be the content of the file AuthKey_....p8 that Apple gave you, on one line or on several"


class AppleKey(NamedTuple):
    """What client secrets are made with: a team, the id of its key, and the key."""

    team_id: str
    key_id: str
    private_key: str


def _private_key(value: SecretStr) -> SecretStr:
    # Many places for environment variables keep one line each, so line breaks may be missing or written as \n.
    text = re.sub(r"\\n|\s|-----(BEGIN|END) PRIVATE KEY-----", "", value.get_secret_value())
    try:
        key = load_pem_private_key(PEM.format(text).encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The reason could quote the key.
        raise ValueError(WRITE) from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError(WRITE)  # noqa: TRY004  # pydantic reports a ValueError
    return SecretStr(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


ApplePrivateKey = Annotated[SecretStr, AfterValidator(_private_key)]
