"""`DATABASE_URL` as hosting companies hand it out, and what asyncpg is given instead.

Their parameters are libpq's, or those of another language's driver. asyncpg reads some of them and would send the
others to the server as settings, and the server would refuse the connection.
"""

import ssl
from pathlib import Path
from typing import Any
from typing import NamedTuple
from urllib.parse import SplitResult
from urllib.parse import parse_qsl
from urllib.parse import urlencode
from urllib.parse import urlsplit

SCHEMES = {"postgres", "postgresql"}
# asyncpg reads these from the URL.
READ_BY_ASYNCPG = {
    *("host", "port", "user", "password", "dbname", "passfile", "krbsrvname", "gsslib", "target_session_attrs"),
    *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version"),
}
# The server reads these.
SERVER_SETTINGS = {
    *("application_name", "options", "search_path", "timezone"),
    *("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"),
}
# Other drivers' names for the same.
RENAMED = {"ssl": "sslmode", "schema": "search_path", "fallback_application_name": "application_name"}
SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
RENAMED_SSL_MODES = {"true": "require", "false": "disable", "no-verify": "require"}
# asyncpg does these without a parameter, or the service has its own setting for them.
IGNORED = {
    *(
        "channel_binding",
        "gssencmode",
        "sslcompression",
        "sslsni",
        "sslcertmode",
        "client_encoding",
        "load_balance_hosts",
    ),
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "uselibpqcompat"),
    *("pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "sslaccept", "max_idle_connection_lifetime"),
    *("statement_cache_size", "prepared_statement_cache_size"),
}
WRITABLE = {"any", "primary", "read-write"}
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
SYSTEM = "system"


class DatabaseUrl(NamedTuple):
    """The arguments of asyncpg, and whether the URL names a pooler."""

    dsn: str
    arguments: dict[str, Any]
    is_pooled: bool


def parse(url: str) -> DatabaseUrl:
    """Translate a URL.

    Raises:
        ValueError: if asyncpg cannot do that; the message names the parameter and repeats no value.
    """
    split = _split(url)
    given = {RENAMED.get(name, name): value for name, value in parse_qsl(split.query, keep_blank_values=True)}
    _require_known(given)
    if "sslmode" in given:
        given["sslmode"] = RENAMED_SSL_MODES.get(given["sslmode"], given["sslmode"])
    _require_usable(given)
    arguments: dict[str, Any] = {"server_settings": {name: given[name] for name in given.keys() & SERVER_SETTINGS}}
    # At 0 and below, libpq waits without a limit. The service has a limit.
    if (timeout := int(given.get("connect_timeout") or 0)) > 0:
        arguments["timeout"] = timeout
    if given.get("sslmode", "").startswith("verify-") and given.get("sslrootcert", SYSTEM) == SYSTEM:
        arguments["ssl"] = _trusting_the_system(given)
        given = {name: value for name, value in given.items() if not name.startswith("ssl")}
    query = urlencode({name: value for name, value in given.items() if name in READ_BY_ASYNCPG})
    dsn = split._replace(scheme="postgresql", query=query).geturl()
    return DatabaseUrl(dsn, arguments, is_pooled=given.get("pgbouncer") == "true")


def _split(url: str) -> SplitResult:
    scheme = url.partition("://")[0].partition("+")[0]
    if scheme not in SCHEMES or "://" not in url or any(character.isspace() for character in url):
        raise ValueError("must start with postgresql://, for example postgresql://user:password@host/name")
    split = urlsplit(url)
    if "#" in url:
        raise ValueError("contains #, which ends a URL. In a password, write it as %23")
    if split.netloc.count("@") > 1 or "/" in split.path.lstrip("/"):
        raise ValueError("contains / or @ in the password or the name. Write them as %2F and %40")
    for host in split.netloc.rpartition("@")[2].split(","):
        port = host.rpartition("]")[2].rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""
        if port and not (port.isdecimal() and 0 < int(port) < 65_536):
            raise ValueError("has a port that is no number up to 65535. In a password, write / and : as %2F and %3A")
    return split


def _require_known(given: dict[str, str]) -> None:
    known = READ_BY_ASYNCPG | SERVER_SETTINGS | IGNORED | {"connect_timeout"}
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"has a parameter that does not work here: {', '.join(unknown)}. Remove it from the URL")


def _require_usable(given: dict[str, str]) -> None:
    if given.get("sslmode", "prefer") not in SSL_MODES:
        raise ValueError(f"has a wrong sslmode. Use one of: {', '.join(sorted(SSL_MODES))}")
    if not given.get("connect_timeout", "0").lstrip("-").isdecimal():
        raise ValueError("has a connect_timeout that is not a number of seconds")
    if given.get("target_session_attrs", "any") not in WRITABLE:
        raise ValueError("may lead to a read-only server. Write target_session_attrs=read-write")
    for name in FILES:
        path = given.get(name)
        if path and not (name == "sslrootcert" and path == SYSTEM) and not Path(path).is_file():
            raise ValueError(f"names a file in {name} that does not exist or cannot be read")


def _trusting_the_system(given: dict[str, str]) -> ssl.SSLContext:
    # asyncpg reads a file in the home folder instead, and has no name for the certificates of the system.
    context = ssl.create_default_context()
    context.check_hostname = given["sslmode"] == "verify-full"
    if "sslcert" in given:
        context.load_cert_chain(given["sslcert"], given.get("sslkey"), given.get("sslpassword", ""))
    return context
