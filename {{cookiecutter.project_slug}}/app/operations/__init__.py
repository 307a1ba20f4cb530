"""Serving, health, the doctor, background tasks, logs, metrics, traces."""
