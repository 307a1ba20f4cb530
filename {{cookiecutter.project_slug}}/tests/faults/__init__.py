"""Faults under load: nothing that was acknowledged is missing afterwards, and nothing that was refused is there.

`make faults` runs it, on a PostgreSQL and processes of its own; `python -m tests.faults --seconds 2` is the short form.
"""
