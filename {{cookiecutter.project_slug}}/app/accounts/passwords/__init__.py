"""Passwords: the rules for new ones, and their hashes."""
