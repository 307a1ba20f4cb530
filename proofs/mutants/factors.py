"""The defences of second factors, each removed and each with the test that notices."""

from proofs.mutants.mutation import Mutant

CHALLENGES = "app/factors/challenges.py"
ATTEMPTS = "app/factors/attempts.py"
PASSKEYS = "app/factors/passkeys.py"
ENROLMENT = "app/factors/enrolment.py"
STEP = "app/factors/second_step.py"
SIGN_IN = "app/factors/sign_in_routes.py"
CONFIRM = "app/factors/reauthentication_routes.py"
HELD = "app/factors/held.py"
TOTP = "app/factors/totp.py"
CODES = "app/factors/recovery_codes.py"
PASSKEY_ROUTES = "app/factors/passkey_routes.py"
TOTP_TESTS = "factors/test_totp.py::"
PASSKEY_TESTS = "factors/test_passkeys.py::"
CONFIRMATION_TESTS = "factors/test_confirmation.py::"
POLICY_TESTS = "factors/test_policy.py::"
MUTANTS = [
    Mutant(
        "A challenge ends after five minutes",
        CHALLENGES,
        "challenge.expires_at <= clock.now() or ",
        "",
        f"{TOTP_TESTS}test_a_challenge_lasts_five_minutes_and_leads_to_one_sign_in",
    ),
    Mutant(
        "A challenge is for one purpose",
        CHALLENGES,
        " or challenge.purpose not in purposes",
        "",
        f"{PASSKEY_TESTS}test_it_is_for_the_sign_in_that_asked",
    ),
    Mutant(
        "A challenge leads to one success",
        CHALLENGES,
        "    if count.attempts > 1:\n        raise InvalidChallenge",
        "    if count.attempts > 99:\n        raise InvalidChallenge",
        f"{TOTP_TESTS}test_a_challenge_lasts_five_minutes_and_leads_to_one_sign_in",
    ),
    Mutant(
        "Asking again replaces what a passkey must sign",
        CHALLENGES,
        'asked.to_bytes(4, "big")',
        "bytes(4)",
        f"{PASSKEY_TESTS}test_asking_again_replaces_what_a_passkey_must_sign_and_so_does_a_try",
    ),
    Mutant(
        "A try burns what a passkey must sign",
        ATTEMPTS,
        "challenges.to_sign(challenge, counts[asked].attempts - 1)",
        "challenges.to_sign(challenge)",
        f"{PASSKEY_TESTS}test_a_failed_try_burns_it",
    ),
    Mutant(
        "A challenge has five tries",
        ATTEMPTS,
        ".attempts > TRIES",
        ".attempts > 99",
        f"{TOTP_TESTS}test_a_challenge_survives_five_wrong_tries",
    ),
    Mutant(
        "Wrong codes are counted for the account",
        ATTEMPTS,
        "        require_below(CODES, counts[of_account])",
        "        pass",
        f"{TOTP_TESTS}test_wrong_codes_are_counted_over_challenges_and_networks",
    ),
    Mutant(
        "Passkeys are not held up by wrong codes",
        ATTEMPTS,
        "[of_account] if is_code and settings.throttle is",
        "[of_account] if settings.throttle is",
        f"{PASSKEY_TESTS}test_wrong_codes_do_not_hold_up_passkeys",
    ),
    Mutant(
        "Sign-ins by passkey are counted for the network",
        ATTEMPTS,
        "        require_below(PASSKEYS, counts[of_network])",
        "        pass",
        f"{PASSKEY_TESTS}test_sign_ins_by_passkey_are_counted_for_the_network",
    ),
    Mutant(
        "Half a sign-in ends with the password",
        STEP,
        " and challenges.account_state(user) != challenge.account_state",
        " and user is None",
        f"{TOTP_TESTS}test_a_new_password_ends_half_a_sign_in",
    ),
    Mutant(
        "A factor is asked for",
        STEP,
        "    if not await usable_factors(session, user.id):\n        return None",
        "    if user:\n        return None",
        f"{TOTP_TESTS}test_half_a_sign_in_opens_nothing",
    ),
    Mutant(
        "A right password does not reset the count alone",
        SIGN_IN,
        "data.email, settles=False)",
        "data.email)",
        f"{TOTP_TESTS}test_a_right_password_does_not_reset_the_count_until_the_factor_is_right",
    ),
    Mutant(
        "A password alone confirms no account with a factor",
        CONFIRM,
        "if await usable_factors(service.session, request.user.id):",
        "if data.given():",
        f"{CONFIRMATION_TESTS}test_a_password_alone_confirms_no_account_with_a_factor",
    ),
    Mutant(
        "A confirmation is for the sign-in that asked",
        CONFIRM,
        'if challenge.session_id != request.auth["session_id"]:',
        "if challenge.session_id is None:",
        f"{CONFIRMATION_TESTS}test_a_passkey_confirms_alone",
    ),
    Mutant(
        "A step counts once",
        TOTP,
        "is_theirs, Totp.last_step < steps[0]",
        "is_theirs",
        f"{TOTP_TESTS}test_each_step_counts_once_and_so_does_the_confirming_one",
    ),
    Mutant(
        "A pending secret is no factor",
        HELD,
        "(Totp.user_id == user_id) & Totp.is_confirmed",
        "(Totp.user_id == user_id)",
        f"{TOTP_TESTS}test_a_wrong_code_confirms_nothing",
    ),
    Mutant(
        "A recovery code works once",
        CODES,
        " & ~RecoveryCode.is_used\n    used",
        "\n    used",
        f"{TOTP_TESTS}test_a_recovery_code_works_once_and_is_reported",
    ),
    Mutant(
        "New recovery codes end the former ones",
        CODES,
        "    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))\n",
        "",
        f"{TOTP_TESTS}test_new_recovery_codes_end_the_former_ones",
    ),
    Mutant(
        "The use of a recovery code is told by mail",
        CODES,
        "    outbox.put(session, FactorLetter.CODE_USED, user.email, user.id, details=[str(left)])\n",
        "",
        f"{TOTP_TESTS}test_a_recovery_code_works_once_and_is_reported",
    ),
    Mutant(
        "The first factor ends every other sign-in",
        ENROLMENT,
        "    await ownership.end_credentials(session, user, but=keep)\n",
        "",
        f"{TOTP_TESTS}test_the_first_factor_ends_every_other_sign_in",
    ),
    Mutant(
        "Removing a factor ends what it has opened",
        ENROLMENT,
        "made_with_it, UserSession.id != current",
        "made_with_it, UserSession.id == current, UserSession.id != current",
        f"{PASSKEY_TESTS}test_removing_a_passkey_ends_the_sign_ins_made_with_one",
    ),
    Mutant(
        "The last way in stays",
        ENROLMENT,
        "    await require_way_in(session, user)\n",
        "",
        f"{PASSKEY_TESTS}test_the_last_way_in_stays",
    ),
    Mutant(
        "Without a factor a sign-in is not strong",
        ENROLMENT,
        ".values(amr=weakened)",
        ".values(amr=UserSession.amr)",
        f"{TOTP_TESTS}test_removing_the_app_needs_a_recent_sign_in_and_is_told",
    ),
    Mutant(
        "A weak sign-in of an account with a factor adds nothing",
        HELD,
        "if factors and STRONG not in amr:",
        "if factors is None:",
        f"{CONFIRMATION_TESTS}test_a_sign_in_that_is_weaker_than_the_account_adds_nothing",
    ),
    Mutant(
        "A passkey of another domain is no factor",
        HELD,
        ' & (Passkey.rp_id == (rp_id_of(session.info["settings"]) or ""))',
        ' & (Passkey.rp_id != "")',
        f"{PASSKEY_TESTS}test_a_passkey_of_another_domain_is_no_factor",
    ),
    Mutant(
        "A passkey is added by the sign-in that asked",
        PASSKEY_ROUTES,
        'if challenge.session_id != request.auth["session_id"]:',
        "if challenge.session_id is None:",
        f"{PASSKEY_TESTS}test_it_is_for_the_sign_in_that_asked",
    ),
    Mutant(
        "The challenge of a registration works once",
        PASSKEY_ROUTES,
        "        await challenges.use_up(other, challenge)",
        "        pass",
        f"{PASSKEY_TESTS}test_the_challenge_of_a_registration_works_once",
    ),
    Mutant(
        "Passkeys of other users are not found",
        PASSKEY_ROUTES,
        "Passkey.user_id == user_id, Passkey.id == passkey_id",
        "Passkey.id == passkey_id",
        f"{PASSKEY_TESTS}test_users_rename_and_remove_their_own_passkeys_alone",
    ),
    Mutant(
        "An account has few passkeys",
        PASSKEY_ROUTES,
        "count >= MAX_PASSKEYS",
        "count >= 999",
        f"{PASSKEY_TESTS}test_an_account_has_few_passkeys",
    ),
    Mutant(
        "A password makes no strong sign-in recent",
        "app/auth/user_sessions.py",
        '{} if request.auth["is_strong"] else confirmed(PASSWORD)',
        "confirmed(PASSWORD)",
        f"{CONFIRMATION_TESTS}test_a_new_password_makes_no_strong_sign_in_recent",
    ),
    Mutant(
        "A reset leaves the factors in force",
        "app/accounts/ownership.py",
        "(clock.now() if user.is_verified else None)",
        "None",
        f"{CONFIRMATION_TESTS}test_a_reset_leaves_the_factors_in_force",
    ),
    Mutant(
        "Undoing a change of address removes factors added since",
        "app/accounts/profile.py",
        "factors_since=since if was_verified else None",
        "factors_since=None",
        f"{CONFIRMATION_TESTS}test_undoing_a_change_of_address_removes_the_factors_added_since",
    ),
    Mutant(
        "An account that is proven again keeps no factor",
        "app/accounts/ownership.py",
        "            if name := column.info.get(FACTOR):",
        "            if factors_since and (name := column.info.get(FACTOR)):",
        f"{CONFIRMATION_TESTS}test_an_account_that_is_proven_again_keeps_no_factor_of_before",
    ),
    Mutant(
        "Every user needs a factor where that is the setting",
        "app/http/strong_sign_in.py",
        'not presented["is_strong"] and',
        'presented["is_strong"] is None and',
        f"{POLICY_TESTS}test_everybody_is_led_to_a_factor_first",
    ),
    Mutant(
        "A passkey is verified with its user",
        PASSKEYS,
        "            credential_current_sign_count=0,\n            require_user_verification=True,\n",
        "            credential_current_sign_count=0,\n            require_user_verification=False,\n",
        f"{PASSKEY_TESTS}test_an_answer_with_a_fault_signs_nobody_in",
    ),
    Mutant(
        "An answer from a frame is refused",
        PASSKEYS,
        'said.get("crossOrigin", False) is not False or "topOrigin" in said',
        "False",
        f"{PASSKEY_TESTS}test_an_answer_with_a_fault_signs_nobody_in",
    ),
    Mutant(
        "The user handle is compared",
        PASSKEYS,
        "_bytes_of(given) != user.user_handle",
        "given is ...",
        f"{PASSKEY_TESTS}test_an_answer_with_a_fault_signs_nobody_in",
    ),
    Mutant(
        "Backup eligibility is compared",
        PASSKEYS,
        "is not passkey.is_backup_eligible:",
        "is None:",
        f"{PASSKEY_TESTS}test_an_answer_with_a_fault_signs_nobody_in",
    ),
    Mutant(
        "A counter that goes back is reported",
        PASSKEYS,
        "answer.new_sign_count <= passkey.sign_count",
        "answer.new_sign_count < 0",
        f"{PASSKEY_TESTS}test_a_counter_that_goes_back_is_reported_and_refuses_nobody",
    ),
]
