"""Mails: what they say, the outbox, and their delivery."""
