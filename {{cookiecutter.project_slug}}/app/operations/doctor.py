"""`litestar doctor`: what keeps an installation from working, which setting is the cause, and what to do about it.

A missing or wrong setting keeps the service from starting. The doctor checks what the settings lead to.
"""

import json
import sys
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Iterable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from urllib.parse import urlsplit

import anyio
import click
from advanced_alchemy.base import orm_registry
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts.commands import app_of
from app.accounts.mail.doctor_checks import mail
from app.accounts.mail.dropped_mails import ABOUT_RECIPIENT
from app.accounts.passwords.hasher import stored_costs
from app.accounts.passwords.hashes import Hashes
from app.accounts.secret_keys import has_run_with_previous
from app.database.engine import DATABASE_TIME
from app.database.transactions import command_transaction
from app.http.outages import reason_of_outage
from app.operations.health import APPLIED
from app.operations.health import migrations
from app.settings import Environment
from app.settings import Settings
from app.settings.findings import Finding
from app.settings.findings import Level
from app.settings.urls import is_this_machine

# Mails are sent within seconds. After this long, no process sends any or the mail server refuses them.
MAILS_LEAVE_WITHIN = timedelta(minutes=10)
# Clocks that are set by NTP differ by less.
CLOCKS_DIFFER_BY = timedelta(seconds=5)
# By whether a process has run with SECRET_KEY_PREVIOUS: which step of docs/secrets.md that is.
KEY_STEPS = {
    False: ("Step 1: this is the new key.", "Once every instance has it, swap it with SECRET_KEY."),
    True: ("Step 2: this is the former key, and what it made still counts.", "Unset it after 30 days."),
}


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Check this installation; the exit status is 1 if there is an error."""
    findings = anyio.run(examine, app_of(context))
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    for finding in [] if as_json else findings:
        click.echo(f"{finding.level:<8} {finding.about}: {finding.says}{' ' + finding.fix if finding.fix else ''}")
    sys.exit(any(finding.level is Level.ERROR for finding in findings))


async def examine(app: Litestar) -> list[Finding]:
    """Run every check."""
    settings: Settings = app.state.settings
    findings = [finding for check in CHECKS for finding in check(settings)]
    findings += [finding for check in NETWORK_CHECKS async for finding in check(settings)]
    findings += [finding async for finding in mail(app.state.mailer, settings)]
    try:
        async with command_transaction(app) as session:
            findings += [finding async for finding in database(session)]
    except (SQLAlchemyError, OSError) as error:
        says = f"The database does not answer: {reason_of_outage(error) or type(error).__name__}."
        findings += [Finding(Level.ERROR, "DATABASE_URL", says, "Is it running, and are name and password right?")]
    return findings


def addresses(settings: Settings) -> Iterable[Finding]:
    """The address at which users reach the service."""
    if settings.serves_https or is_this_machine(urlsplit(settings.base_url).hostname):
        yield Finding(Level.OK, "BASE_URL", f"Links in mails lead to {settings.base_url}.")
    else:
        says = f"Passwords are sent unencrypted to {settings.base_url}."
        yield Finding(Level.ERROR, "BASE_URL", says, "Terminate TLS in a proxy, and write https://...")


def proxies(settings: Settings) -> Iterable[Finding]:
    """Which proxies are trusted to name the client."""
    if any(not isinstance(each, str) and each.prefixlen == 0 for each in settings.trusted_proxies):
        says = "Every address is trusted, so clients can choose the network that their attempts count for."
        yield Finding(Level.ERROR, "TRUSTED_PROXIES", says, "Name only the network of your proxy.")
    elif settings.environment is Environment.PRODUCTION and not settings.trusted_proxies:
        says = "No proxy is trusted. If there is one, all clients count as one network and share its limit."
        yield Finding(Level.WARNING, "TRUSTED_PROXIES", says, "Name its network.")


async def database(session: AsyncSession) -> AsyncIterator[Finding]:
    """Its clock, its connections, the rights of its user, and its tables."""
    settings: Settings = session.info["settings"]
    now: datetime = (await session.execute(text(DATABASE_TIME))).scalar_one()
    yield Finding(Level.OK, "DATABASE_URL", "The database answers.")
    here = datetime.fromtimestamp(clock.machine_time(), UTC)
    if abs(now - here) > CLOCKS_DIFFER_BY:
        says = f"It is {here:%H:%M:%S} UTC on this machine and {now:%H:%M:%S} in the database, whose clock counts."
        fix = "Set both clocks by NTP: log lines and certificates depend on the clock of the machine."
        yield Finding(Level.WARNING, "clock", says, fix)
    connections = int((await session.execute(text("SHOW max_connections"))).scalar_one())
    if settings.database_pool_size >= connections:
        says = f"A process may open {settings.database_pool_size} connections, PostgreSQL {connections} in total."
        yield Finding(Level.ERROR, "DATABASE_POOL_SIZE", says, "docs/scaling.md says how to choose it.")
    is_superuser = (await session.execute(text("SHOW is_superuser"))).scalar_one() == "on"
    if is_superuser and settings.environment is Environment.PRODUCTION:
        says = "The service connects as a superuser, so a mistake in it can damage every database of the server."
        yield Finding(Level.WARNING, "DATABASE_URL", says, "Create a user that owns only this database.")
    try:
        async with session.begin_nested():
            async for finding in tables(session):
                yield finding
    except ProgrammingError:
        yield Finding(Level.ERROR, "migrations", "The tables are missing.", "Run: alembic upgrade head")


async def tables(session: AsyncSession) -> AsyncIterator[Finding]:
    """Whether the tables and indexes exist, and what waits in them."""
    heads, known = migrations()
    applied = set(await session.scalars(text(APPLIED)))
    if applied - known:
        yield Finding(Level.WARNING, "migrations", "The tables are newer than this code.", "Deploy the newer code.")
    elif applied != heads:
        yield Finding(Level.ERROR, "migrations", "The tables are older than this code.", "Run: alembic upgrade head")
    expected = {str(index.name) for table in orm_registry.metadata.sorted_tables for index in table.indexes}
    valid = "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indisvalid"
    for name in sorted(expected - set(await session.scalars(text(valid)))):
        says = f"The index {name} is missing or was never finished."
        yield Finding(Level.ERROR, "indexes", says, "migrations/versions has the statement that creates it.")
    # A recipient that does not exist is no fault of the installation.
    lost = "count(*) FILTER (WHERE next_attempt_at IS NULL AND NOT starts_with(last_error, :about))"
    waiting = text(f"SELECT min(next_attempt_at), {lost} FROM outgoing_mail")  # noqa: S608  # both parts are above
    oldest, given_up = (await session.execute(waiting, {"about": ABOUT_RECIPIENT})).one()
    if oldest and clock.now() - oldest > MAILS_LEAVE_WITHIN:
        says = f"A mail should have been sent at {oldest:%Y-%m-%d %H:%M} UTC."
        yield Finding(Level.ERROR, "outbox", says, "Is a process of the service running, and can it reach MAIL_URL?")
    if given_up:
        says = f"In the last month, {given_up} mails were given up: no mail server accepted them for three days."
        yield Finding(Level.WARNING, "outbox", says, "The column last_error of the table outgoing_mail has the reason.")
    for check in (hashes, *DATABASE_CHECKS):
        async for finding in check(session):
            yield finding
    if session.info["settings"].secret_key_previous is not None:
        yield Finding(Level.WARNING, "SECRET_KEY_PREVIOUS", *KEY_STEPS[await has_run_with_previous(session)])


async def hashes(session: AsyncSession) -> AsyncIterator[Finding]:
    """Whether old hashes make checking a password cost more than `HASH_*` says."""
    checked = Hashes(session.info["settings"])
    for cost, users in (await stored_costs(session)).items():
        if cost != checked.cost:
            says = f"Users with a hash of the cost {cost}: {users}. Each check of a password computes one of those too."
            fix = "They are renewed at sign-in. docs/deploy.md says how to end it at once."
            yield Finding(Level.WARNING, "HASH_*", says, fix)


# Checks of the settings alone. To add one, write a function like `addresses` and name it here.
CHECKS: list[Callable[[Settings], Iterable[Finding]]] = [addresses, proxies]
# Those that read tables.
DATABASE_CHECKS: list[Callable[[AsyncSession], AsyncIterator[Finding]]] = []
# Those that ask other services.
NETWORK_CHECKS: list[Callable[[Settings], AsyncIterator[Finding]]] = []
