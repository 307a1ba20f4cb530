"""The defences of bearer tokens, each removed and each with the test that notices."""

from proofs.mutants import tokens

MUTANTS = tokens.mutants("auth/test_jwt.py")
