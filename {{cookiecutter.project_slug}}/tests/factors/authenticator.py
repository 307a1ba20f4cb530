"""A software authenticator: it makes and uses passkeys as a browser and a device do, for tests without either."""

import json
from base64 import urlsafe_b64decode
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from dataclasses import field
from hashlib import sha256
from secrets import token_bytes
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tests.cast import BASE_URL

# The flags of authenticator data (WebAuthn Level 3, 6.1).
PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, HAS_KEY = 0x01, 0x04, 0x08, 0x10, 0x40
Json = dict[str, Any]


def text(raw: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(value: str) -> bytes:
    """The bytes of it."""
    return urlsafe_b64decode(value + "==")


@dataclass
class Authenticator:
    """A device with passkeys, and the browser that it is used with; a test changes how they answer."""

    origin: str = BASE_URL
    flags: int = PRESENT | VERIFIED
    # Most passkeys do not count.
    counter: int = 0
    more_client_data: Json = field(default_factory=dict)
    more_response: Json = field(default_factory=dict)
    rp_id: str | None = None
    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    user_handle: str = ""

    def create(self, options: Json) -> Json:
        """Make a passkey: `navigator.credentials.create`, then `toJSON`."""
        self.user_handle = options["user"]["id"]
        identifier, key = token_bytes(32), ec.generate_private_key(ec.SECP256R1())
        self.keys[text(identifier)] = key
        numbers = key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(identifier).to_bytes(2, "big") + identifier + cbor2.dumps(cose)
        data = self._data(options["rp"]["id"], HAS_KEY) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options)
        response = {"clientDataJSON": text(client_data), "attestationObject": text(attestation)}
        return self._credential(text(identifier), response | {"transports": ["internal", "hybrid"]})

    def get(self, options: Json) -> Json:
        """Use a passkey: `navigator.credentials.get`, then `toJSON`."""
        allowed = [each["id"] for each in options.get("allowCredentials", [])] or [*self.keys]
        identifier = next(each for each in allowed if each in self.keys)
        self.counter += bool(self.counter)
        data, client_data = self._data(options["rpId"]), self._client_data("webauthn.get", options)
        signed = self.keys[identifier].sign(data + sha256(client_data).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": text(client_data),
            "authenticatorData": text(data),
            "signature": text(signed),
            "userHandle": self.user_handle,
        }
        return self._credential(identifier, {**response, **self.more_response})

    def _data(self, rp_id: str, more_flags: int = 0) -> bytes:
        rp_id_hash = sha256((self.rp_id or rp_id).encode()).digest()
        return rp_id_hash + bytes([self.flags | more_flags]) + self.counter.to_bytes(4, "big")

    def _client_data(self, kind: str, options: Json) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | self.more_client_data).encode()

    def _credential(self, identifier: str, response: Json) -> Json:
        # Browsers add members; unknown ones are taken.
        return {
            "id": identifier,
            "rawId": identifier,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": response,
        }
