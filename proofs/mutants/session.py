"""The defences of session cookies, each removed and each with the test that notices."""

from proofs.mutants.mutation import Mutant

MUTANTS = [
    Mutant(
        "What a caller brought along is never adopted",
        "app/auth/session.py",
        """    secret = secrets.token_urlsafe(32)
    await start_session(""",
        """    secret = request.cookies.get("__Host-session") or secrets.token_urlsafe(32)
    await start_session(""",
        "auth/test_session.py::test_an_id_that_the_caller_brought_is_never_adopted",
    ),
    Mutant(
        "The table holds digests",
        "app/auth/user_sessions.py",
        "    return sha256(secret).digest()",
        "    return secret if sha256 else b''",
        "auth/test_session.py::test_the_table_holds_the_digest_alone",
    ),
    Mutant(
        "The cookie is out of reach of scripts",
        "app/auth/session.py",
        "httponly=True",
        "httponly=False",
        "auth/test_session.py::test_the_answer_is_the_user_and_a_cookie_for_this_host_alone",
    ),
    Mutant(
        "The cookie changes with every proof",
        "app/auth/session.py",
        "    await rotate_session(request, secret.encode(), **columns)",
        "    assert rotate_session",
        "auth/test_session.py::test_the_cookie_changes_with_every_proof",
    ),
    Mutant(
        "Of two cookies of a name neither counts",
        "app/http/cookies.py",
        "return values[0] if len(values) == 1 else None",
        "return values[-1] if values else None",
        "auth/test_session.py::test_of_two_cookies_of_a_name_neither_counts_and_neither_is_expired",
    ),
    Mutant(
        "A name that only looks like ours is not ours",
        "app/http/cookies.py",
        'given.strip(" \\t") == name',
        "given.strip() == name",
        "auth/test_session.py::test_a_name_that_only_looks_like_ours_is_not_ours",
    ),
    Mutant(
        "A cookie that opens nothing is expired",
        "app/auth/litestar_backend.py",
        "connection.state[WORTHLESS_COOKIES] = ",
        "_ = ",
        "auth/test_worthless_cookies.py::test_a_refusal_expires_what_is_over",
    ),
    Mutant(
        "A late request does not expire the cookie that a proof has just set",
        "app/auth/session.py",
        "if secret is None or await is_just_replaced(",
        "if secret is None or not await is_just_replaced(",
        "auth/test_worthless_cookies.py::test_a_request_that_a_proof_overtakes_does_not_expire_the_new_cookie",
    ),
    Mutant(
        "A cookie that was replaced a while ago is expired",
        "app/auth/user_sessions.py",
        "(UserSession.secret_changed_at > clock.now() - GRACE)",
        "(UserSession.secret_changed_at <= clock.now())",
        "auth/test_worthless_cookies.py::test_a_request_that_a_proof_overtakes_does_not_expire_the_new_cookie",
    ),
]
