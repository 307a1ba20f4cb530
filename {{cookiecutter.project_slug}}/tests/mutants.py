"""`make mutants`: removes each defence in turn, and sees the test that guards it fail.

Nothing on disk is changed: the weakened source is put in place of the real one while a module is imported. Run as
`python -m tests.mutants`.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.machinery import PathFinder
from importlib.machinery import SourceFileLoader
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from types import CodeType
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).resolve().parent.parent


class Mutant(NamedTuple):
    """A service that lacks one defence."""

    defence: str
    file: str
    old: str
    new: str
    test: str


ACCOUNTS = "app/accounts/"
MUTANTS = [
    Mutant(
        "A known address gets the answer of a new one",
        ACCOUNTS + "service.py",
        "insertion.on_conflict_do_nothing().returning(User.id)",
        "insertion.returning(User.id)",
        "accounts/test_registration.py::test_a_known_address_gets_the_same_answer_and_its_owner_a_mail",
    ),
    Mutant(
        "A planted link dies when the owner registers",
        ACCOUNTS + "delivery.py",
        "    await tokens.revoke(session, user, Purpose.VERIFY)\n",
        "",
        "accounts/test_registration.py::test_whoever_signs_up_with_an_address_first_cannot_keep_its_owner_out",
    ),
    Mutant(
        "A planted password goes when the owner registers",
        ACCOUNTS + "delivery.py",
        "    await session.execute(unproven.values(password_hash=passwords.NONE))\n",
        "",
        "accounts/test_registration.py::test_nobody_confirms_a_planted_password_by_a_later_link_either",
    ),
    Mutant(
        "A planted link is made before the one that ends it",
        ACCOUNTS + "delivery.py",
        "    due = due.where(OutgoingMail.is_prepared | ~waits)\n",
        "",
        "accounts/test_outbox.py::test_the_links_of_one_person_are_made_in_order",
    ),
    Mutant(
        "Addresses have one spelling",
        "app/addresses.py",
        "return parts.normalized.lower()",
        "return parts.normalized",
        "accounts/test_registration.py::test_parallel_spellings_of_one_address_make_one_account",
    ),
    Mutant(
        "Unknown fields are refused",
        ACCOUNTS + "schemas.py",
        "class Body(Struct, forbid_unknown_fields=True):",
        "class Body(Struct):",
        "accounts/test_registration.py::test_a_body_says_address_and_password_and_nothing_else",
    ),
    Mutant(
        "A token is used up",
        ACCOUNTS + "tokens.py",
        "    used = delete(OneTimeToken).where(_works(token, *purposes)).returning(",
        "    used = select(OneTimeToken).where(_works(token, *purposes)).with_only_columns(",
        "accounts/test_registration.py::test_a_verification_link_works_once",
    ),
    Mutant(
        "A token is for one address",
        ACCOUNTS + "tokens.py",
        "or_(OneTimeToken.email == User.email, OneTimeToken.purpose.in_(OF_ANOTHER_ADDRESS))",
        "or_(OneTimeToken.email != '')",
        "accounts/test_registration.py::test_a_link_proves_the_address_it_was_sent_to_and_no_other",
    ),
    Mutant(
        "A token is for one purpose",
        ACCOUNTS + "tokens.py",
        "& OneTimeToken.purpose.in_(purposes)",
        "& OneTimeToken.purpose.in_(Purpose)",
        "accounts/test_recovery.py::test_a_link_for_one_purpose_is_worthless_for_another",
    ),
    Mutant(
        "A token expires",
        ACCOUNTS + "tokens.py",
        "(OneTimeToken.expires_at > clock.now())",
        "(OneTimeToken.expires_at != clock.now())",
        "accounts/test_recovery.py::test_the_hour_is_an_hour_in_every_time_zone",
    ),
    Mutant(
        "A token needs an active user",
        ACCOUNTS + "tokens.py",
        "        & User.is_active\n",
        "",
        "accounts/test_recovery.py::test_the_link_dies_with_what_it_was_made_for",
    ),
    Mutant(
        "A newer token kills the older",
        ACCOUNTS + "tokens.py",
        "    await session.execute(delete(OneTimeToken).where(older))",
        "    email = email.upper()",
        "accounts/test_registration.py::test_asking_again_kills_the_older_link",
    ),
    Mutant(
        "Tokens are stored as digests",
        ACCOUNTS + "tokens.py",
        "return sha256(token.encode()).digest()",
        "return token[:32].encode()",
        "accounts/test_recovery.py::test_the_tables_hold_no_token",
    ),
    Mutant(
        "An address gets few mails an hour",
        ACCOUNTS + "throttle.py",
        "return of_account.attempts <= for_account.attempts",
        "return True",
        "accounts/test_throttle.py::test_an_address_gets_few_mails_an_hour_whoever_asks",
    ),
    Mutant(
        "A network asks for few mails",
        ACCOUNTS + "throttle.py",
        "    _require_share(of_network, for_network)\n",
        "",
        "accounts/test_throttle.py::test_a_network_asks_for_few_mails_whoever_gets_them",
    ),
    Mutant(
        "The token of a link stays out of the access log",
        "app/access_log.py",
        'str(path).partition("?")[0]',
        "str(path)",
        "test_access_log.py::test_the_access_log_shows_paths_without_their_queries",
    ),
    Mutant(
        "Names of strangers' choice go to nobody",
        ACCOUNTS + "delivery.py",
        'user.display_name if user.is_verified and row.recipient == user.email else ""',
        "user.display_name",
        "accounts/test_registration.py::test_a_name_is_stored_shown_and_used_once_the_address_is_proven",
    ),
    Mutant(
        "Outsiders get no account",
        "app/settings.py",
        "return self.registration == {OPEN} or",
        "return bool(self.registration) or",
        "accounts/test_registration.py::test_outsiders_get_the_same_answer_a_mail_and_no_account",
    ),
    Mutant(
        "Unverified users do not sign in",
        ACCOUNTS + "service.py",
        "verdict.is_right and user.is_active and user.is_verified",
        "verdict.is_right and user.is_active",
        "accounts/test_equal_work.py::test_a_sign_in_costs_the_same_whatever_is_wrong",
    ),
    Mutant(
        "A hash is computed for unknown addresses too",
        ACCOUNTS + "passwords.py",
        "            self._context.verify(password, self._nobody)\n",
        "",
        "accounts/test_passwords.py::test_a_password_is_checked_against_a_hash_of_equal_cost_when_there_is_none",
    ),
    Mutant(
        "Nothing is read for known addresses alone",
        ACCOUNTS + "service.py",
        "        is_right = await self.proves(user, data.password)\n",
        "        is_right = await self.proves(user, data.password)\n"
        "        await self.session.scalar(select(user and 1))\n",
        "accounts/test_equal_work.py::test_a_sign_in_costs_the_same_for_known_and_unknown_addresses",
    ),
    Mutant(
        "A change of address costs the same whoever has the new one",
        ACCOUNTS + "changes.py",
        "if await self.find(email, ALONE) is None:",
        "if await self.find(email) is None:",
        "accounts/test_equal_work.py::test_asking_for_another_address_costs_the_same_whoever_has_it",
    ),
    Mutant(
        "Asking for a reset looks nobody up",
        ACCOUNTS + "service.py",
        "        self._write_to(email, Letter.RESET_PASSWORD)",
        "        if await self.find(email):\n            self._write_to(email, Letter.RESET_PASSWORD)",
        "accounts/test_equal_work.py::test_asking_for_a_mail_costs_the_same_for_known_and_unknown_addresses",
    ),
    Mutant(
        "A sign-in ends by a reset that comes while its hash is computed",
        ACCOUNTS + "service.py",
        "User.id == user.id, User.password_hash == user.password_hash",
        "User.id == user.id",
        "accounts/test_passwords.py::test_a_password_that_changes_while_it_is_checked_is_not_right_any_more",
    ),
    Mutant(
        "No connection is held while a hash is computed",
        ACCOUNTS + "service.py",
        "        await self.session.commit()\n        verdict",
        "        verdict",
        "accounts/test_passwords.py::test_no_connection_is_held_while_a_password_is_hashed",
    ),
    Mutant(
        "Wrong passwords are counted for the account",
        ACCOUNTS + "throttle.py",
        "    for count, limit in zip((of_account, of_network), LIMITS[action], strict=True):\n"
        "        _require_share(count, limit)\n",
        "    _require_share(of_network, LIMITS[action][1])\n",
        "accounts/test_throttle.py::test_an_account_is_closed_to_everybody_after_wrong_passwords_from_anywhere",
    ),
    Mutant(
        "Wrong passwords are counted for the network",
        ACCOUNTS + "throttle.py",
        "zip((of_account, of_network), LIMITS[action], strict=True)",
        "[(of_account, LIMITS[action][0])]",
        "accounts/test_throttle.py::test_a_network_tries_few_passwords_whatever_the_account",
    ),
    Mutant(
        "What has a transaction of its own survives a refusal",
        "app/database.py",
        "get_session() as session, session.begin():\n        yield session",
        "get_session() as session:\n        yield session",
        "test_database.py::test_a_refusal_keeps_what_has_a_transaction_of_its_own_and_nothing_else",
    ),
    Mutant(
        "A known network counts for itself",
        ACCOUNTS + "throttle.py",
        'place if is_exempt else ""',
        '""',
        "accounts/test_throttle.py::test_its_owner_gets_in_from_a_network_that_the_account_was_used_from",
    ),
    Mutant(
        "A known network is no free pass",
        ACCOUNTS + "throttle.py",
        "        of_account = await counters.add(session, key, for_account.window)\n",
        "        of_account = await counters.add(session, key, for_account.window)\n"
        "        of_account = Count(0, clock.now()) if is_exempt else of_account\n",
        "accounts/test_throttle.py::test_a_known_network_can_be_exhausted_too",
    ),
    Mutant(
        "A reset opens the account again",
        ACCOUNTS + "throttle.py",
        'for place in ("", client_network(request, settings)):',
        "for place in (client_network(request, settings),):",
        "accounts/test_throttle.py::test_its_owner_gets_in_by_a_new_password",
    ),
    Mutant(
        "A reset opens the account to the network it comes from",
        ACCOUNTS + "throttle.py",
        'for place in ("", client_network(request, settings)):',
        'for place in ("",):',
        "accounts/test_throttle.py::test_a_known_network_can_be_exhausted_too",
    ),
    Mutant(
        "A success gives a network back its own attempt alone",
        ACCOUNTS + "throttle.py",
        "await counters.take_back(session, _of_network(settings, action, place))",
        "await counters.reset(session, _of_network(settings, action, place))",
        "accounts/test_throttle.py::test_a_success_gives_a_network_nothing_for_other_accounts",
    ),
    Mutant(
        "Headers of strangers do not count",
        ACCOUNTS + "client_address.py",
        "while hops and _is_trusted(address, settings):",
        "while hops:",
        "accounts/test_throttle.py::test_headers_count_as_far_as_trusted_proxies_vouch",
    ),
    Mutant(
        "The throttle's table names nobody",
        ACCOUNTS + "counters.py",
        'return hmac.digest(settings.key_for("throttle"), "\\n".join(name).encode(), "sha256")',
        'return (settings and " ".join(name).encode())[-32:]',
        "accounts/test_throttle.py::test_the_table_names_nobody_and_does_not_grow",
    ),
    Mutant(
        "The owner is told of a new network",
        "app/auth/routes.py",
        "if not is_expected or attempts > SUSPICIOUS_ATTEMPTS:",
        "if attempts > SUSPICIOUS_ATTEMPTS:",
        "accounts/test_throttle.py::test_the_owner_is_told_of_a_sign_in_from_a_network_that_is_new",
    ),
    Mutant(
        "Few hashes are computed at once",
        ACCOUNTS + "passwords.py",
        "CapacityLimiter(settings.hash_concurrency)",
        "CapacityLimiter(settings.hash_concurrency + 1)",
        "accounts/test_passwords.py::test_few_hashes_are_computed_at_once_and_hold_up_nothing_else",
    ),
    Mutant(
        "Common passwords are refused",
        ACCOUNTS + "passwords.py",
        "if folded in COMMON:",
        "if password in COMMON and not folded:",
        "accounts/test_passwords.py::test_what_many_people_use_is_refused_at_sign_up_and_at_reset",
    ),
    Mutant(
        "Passwords are the same however they are typed",
        ACCOUNTS + "passwords.py",
        'return unicodedata.normalize("NFC", password)',
        "return password",
        "accounts/test_passwords.py::test_it_is_the_same_however_the_keyboard_writes_it",
    ),
    Mutant(
        "Bodies show no secret",
        ACCOUNTS + "schemas.py",
        '        return f"{type(self).__name__}(...)"',
        "        return super().__repr__()",
        "test_secrets.py::test_no_body_shows_its_values",
    ),
    Mutant(
        "A reset ends every sign-in",
        ACCOUNTS + "service.py",
        "        await self.session.execute(delete(UserSession).where(others))\n",
        "",
        "accounts/test_recovery.py::test_a_reset_does_not_sign_in_and_signs_everybody_out",
    ),
    Mutant(
        "A new password makes older links worthless",
        ACCOUNTS + "service.py",
        "        await tokens.revoke(self.session, user, *WORTHLESS_AFTER_A_CHANGE)\n",
        "",
        "accounts/test_changes.py::test_a_new_password_makes_older_links_worthless",
    ),
    Mutant(
        "A mail that a server refuses is kept",
        ACCOUNTS + "delivery.py",
        "                await _postpone(session, row, error)\n    return True",
        "                await session.delete(row) if error else None\n    return True",
        "accounts/test_outbox.py::test_a_mail_server_that_is_down_changes_no_answer_and_loses_no_mail",
    ),
    Mutant(
        "Workers do not send the same mail",
        ACCOUNTS + "delivery.py",
        ".limit(1).with_for_update(skip_locked=True, of=OutgoingMail)",
        ".limit(1)",
        "accounts/test_outbox.py::test_several_workers_send_a_mail_once",
    ),
    Mutant(
        "A used link does not come alive again",
        ACCOUNTS + "delivery.py",
        "was_prepared, row.is_prepared = row.is_prepared, True",
        "was_prepared = False",
        "accounts/test_outbox.py::test_a_link_that_was_used_is_not_mailed_again",
    ),
    Mutant(
        "A new password needs the present one",
        ACCOUNTS + "changes.py",
        '        await self.require_password(user, current, "current_password")\n',
        "",
        "accounts/test_changes.py::test_a_new_password_needs_the_present_one",
    ),
    Mutant(
        "A new address needs the password",
        ACCOUNTS + "changes.py",
        "        await self.require_password(user, password)\n",
        "",
        "accounts/test_changes.py::test_a_new_address_needs_the_password",
    ),
    Mutant(
        "Guesses at the password of a stolen sign-in are counted",
        "app/auth/me.py",
        "    await throttle.admit(request, Action.SIGN_IN, email)\n    await service.change_password(",
        "    await service.change_password(",
        "accounts/test_changes.py::test_a_stolen_credential_does_not_help_to_guess_the_password",
    ),
    Mutant(
        "A known address gets no link to confirm",
        ACCOUNTS + "changes.py",
        "if await self.find(email, ALONE) is None:",
        "if True:",
        "accounts/test_changes.py::test_the_address_of_somebody_else_gets_the_same_answer_and_no_link",
    ),
    Mutant(
        "A thief cannot disarm the owner's link",
        ACCOUNTS + "tokens.py",
        "        older &= OneTimeToken.email == email\n",
        "        older &= OneTimeToken.email != ''\n",
        "accounts/test_changes.py::test_the_owner_undoes_what_a_thief_has_changed_twice",
    ),
    Mutant(
        "A thief's link to undo dies with the undoing",
        ACCOUNTS + "changes.py",
        "        await tokens.revoke(self.session, user, Purpose.UNDO_EMAIL_CHANGE)\n",
        "",
        "accounts/test_changes.py::test_the_owner_undoes_what_a_thief_has_changed_twice",
    ),
    Mutant(
        "Some things need a fresh sign-in",
        ACCOUNTS + "fresh.py",
        "        raise NotFresh",
        "        return",
        "accounts/test_changes.py::test_ten_minutes_after_the_password_it_has_to_be_shown_again",
    ),
    Mutant(
        "An export shows no secret",
        ACCOUNTS + "export.py",
        'column.info.get("is_secret", column.key == "sa_orm_sentinel")',
        'column.key == "sa_orm_sentinel"',
        "accounts/test_changes.py::test_an_export_holds_what_is_stored_and_no_secret",
    ),
    Mutant(
        "Pages of other sites change nothing",
        "app/browsers.py",
        "            if not self._is_own(request):\n                raise CrossSite\n",
        "",
        "test_browsers.py::test_pages_of_other_sites_change_nothing",
    ),
    Mutant(
        "Bodies are JSON",
        "app/browsers.py",
        "                raise UnsupportedMediaType",
        "                pass",
        "test_browsers.py::test_bodies_are_json_and_say_so",
    ),
    Mutant(
        "A sign-in that nobody uses ends",
        "app/auth/backend.py",
        "timedelta(days=settings.session_idle_days)",
        "timedelta(days=10 * settings.session_idle_days)",
        "auth/test_sign_in.py::test_a_sign_in_that_nobody_uses_ends_earlier",
    ),
    Mutant(
        "A sign-in ends in the end",
        "app/auth/backend.py",
        "(UserSession.expires_at > now)",
        "(UserSession.expires_at != now)",
        "auth/test_sign_in.py::test_a_sign_in_ends_in_the_end_however_much_it_is_used",
    ),
    Mutant(
        "Signing out does not wait for requests under way",
        "app/auth/backend.py",
        "        await session.commit()\n",
        "",
        "auth/test_sign_in.py::test_a_request_under_way_does_not_hold_up_signing_out_nor_revive_what_it_ended",
    ),
    Mutant(
        "Nobody ends the sign-ins of others",
        "app/auth/devices.py",
        "UserSession.id == session_id, UserSession.user_id == user.id",
        "UserSession.id == session_id",
        "auth/test_devices.py::test_the_devices_of_others_are_nobody_elses",
    ),
    Mutant(
        "What is committed has been stored",
        "app/database.py",
        "                    await request_session(connection).commit()",
        "                    pass",
        "test_database.py::test_a_success_is_stored_before_its_first_byte_leaves",
    ),
]


class Weakened(SourceFileLoader):
    """Loads a module without its defence."""

    mutant: Mutant

    def get_code(self, fullname: str) -> CodeType:
        """Compile the changed source; no bytecode of it is kept."""
        path = self.get_filename(fullname)
        source = Path(path).read_text("utf-8").replace(self.mutant.old, self.mutant.new)
        return self.source_to_code(source.encode(), path)


class Weakening(MetaPathFinder):
    """Finds that one module."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = mutant.file.removesuffix(".py").replace("/", ".")

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002  # as Python calls it
        """The module, if it is the one."""
        if fullname != self._name:
            return None
        spec = PathFinder.find_spec(fullname, [str((PROJECT / self._mutant.file).parent)])
        assert spec is not None
        assert spec.origin is not None
        spec.loader = Weakened(fullname, spec.origin)
        spec.loader.mutant = self._mutant
        return spec


