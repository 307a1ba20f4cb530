"""The defences of signing in, each removed and each with the test that notices."""

from tests.mutation import Mutant

MUTANTS = [
    Mutant(
        "A sign-in that nobody uses ends",
        "app/auth/sign_ins.py",
        "timedelta(days=settings.session_idle_days)",
        "timedelta(days=10 * settings.session_idle_days)",
        "auth/test_sign_in.py::test_a_sign_in_that_nobody_uses_ends_earlier",
    ),
    Mutant(
        "A sign-in ends in the end",
        "app/auth/sign_ins.py",
        "(UserSession.expires_at > now)",
        "(UserSession.expires_at != now)",
        "auth/test_sign_in.py::test_a_sign_in_ends_in_the_end_however_much_it_is_used",
    ),
    Mutant(
        "Signing out does not wait for requests under way",
        "app/auth/sign_ins.py",
        "        await session.commit()\n",
        "",
        "auth/test_sign_in.py::test_a_request_under_way_does_not_hold_up_signing_out_nor_revive_what_it_ended",
    ),
    Mutant(
        "Nobody ends the sign-ins of others",
        "app/auth/devices.py",
        "UserSession.id == session_id, UserSession.user_id == user_id",
        "UserSession.id == session_id",
        "auth/test_devices.py::test_the_devices_of_others_are_nobody_elses",
    ),
    Mutant(
        "One request ends a sign-in",
        "app/auth/routes.py",
        "        raise NotAuthorizedException\n",
        "        pass\n",
        "test_parallel_requests.py::test_a_sign_in_ends_once",
    ),
    Mutant(
        "One request signs out all other devices",
        "app/auth/devices.py",
        "    return bool(ended.all())",
        "    return bool(ended)",
        "test_parallel_requests.py::test_signing_out_all_other_devices_is_entered_once",
    ),
    Mutant(
        "Whoever calls is the one that routes read",
        "app/database.py",
        "session.add_all(session.info.pop(WAITING, ()))",
        "session.info.pop(WAITING, ())",
        "auth/test_principals.py::test_a_session_that_reads_the_user_finds_the_one_who_calls",
    ),
    Mutant(
        "What a route changes of whoever calls is stored",
        "app/database.py",
        " or _is_waiting_changed(session)",
        "",
        "auth/test_principals.py::test_what_a_route_changes_is_stored",
    ),
    Mutant(
        "Nobody is refused for a connection that has died",
        "app/principals.py",
        "                if not (error.connection_invalidated or isinstance(error, InternalError)):\n    ",
        "",
        "test_faults.py::test_a_connection_that_dies_when_it_is_asked_who_calls_is_replaced_unnoticed",
    ),
]
