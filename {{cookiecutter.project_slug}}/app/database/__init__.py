"""The engine, sessions and transactions, and the embedded PostgreSQL."""
