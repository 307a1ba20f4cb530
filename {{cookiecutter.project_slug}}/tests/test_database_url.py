"""`DATABASE_URL`: every form that a test calls understood also connects; every other one is refused at start."""

import ssl
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy import text

from app.database.engine import engine_for
from app.http.outages import CannotConnect
from app.settings import Settings
from app.settings import SettingsError
from app.settings import read_settings
from app.settings.types import Pooler
from tests.test_settings import PRODUCTION
from tests.tls import Authority
from tests.tls import proxy

# As hosting companies and other tools write them, without TLS.
FORMS = {
    "": {},
    "?sslmode=disable": {},
    "?sslmode=prefer&channel_binding=prefer&gssencmode=disable": {},
    "?sslmode=allow&connect_timeout=10&application_name=billing": {"application_name": "billing"},
    "?keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3&tcp_user_timeout=1000": {},
    "?target_session_attrs=read-write&load_balance_hosts=random": {},
    "?options=-c%20statement_timeout%3D7s": {},
    "?options=-csearch_path%3Dpg_catalog": {"search_path": "pg_catalog"},
    "?schema=public&connection_limit=5&pool_timeout=10&sslaccept=strict": {"search_path": "public"},
    "?ssl=false&fallback_application_name=psql&client_encoding=utf8": {"application_name": "psql"},
    "?statement_timeout=3s": {"statement_timeout": "3s"},
}
TLS = ["sslmode=require", "sslmode=require&channel_binding=require", "ssl=true", "sslmode=no-verify", "sslmode=prefer"]
REFUSED = {
    "postgresql://user@host/name?sslmode=maybe": "has a wrong sslmode. Use one of: allow, disable, prefer, ",
    "postgresql://user@host/name?color=red&shape=round": "has a parameter that does not work here: color, shape. ",
    "postgresql://user@host/name?require_auth=md5": "has a parameter that does not work here: require_auth. ",
    "postgresql://user@host/name?connect_timeout=soon": "has a connect_timeout that is not a number of seconds. ",
    "postgresql://user@host/name?connect_timeout=": "has a connect_timeout that is not a number of seconds. ",
    "postgresql://user@host/name?connect_timeout=--5": "has a connect_timeout that is not a number of seconds. ",
    f"postgresql://user@host/name?connect_timeout={'9' * 5_000}": "has a connect_timeout that is not a number of ",
    "postgresql://user@host/name?sslmode=verify-full&sslrootcert=/missing.pem": "names a file in sslrootcert that ",
    "postgresql://user@host/name?sslmode=require&sslrootcert=system": "has sslrootcert=system, which verifies nothing ",
    "postgresql://user@host/name?sslmode=verify-full&sslcert=pyproject.toml": "names files in sslcert, sslkey or ",
    "postgresql://user@host/name?sslmode=verify-full&sslcrl=pyproject.toml": "names files in sslcert, sslkey or ",
    "postgresql://user@host/name?ssl_min_protocol_version=1.2": "has a wrong ssl_min_protocol_version. Use one of: ",
    "postgresql://user@host/name?ssl_max_protocol_version=SSLv3": "has a wrong ssl_max_protocol_version. Use one of: ",
    "postgresql://user@host/name?sslnegotiation=maybe": "has a wrong sslnegotiation. Use one of: direct, postgres",
    "postgresql://user@host/name?target_session_attrs=standby": "may lead to a read-only server. ",
    "postgresql://user:hidden#word@host/name": "contains #, which ends a URL. In a password, write it as %23",
    "postgresql://user:hidden@word@host/name": "contains / or @ in the password or the name. ",
    "postgresql://user:hidden/word@host/name": "contains / or @ in the password or the name. ",
    "postgresql://user:hidden/word": "has a port that is no number up to 65535. ",
    "postgresql://user:hidden[word@host/name": "cannot be read. ",
    "postgresql://user:word][hidden]@host/name": "cannot be read. ",
    "postgresql://user:hidden\u2100word@host/name": "cannot be read. ",
    f"postgresql://user:hidden@host:{'9' * 5_000}/name": "has a port that is no number up to 65535. ",
    "postgresql://user:hidden word@host/name": "must start with postgresql://, for example ",
    "postgresql://user@host:99999/name": "has a port that is no number up to 65535. ",
    "prisma://accelerate.example/?api_key=hidden-word": "must start with postgresql://, for example ",
}


def socket_of(settings: Settings) -> str:
    """Where the embedded server listens."""
    assert settings.database_url is not None
    query = make_url(settings.database_url.get_secret_value()).query
    return f"{query['host']}/.s.PGSQL.5432"


