"""Faults under load: whatever was acknowledged is stored afterwards, and nothing that was refused is."""
