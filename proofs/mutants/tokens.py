"""What both kinds of tokens share, whether a header or a cookie carries them."""

from proofs.mutants.mutation import Mutant

ACCESS, REFRESH = "app/auth/jwt_tokens.py", "app/auth/refresh_tokens.py"


def mutants(tests: str) -> list[Mutant]:
    """The defences of tokens, each removed; `tests` is the file that tests how this kind renews them."""
    return [
        Mutant(
            "Only access tokens open accounts",
            ACCESS,
            'keys[token.partition(".")[0]]',
            "next(iter(keys.values()))",
            "auth/test_jwt_tokens.py::test_a_token_of_another_type_is_nothing",
        ),
        Mutant(
            "Tokens of other services open nothing",
            ACCESS,
            "            issuer=settings.base_url,\n",
            "",
            "auth/test_jwt_tokens.py::test_a_token_with_a_strange_claim_is_nothing",
        ),
        Mutant(
            "Tokens for other audiences open nothing",
            ACCESS,
            "            audience=AUDIENCE,\n",
            "            audience=[AUDIENCE, 'another'],\n",
            "auth/test_jwt_tokens.py::test_a_token_with_a_strange_claim_is_nothing",
        ),
        Mutant(
            "Every claim has to be there",
            ACCESS,
            '"require": REQUIRED, ',
            "",
            "auth/test_jwt_tokens.py::test_a_token_without_one_of_its_claims_is_nothing",
        ),
        Mutant(
            "Access tokens expire",
            ACCESS,
            'claims["exp"] > clock.now().timestamp()',
            "True",
            "auth/test_jwt_tokens.py::test_a_token_lives_for_fifteen_minutes",
        ),
        Mutant(
            "A key that is not set any more signs nothing",
            ACCESS,
            '"kid": sha256(key).hexdigest()[:8]',
            '"kid": "1"',
            "auth/test_jwt_tokens.py::test_a_key_that_took_the_place_of_another_accepts_what_that_one_signed",
        ),
        Mutant(
            "Access tokens count while the key is replaced",
            ACCESS,
            'for key in settings.keys_for("access-token")}',
            'for key in settings.keys_for("access-token")[:1]}',
            "test_keys.py::test_a_sign_in_goes_on_at_the_other_instance",
        ),
        Mutant(
            "Refresh tokens count while the key is replaced",
            REFRESH,
            "for key in settings.keys_for(SIGNATURE)",
            "for key in settings.keys_for(SIGNATURE)[:1]",
            "test_keys.py::test_a_sign_in_goes_on_at_the_other_instance",
        ),
        Mutant(
            "A lost answer is given again while the key is replaced",
            REFRESH,
            "for key in settings.keys_for(SUCCESSOR)",
            "for key in settings.keys_for(SUCCESSOR)[:1]",
            "test_keys.py::test_an_answer_that_was_lost_is_given_by_the_other_instance",
        ),
        Mutant(
            "A copy of a refresh token ends the sign-in",
            REFRESH,
            "await end_session(other, session_id, is_copy)\n",
            "session_id if is_copy is None else None\n",
            "auth/test_refresh.py::test_a_copy_is_answered_until_its_successor_is_used_and_then_ends_the_sign_in",
        ),
        Mutant(
            "A device that renews is seen where it is",
            REFRESH,
            "for column, value in seen_from(request).items():",
            "for column, value in {'last_seen_at': seen_from(request)['last_seen_at']}.items():",
            "auth/test_devices.py::test_a_device_that_renews_its_credentials_is_seen_where_it_is",
        ),
        Mutant(
            "The end is stored although the answer is a refusal",
            REFRESH,
            "    async with separate_transaction(session) as other:\n",
            "    if other := session:\n",
            "auth/test_refresh.py::test_a_copy_is_answered_until_its_successor_is_used_and_then_ends_the_sign_in",
        ),
        Mutant(
            "A late copy waits for nothing that waits for it",
            "app/database/transactions.py",
            "    await release_connection(session)\n    async with AsyncSession(",
            "    async with AsyncSession(",
            "auth/test_refresh.py::test_a_copy_that_waited_for_two_renewals_ends_the_sign_in_too",
        ),
        Mutant(
            "The grace ends",
            REFRESH,
            "row.secret_changed_at > clock.now() - GRACE",
            "row.secret_changed_at <= clock.now()",
            "auth/test_refresh.py::test_a_copy_is_answered_until_its_successor_is_used_and_then_ends_the_sign_in",
        ),
        Mutant(
            "A lost answer is given again at any time",
            REFRESH,
            "RENEWALS_WITHIN_GRACE if is_within_grace else 1",
            "RENEWALS_WITHIN_GRACE if is_within_grace else 0",
            "auth/test_refresh.py::test_a_lost_answer_ends_no_sign_in_however_late_the_client_asks_again",
        ),
        Mutant(
            "Few tokens of one client overtake another",
            REFRESH,
            "range(RENEWALS_WITHIN_GRACE if is_within_grace else 1)",
            "range(9 if is_within_grace else 1)",
            "auth/test_refresh.py::test_a_copy_that_is_much_too_old_ends_the_sign_in_within_the_grace_too",
        ),
        Mutant(
            "A client that renews twice quickly stays signed in",
            REFRESH,
            "range(RENEWALS_WITHIN_GRACE if is_within_grace else 1)",
            "range(1)",
            "auth/test_refresh.py::test_a_request_that_others_of_its_client_overtake_gets_the_newest_token",
        ),
        Mutant(
            "Refreshes at the same moment get the same successor",
            REFRESH,
            'hmac.digest(key, row.id.bytes + secret, "sha256") for',
            "secrets.token_bytes(SECRET_BYTES) for",
            "auth/test_refresh.py::test_parallel_refreshes_get_the_same_successor",
        ),
        Mutant(
            "Refreshes at the same moment wait for each other",
            REFRESH,
            "        .with_for_update(of=UserSession)\n",
            "",
            "auth/test_refresh.py::test_a_copy_that_waited_for_two_renewals_ends_the_sign_in_too",
        ),
        Mutant(
            "Users who may not sign in renew nothing",
            REFRESH,
            ", User.is_active, User.is_verified)",
            ")",
            "auth/test_refresh.py::test_a_deactivated_user_renews_nothing_and_is_not_taken_for_a_thief",
        ),
        Mutant(
            "A forged token ends no sign-in",
            REFRESH,
            "hmac.compare_digest(signature, _sign(key, content))",
            "seal",
            f"{tests}::test_a_forged_token_ends_no_sign_in",
        ),
    ]