class Verdict:
    """A pytest plugin that tells a test that fails from one that could not run."""

    has_failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Watch for a failure of the test itself, not of what it stands on."""
        self.has_failed |= report.failed and report.when == "call"


def is_caught(mutant: Mutant, options: list[str]) -> bool:
    """Whether the test notices; in this process, which is spoilt by it."""
    sys.meta_path.insert(0, Weakening(mutant))
    verdict = Verdict()
    pytest.main(["-q", "-x", "-p", "no:cacheprovider", *options, f"{PROJECT}/tests/{mutant.test}"], plugins=[verdict])
    return verdict.has_failed


def run_all(options: list[str]) -> int:
    """Each mutant in a process of its own; returns how many went unnoticed."""
    databases: SimpleQueue[str] = SimpleQueue()
    workers = os.cpu_count() or 1
    for number in range(workers):
        databases.put(f"mutants{number}")
    done = count(1)

    def run(number: int) -> bool:
        database = databases.get()
        command = [sys.executable, "-m", "tests.mutants", *options]
        environment = os.environ | {"PYTEST_XDIST_WORKER": database, "MUTANT": str(number)}
        outcome = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # ourselves
        databases.put(database)
        mark = "caught  " if outcome.returncode == 0 else "UNNOTICED"
        print(f"{next(done):>3}/{len(MUTANTS)}  {mark}  {MUTANTS[number].defence}", flush=True)  # noqa: T201  # what the command is for
        if outcome.returncode:
            print(outcome.stdout[-2000:], outcome.stderr[-2000:])  # noqa: T201  # likewise
        return outcome.returncode == 0

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(len(MUTANTS)))).count(False)


if __name__ == "__main__":
    if number := os.environ.get("MUTANT"):
        sys.exit(not is_caught(MUTANTS[int(number)], sys.argv[1:]))
    sys.exit(run_all(sys.argv[1:]) > 0)
