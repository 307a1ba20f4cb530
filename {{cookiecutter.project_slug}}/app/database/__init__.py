"""The engine, sessions and transactions, the embedded PostgreSQL, expired rows."""
