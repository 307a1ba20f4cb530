"""Second factors: passkeys, authenticator apps and recovery codes, and the sign-in that asks for them."""
