"""Tokens with which programs act for a user: named, expiring, limited."""
