"""Accounts: registration, verification, recovery."""
