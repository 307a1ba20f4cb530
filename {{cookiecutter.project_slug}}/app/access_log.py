"""Keeps query strings out of the access log: a link in a mail carries its token there (ASVS 14.2.1)."""

import logging


class WithoutQuery(logging.Filter):
    """Cuts each logged path at its question mark."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change uvicorn's record; its third argument is the path."""
        if isinstance(record.args, tuple) and len(record.args) > 2:
            client, method, path, *rest = record.args
            record.args = (client, method, str(path).partition("?")[0], *rest)
        return True


WITHOUT_QUERY = WithoutQuery()