async def answered(settings: Settings, url: str, *names: str) -> dict[str, Any]:
    """What PostgreSQL says of these settings over a connection to the URL."""
    engine = engine_for(settings.model_copy(update={"database_url": SecretStr(url)}))
    try:
        async with engine.connect() as connection:
            return {name: (await connection.execute(text(f"SHOW {name}"))).scalar_one() for name in names}
    finally:
        await engine.dispose()


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg"])
async def test_a_form_that_is_handed_out_connects(settings: Settings, scheme: str, form: str) -> None:
    async with proxy(socket_of(settings), None) as port:
        url = f"{scheme}://postgres:p%40ss@127.0.0.1:{port}/postgres{form}"
        read_settings(PRODUCTION | {"DATABASE_URL": url})
        assert await answered(settings, url, *FORMS[form]) == FORMS[form]


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("form", TLS)
async def test_a_connection_is_encrypted_where_the_url_says_so(settings: Settings, tmp_path: Path, form: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*Authority(tmp_path).issue("server"))
    async with proxy(socket_of(settings), context) as port:
        await answered(settings, f"postgresql://postgres@127.0.0.1:{port}/postgres?{form}")


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_a_private_authority_and_a_client_certificate_are_used(
    settings: Settings, tmp_path: Path, mode: str
) -> None:
    authority = Authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    context.load_cert_chain(*authority.issue("server"))
    context.verify_mode = ssl.CERT_REQUIRED
    certificate, key = authority.issue("client")
    async with proxy(socket_of(settings), context) as port:
        address = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode={mode}"
        trusting = f"{address}&sslrootcert={authority.certificate}"
        await answered(settings, f"{trusting}&sslcert={certificate}&sslkey={key}")
        with pytest.raises(CannotConnect, match="CERTIFICATE_VERIFY_FAILED"):
            await answered(settings, f"{address}&sslrootcert=system")
        with pytest.raises(CannotConnect, match="CERTIFICATE_VERIFY_FAILED"):
            await answered(settings, address)


@pytest.mark.checklist("I12")
@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ("ssl_min_protocol_version=TLSv1.2", None),
        ("ssl_min_protocol_version=TLSv1.3", "PROTOCOL_VERSION|ConnectionReset"),
        ("ssl_max_protocol_version=TLSv1.2&sslnegotiation=postgres", None),
        ("sslcrl={revoked}", "certificate revoked"),
    ],
)
async def test_parameters_of_tls_count_for_every_authority(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: str, reason: str | None
) -> None:
    ours, context = Authority(tmp_path), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*ours.issue("server"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    # As if it were one of the system.
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.certificate))
    given = parameters.format(revoked=ours.revoke("server"))
    async with proxy(socket_of(settings), context) as port:
        for authority in ("system", ours.certificate):
            verified = f"sslrootcert={authority}&sslmode=verify-full&{given}"
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres?{verified}"
            with pytest.raises(CannotConnect, match=reason) if reason else nullcontext():
                await answered(settings, url)


@pytest.mark.checklist("I12")
async def test_the_authorities_of_the_system_are_verified_unless_the_url_says_otherwise(
    settings: Settings, tmp_path: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*Authority(tmp_path).issue("server"))
    async with proxy(socket_of(settings), context) as port:
        with pytest.raises(CannotConnect, match="CERTIFICATE_VERIFY_FAILED"):
            await answered(settings, f"postgresql://postgres@127.0.0.1:{port}/postgres?sslrootcert=system")


@pytest.mark.checklist("I12")
async def test_the_next_host_is_tried_and_a_socket_may_be_named(settings: Settings) -> None:
    async with proxy(socket_of(settings), None) as port:
        hosts = f"127.0.0.1:1,127.0.0.1:{port}"
        await answered(settings, f"postgresql://postgres@{hosts}/postgres?target_session_attrs=primary")
    folder = socket_of(settings).rpartition("/")[0]
    await answered(settings, f"postgresql://postgres@/postgres?host={folder}")


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("url", REFUSED)
def test_what_cannot_work_is_refused_at_start_without_a_secret(url: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(PRODUCTION | {"DATABASE_URL": url})
    [line] = refusal.value.message.splitlines()
    assert line.startswith(f"DATABASE_URL {REFUSED[url]}")
    assert "hidden" not in line


def test_a_url_that_names_a_pooler_sets_it() -> None:
    pooled = {"DATABASE_URL": "postgresql://user@host/name?pgbouncer=true&connection_limit=1"}
    assert read_settings(PRODUCTION | pooled).database_pooler is Pooler.TRANSACTION
    assert read_settings(PRODUCTION | pooled | {"DATABASE_POOLER": "none"}).database_pooler is Pooler.NONE
