"""The defences of tokens in cookies, each removed and each with the test that notices."""

from proofs.mutants import tokens
from proofs.mutants.mutation import Mutant

MUTANTS = [
    *tokens.mutants("auth/test_jwt_cookie.py"),
    Mutant(
        "The access cookie is out of reach of scripts",
        "app/auth/jwt_cookie.py",
        '        httponly=True,\n        secure=settings.serves_https,\n        samesite="lax"',
        '        httponly=False,\n        secure=settings.serves_https,\n        samesite="lax"',
        "auth/test_jwt_cookie.py::test_the_answer_is_the_user_and_two_cookies",
    ),
    Mutant(
        "The refresh cookie travels to one path",
        "app/auth/jwt_cookie.py",
        'path="/refresh"',
        'path="/"',
        "auth/test_jwt_cookie.py::test_the_answer_is_the_user_and_two_cookies",
    ),
    Mutant(
        "Both cookies change with every proof",
        "app/auth/jwt_cookie.py",
        "return _cookies(request, await refresh_tokens.rotate(request, **columns))",
        "return [] if request else _cookies(request, await refresh_tokens.rotate(request, **columns))",
        "auth/test_jwt_cookie.py::test_both_cookies_change_with_every_proof",
    ),
    Mutant(
        "Of two cookies of a name neither counts",
        "app/http/cookies.py",
        "return values[0] if len(values) == 1 else None",
        "return values[-1] if values else None",
        "auth/test_jwt_cookie.py::test_of_two_cookies_of_a_name_neither_counts_and_neither_is_expired",
    ),
    Mutant(
        "A name that only looks like ours is not ours",
        "app/http/cookies.py",
        'given.strip(" \\t") == name',
        "given.strip() == name",
        "auth/test_jwt_cookie.py::test_of_two_cookies_of_a_name_neither_counts_and_neither_is_expired",
    ),
    Mutant(
        "A cookie that opens nothing is expired",
        "app/auth/litestar_backend.py",
        "connection.state[WORTHLESS_COOKIES] = ",
        "_ = ",
        "auth/test_worthless_cookies.py::test_a_refusal_expires_what_is_over",
    ),
    Mutant(
        "An access cookie that is over does not take the refresh cookie along",
        "app/auth/jwt_cookie.py",
        'return [_access_cookie(self.config.settings, "", NO_TIME)] if is_there else []',
        "return cleared_cookies(self.config.settings) if is_there else []",
        "auth/test_jwt_cookie.py::test_an_access_cookie_that_is_over_leaves_the_refresh_cookie",
    ),
    Mutant(
        "A late refresh does not expire the cookies that a proof has just set",
        "app/auth/jwt_cookie.py",
        "if token is not None and not await refresh_tokens.names_a_sign_in(request, token):",
        "if token is not None:",
        "auth/test_jwt_cookie.py::test_a_refresh_expires_no_cookie_that_was_not_there_or_may_be_new",
    ),
    Mutant(
        "A copy of a cookie that a proof has replaced is not fresh",
        "app/auth/litestar_backend.py",
        "row.authenticated_at if is_current else NEVER",
        "row.authenticated_at if is_current else row.authenticated_at",
        "auth/test_jwt_cookie.py::test_a_request_on_its_way_during_a_proof_still_arrives_and_is_not_fresh",
    ),
    Mutant(
        "A replaced access cookie is worthless after ten seconds",
        "app/auth/jwt_tokens.py",
        "UserSession.rotated_at > _replaced_since",
        "UserSession.secret_changed_at > _replaced_since",
        "auth/test_jwt_cookie.py::test_an_access_cookie_from_before_a_proof_stays_worthless_after_a_refresh",
    ),
    Mutant(
        "A proof replaces no cookies that another has just replaced",
        "app/auth/user_sessions.py",
        'UserSession.generation == request.auth["generation"]',
        "UserSession.generation >= 0",
        "auth/test_jwt_cookie.py::test_of_two_proofs_at_once_one_counts_and_its_cookies_work",
    ),
    Mutant(
        "A tab that renews while another shows the password ends nothing",
        "app/auth/refresh_tokens.py",
        "(UserSession.generation == 0) | (UserSession.rotated_at <= clock.now() - GRACE)",
        "UserSession.generation >= 0",
        "auth/test_jwt_cookie.py::test_both_cookies_change_with_every_proof",
    ),
]
