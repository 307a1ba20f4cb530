"""`DATABASE_URL` as hosting companies hand it out, and what asyncpg is given instead.

Their parameters are libpq's, or those of another language's driver. asyncpg reads some of them and would send the
others to the server as settings, and the server would refuse the connection.
"""

import re
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
# Of these, an `ssl.SSLContext` holds the values.
READ_INTO_CONTEXT = {
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version"),
}
# The server reads these.
SERVER_SETTINGS = {
    *("application_name", "options", "search_path", "timezone"),
    *("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"),
}
# Other drivers' names for the same.
RENAMED = {"ssl": "sslmode", "schema": "search_path", "fallback_application_name": "application_name"}
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
TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
# Parameters with a fixed set of values.
CHOICES = {
    "sslmode": ("allow", "disable", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("direct", "postgres"),
    "ssl_min_protocol_version": TLS_VERSIONS,
    "ssl_max_protocol_version": TLS_VERSIONS,
}


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
    if given.get("sslrootcert") == SYSTEM:
        # As libpq does.
        given.setdefault("sslmode", "verify-full")
    if "sslmode" in given:
        given["sslmode"] = RENAMED_SSL_MODES.get(given["sslmode"], given["sslmode"])
    _require_usable(given)
    arguments: dict[str, Any] = {"server_settings": {name: given[name] for name in given.keys() & SERVER_SETTINGS}}
    # At 0 and below, libpq waits without a limit. The service has a limit.
    if (timeout := int(given.get("connect_timeout") or 0)) > 0:
        arguments["timeout"] = timeout
    if given.get("sslmode", "").startswith("verify-") and given.get("sslrootcert", SYSTEM) == SYSTEM:
        arguments["ssl"] = _trusting_the_system(given)
        given = {name: value for name, value in given.items() if name not in READ_INTO_CONTEXT}
    query = urlencode({name: value for name, value in given.items() if name in READ_BY_ASYNCPG})
    dsn = split._replace(scheme="postgresql", query=query).geturl()
    return DatabaseUrl(dsn, arguments, is_pooled=given.get("pgbouncer") == "true")


def _split(url: str) -> SplitResult:
    scheme = url.partition("://")[0].partition("+")[0]
    if scheme not in SCHEMES or "://" not in url or any(character.isspace() for character in url):
        raise ValueError("must start with postgresql://, for example postgresql://user:password@host/name")
    try:
        split = urlsplit(url)
    except ValueError as error:
        # Its message may repeat a part of the password.
        raise ValueError(
            "cannot be read. In a password, write [ as %5B and ] as %5D, and percent-encode letters that are not ASCII"
        ) from error
    if "#" in url:
        raise ValueError("contains #, which ends a URL. In a password, write it as %23")
    if split.netloc.count("@") > 1 or "/" in split.path.lstrip("/"):
        raise ValueError("contains / or @ in the password or the name. Write them as %2F and %40")
    for host in split.netloc.rpartition("@")[2].split(","):
        port = host.rpartition("]")[2].rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""
        if port and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65_536):
            raise ValueError("has a port that is no number up to 65535. In a password, write / and : as %2F and %3A")
    return split


def _require_known(given: dict[str, str]) -> None:
    known = READ_BY_ASYNCPG | SERVER_SETTINGS | IGNORED | {"connect_timeout"}
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"has a parameter that does not work here: {', '.join(unknown)}. Remove it from the URL")


def _require_usable(given: dict[str, str]) -> None:
    for name, choices in CHOICES.items():
        if given.get(name, choices[0]) not in choices:
            raise ValueError(f"has a wrong {name}. Use one of: {', '.join(choices)}")
    if given.get("sslrootcert") == SYSTEM and not given["sslmode"].startswith("verify-"):
        raise ValueError("has sslrootcert=system, which verifies nothing with this sslmode. Write sslmode=verify-full")
    if not re.fullmatch("-?[0-9]{1,6}", given.get("connect_timeout", "0")):
        raise ValueError("has a connect_timeout that is not a number of seconds. Write one, or remove the parameter")
    if given.get("target_session_attrs", "any") not in WRITABLE:
        raise ValueError("may lead to a read-only server. Write target_session_attrs=read-write")
    for name in FILES:
        path = given.get(name)
        if path and not (name == "sslrootcert" and path == SYSTEM) and not _is_readable(path):
            raise ValueError(f"names a file in {name} that does not exist or cannot be read")


def _is_readable(path: str) -> bool:
    try:
        Path(path).open("rb").close()
    except OSError:
        return False
    return True


def _trusting_the_system(given: dict[str, str]) -> ssl.SSLContext:
    # asyncpg reads a file in the home folder instead, and has no name for the certificates of the system.
    context = ssl.create_default_context()
    context.check_hostname = given["sslmode"] == "verify-full"
    if version := given.get("ssl_min_protocol_version"):
        context.minimum_version = ssl.TLSVersion[version.replace(".", "_")]
    if version := given.get("ssl_max_protocol_version"):
        context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    try:
        if certificate := given.get("sslcert"):
            context.load_cert_chain(certificate, given.get("sslkey") or None, given.get("sslpassword", ""))
        if revoked := given.get("sslcrl"):
            context.load_verify_locations(revoked)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    except OSError as error:
        raise ValueError(
            "names files in sslcert, sslkey or sslcrl that cannot be used. They must be PEM, with the right sslpassword"
        ) from error
    return context
