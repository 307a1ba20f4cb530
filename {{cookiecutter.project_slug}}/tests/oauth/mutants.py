"""The defences of sign-in with other providers, each removed and each with the test that notices."""

from tests.mutation import Mutant

OAUTH = "app/oauth/"
STATES, TOKENS, OPENID = OAUTH + "states.py", OAUTH + "id_tokens.py", OAUTH + "openid.py"
OWNERSHIP = "app/accounts/ownership.py"
IDENTITIES, HANDOVER, LINKING = OAUTH + "identities.py", OAUTH + "handover.py", OAUTH + "linking.py"
WIRE, FIRST = OAUTH + "wire.py", OAUTH + "without_password.py"


def _mutant(defence: str, file: str, old: str, new: str, test: str) -> Mutant:
    return Mutant(defence, file, old, new, f"oauth/{test}")


BINDING = [
    _mutant(
        "An answer counts in the browser that was sent there",
        STATES,
        "        & (OAuthState.binding_digest == _digest(binding))\n",
        "        & (OAuthState.binding_digest != _digest(binding + 'x'))\n",
        "test_states.py::test_the_answer_counts_in_the_browser_that_was_sent_there_and_in_no_other",
    ),
    _mutant(
        "A cookie that another host can plant does not count",
        STATES,
        "one_cookie(request, _cookie_name(settings, state))",
        "request.cookies.get(_cookie_name(settings, state))",
        "test_states.py::test_a_cookie_that_another_host_can_plant_does_not_count",
    ),
    _mutant(
        "The cookie is one of this trip",
        STATES,
        "(OAuthState.binding_digest == _digest(binding))",
        "(_digest(binding) != _digest(''))",
        "test_states.py::test_the_cookie_of_another_trip_does_not_help",
    ),
    _mutant(
        "The cookie is out of reach of scripts",
        STATES,
        "httponly=True",
        "httponly=False",
        "test_states.py::test_the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts",
    ),
    _mutant(
        "An answer counts once",
        STATES,
        "delete(OAuthState).where(is_expected).returning(*shown)",
        '__import__("sqlalchemy").select(*shown).where(is_expected) if delete else None',
        "test_states.py::test_an_answer_counts_once",
    ),
    _mutant(
        "An answer is used up by a refusal too",
        STATES,
        "    async with own_transaction(request.app) as session:\n        row =",
        "    if session := request_session(request):\n        row =",
        "test_states.py::test_an_answer_is_used_up_by_a_refusal_too",
    ),
    _mutant(
        "An answer comes in ten minutes",
        STATES,
        "(OAuthState.expires_at > clock.now())",
        "(OAuthState.expires_at != clock.now())",
        "test_states.py::test_ten_minutes_are_the_time_for_it",
    ),
    _mutant(
        "An answer is for what it was begun for",
        STATES,
        "OAuthState.purpose.in_(purposes)",
        "OAuthState.purpose.in_(Purpose)",
        "test_states.py::test_an_answer_is_for_what_it_was_begun_for",
    ),
    _mutant(
        "An answer is of the provider that was asked",
        STATES,
        "        & (OAuthState.provider == provider)\n",
        "",
        "test_states.py::test_an_answer_of_one_provider_is_nothing_at_the_callback_of_another",
    ),
    _mutant(
        "The table holds digests",
        STATES,
        "return sha256(secret.encode()).digest()",
        "return secret[:32].encode() if sha256 else b''",
        "test_states.py::test_the_table_holds_digests_alone",
    ),
    _mutant(
        "A network begins few trips",
        STATES,
        "        if count.attempts > MOST:",
        "        if count.attempts < 0:",
        "test_states.py::test_a_network_begins_few_trips_at_once",
    ),
    _mutant(
        "Each trip has a nonce of its own",
        OAUTH + "trips.py",
        'nonce=_derived(settings, "oauth-nonce", state)',
        'nonce=_derived(settings, "oauth-nonce", "")',
        "test_states.py::test_each_trip_has_a_state_a_challenge_and_a_nonce_of_its_own",
    ),
    _mutant(
        "The challenge is a digest",
        OAUTH + "trips.py",
        "return challenge_of(self.verifier)",
        "return self.verifier",
        "test_states.py::test_the_verifier_never_leaves_the_server_but_for_the_provider",
    ),
    _mutant(
        "An answer that says it is of another issuer is not believed",
        OPENID,
        "        if is_missing or is_another:",
        "        if is_missing:",
        "test_states.py::test_an_answer_that_says_it_is_of_another_issuer_is_not_believed",
    ),
    _mutant(
        "A provider that promises to say who it is has to",
        OPENID,
        "        if is_missing or is_another:",
        "        if is_another:",
        "test_states.py::test_a_provider_that_promises_to_say_who_it_is_has_to",
    ),
]

HOLDS = "test_id_tokens.py::test_a_token_that_does_not_hold_signs_nobody_in"
ODD = "test_id_tokens.py::test_a_claim_of_another_kind_is_no_mistake_of_ours"
WORDS = [
    _mutant(
        "A signature is checked",
        TOKENS,
        '    "verify_exp": False,\n',
        '    "verify_exp": False,\n    "verify_signature": False,\n',
        HOLDS,
    ),
    _mutant(
        "A token is for this client",
        TOKENS,
        "audience=expected.audience",
        'audience=[expected.audience, "another-client"]',
        HOLDS,
    ),
    _mutant(
        "A token for several clients says whose it is",
        TOKENS,
        'claims.get("azp", None if is_shared else client_id)',
        'claims.get("azp", client_id)',
        HOLDS,
    ),
    _mutant(
        "A token for another party is none",
        TOKENS,
        '    if claims.get("azp", None if is_shared else client_id) != client_id:',
        '    if is_shared and claims.get("azp") != client_id:',
        HOLDS,
    ),
    _mutant(
        "A token is of the issuer that was asked",
        TOKENS,
        'if claims["iss"] != issuer.replace(TENANT, str(claims.get("tid"))):',
        'if not claims["iss"]:',
        HOLDS,
    ),
    _mutant(
        "At Microsoft the issuer is the company",
        TOKENS,
        'claims["iss"] != issuer.replace(TENANT, str(claims.get("tid")))',
        'not claims["iss"].startswith(issuer.partition(TENANT)[0])',
        "test_providers.py::test_at_microsoft_the_issuer_is_the_company_that_the_token_names",
    ),
    _mutant("A token answers this question", TOKENS, 'claims["nonce"] != expected.nonce', 'not claims["nonce"]', HOLDS),
    _mutant("Every claim has to be there", TOKENS, '"require": REQUIRED', '"require": []', ODD),
    _mutant(
        "A token expires",
        TOKENS,
        '    if not now - LEEWAY_SECONDS < _seconds(claims, "exp"):',
        '    if not 0 < _seconds(claims, "exp"):',
        HOLDS,
    ),
    _mutant(
        "A token of the future is none",
        TOKENS,
        '    if not _seconds(claims, "iat") < now + LEEWAY_SECONDS:',
        '    if not 0 < _seconds(claims, "iat"):',
        HOLDS,
    ),
    _mutant(
        "A subject can be stored",
        TOKENS,
        '(0 < len(claims["sub"]) <= LONGEST_SUBJECT and claims["sub"].isprintable())',
        '(0 < len(claims["sub"]) <= LONGEST_SUBJECT)',
        HOLDS,
    ),
    _mutant(
        "A claim is of its kind",
        TOKENS,
        "isinstance(value, bool) or not isinstance(value, int | float)",
        "value is None",
        ODD,
    ),
    _mutant(
        "A key for something else signs nothing",
        TOKENS,
        'key.get("use", "sig") == "sig"',
        'key.get("use", "sig")',
        "test_id_tokens.py::test_a_key_that_is_for_something_else_signs_nothing",
    ),
    _mutant(
        "Whoever makes tokens up makes us ask for keys no more than once a minute",
        OPENID,
        "            if self._keys_read_at < clock.now() - patience:",
        "            if patience:",
        "test_id_tokens.py::test_a_new_key_is_asked_for_but_not_all_the_time",
    ),
    _mutant(
        "A provider speaks for itself",
        OPENID,
        '        if metadata.issuer.rstrip("/") != self._preset.issuer.rstrip("/"):',
        "        if not metadata.issuer:",
        "test_id_tokens.py::test_a_provider_that_speaks_for_others_or_in_the_open_is_not_used",
    ),
    _mutant(
        "A provider speaks over TLS",
        OPENID,
        "if not all(endpoint.startswith(schemes) for endpoint in endpoints if endpoint is not None):",
        "if not endpoints or not schemes:",
        "test_id_tokens.py::test_a_provider_that_speaks_for_others_or_in_the_open_is_not_used",
    ),
    _mutant(
        "What is said about somebody else is said about somebody else",
        OPENID,
        '        if about.get("sub") != claims["sub"]:',
        "        if not about:",
        "test_identities.py::test_an_address_of_somebody_else_is_not_taken",
    ),
    _mutant(
        "An address counts if the provider vouches for it",
        OPENID,
        'return claims.get("email_verified") is True',
        'return bool(claims.get("email_verified", True))',
        "test_identities.py::test_an_address_that_nobody_vouches_for_makes_no_account",
    ),
    _mutant(
        "What a company has typed is no proof",
        OAUTH + "providers.py",
        ", vouches=email_is_verified_by_domain",
        "",
        "test_providers.py::test_microsoft_does_not_vouch_for_what_a_company_has_typed",
    ),
    _mutant(
        "An unverified address at GitHub is no proof",
        OAUTH + "github.py",
        "(primary.email, primary.verified)",
        "(primary.email, True)",
        "test_providers.py::test_github_vouches_for_a_primary_address_that_is_verified",
    ),
]

PEOPLE = [
    _mutant(
        "An account that is proven is not linked by its address",
        IDENTITIES,
        "ProviderEvent.LINK_REQUIRED, user.id)\n        raise LinkRequired\n",
        "ProviderEvent.LINK_REQUIRED, user.id)\n        return user\n",
        "test_identities.py::test_an_account_that_is_proven_is_not_linked_by_its_address",
    ),
    _mutant(
        "A planted account at a provider goes when the owner arrives",
        OWNERSHIP,
        "                removed |= {*await session.scalars(theirs)}\n",
        "                assert theirs is not None\n",
        "test_identities.py::test_what_somebody_got_hold_of_before_the_address_was_proven_ends",
    ),
    _mutant(
        "A reset by mail unlinks every provider",
        OWNERSHIP,
        "                removed |= {*await session.scalars(theirs)}\n",
        "                assert theirs is not None\n",
        "test_ownership.py::test_an_owner_who_takes_the_account_back_leaves_a_thief_no_provider",
    ),
    _mutant(
        "A sign-in that ends links no provider any more",
        FIRST,
        "    if user is None or await session.scalar(select(UserSession.id).where(is_theirs)) is None:\n",
        "    if user is None:\n",
        "test_ownership.py::test_a_provider_is_not_linked_by_a_sign_in_that_ends_at_the_same_moment",
    ),
    _mutant(
        "A sign-in that ends sets no password any more",
        FIRST,
        "    if await service.session.scalar(select(UserSession.id).where(UserSession.id == keep)) is None:\n"
        "        raise NotAuthorizedException\n",
        "",
        "test_ownership.py::test_no_password_is_set_by_a_sign_in_that_ends_at_the_same_moment",
    ),
    _mutant(
        "A provider that is unlinked signs nobody in any more",
        IDENTITIES,
        "    if user is None or await _find(session, identity) is None:\n",
        "    if user is None:\n",
        "test_ownership.py::test_a_sign_in_by_a_provider_that_is_unlinked_at_the_same_moment_is_refused",
    ),
    _mutant(
        "Nothing planted is left when the owner arrives",
        IDENTITIES,
        "        await ownership.hand_over(service.session, user)\n",
        "        user.is_verified = True\n",
        "test_identities.py::test_whoever_registered_the_address_first_gains_nothing_when_its_owner_arrives",
    ),
    _mutant(
        "An unproven address makes no account",
        IDENTITIES,
        "    email = identity.verified_email\n",
        "    email = identity.email\n",
        "test_identities.py::test_an_address_that_nobody_vouches_for_makes_no_account",
    ),
    _mutant(
        "Parallel returns are judged one after the other",
        IDENTITIES,
        "    await session.execute(select(func.pg_advisory_xact_lock(key)))\n",
        "    assert key\n",
        "test_identities.py::test_parallel_returns_of_one_person_leave_one_account",
    ),
    _mutant(
        "Who somebody is hangs on the issuer",
        IDENTITIES,
        "        & (OAuthAccount.issuer == identity.issuer)\n",
        "",
        "test_id_tokens.py::test_a_new_issuer_under_an_old_name_knows_nobody",
    ),
    _mutant(
        "An account at a provider belongs to one user",
        IDENTITIES,
        "        raise IdentityTaken\n",
        "        account.user_id = user.id\n",
        "test_identities.py::test_an_account_at_a_provider_is_linked_to_one_user",
    ),
    _mutant(
        "Whoever may not sign in does not by a provider",
        IDENTITIES,
        "    if not (user.is_active and user.is_verified):",
        "    if not user.id:",
        "test_sign_in.py::test_whoever_may_not_sign_in_does_not_by_a_provider_either",
    ),
    _mutant(
        "An account that was deactivated is not handed over",
        IDENTITIES,
        "    if user.is_active:\n",
        "    if user:\n        user.is_active = True\n",
        "test_sign_in.py::test_an_account_that_was_deactivated_before_it_was_proven_stays_so",
    ),
    _mutant(
        "Who gets an account is a setting",
        IDENTITIES,
        "settings.oauth_sign_up is Switch.OFF or not settings.admits(email)",
        "settings.oauth_sign_up is Switch.OFF",
        "test_identities.py::test_who_gets_an_account_by_coming_from_a_provider_is_a_setting",
    ),
    _mutant(
        "A sign-in from a new network is told by mail",
        HANDOVER,
        "    if not await known_networks.recognise(request, user.email):\n",
        "    if await known_networks.recognise(request, user.email) is None:\n",
        "test_sign_in.py::test_a_sign_in_from_a_new_network_is_told_by_mail",
    ),
    _mutant(
        "Somebody else at the provider is somebody else",
        IDENTITIES,
        "    if account is None or account.user_id != user.id:\n",
        "    if account is None:\n",
        "test_without_password.py::test_somebody_else_at_the_provider_does_not_count",
    ),
    _mutant(
        "A provider that has not asked again does not count",
        OPENID,
        "trip.begun_at.timestamp() if trip.is_again else None",
        "None",
        "test_without_password.py::test_a_provider_that_has_not_asked_again_does_not_count",
    ),
    _mutant(
        "A trip ends with the sign-in that it was begun in",
        FIRST,
        '(UserSession.id == back.session_id) & is_alive(session.info["settings"])',
        "UserSession.id == back.session_id",
        "test_linking.py::test_linking_ends_with_the_sign_in_that_it_was_begun_in",
    ),
    _mutant(
        "Setting a password needs a fresh sign-in",
        FIRST,
        "status_code=204, guards=[fresh]",
        "status_code=204, guards=[]",
        "test_without_password.py::test_setting_a_password_needs_a_fresh_sign_in",
    ),
    _mutant(
        "Whoever has a password shows it to change it",
        FIRST,
        "    if is_hash(user.password_hash):\n",
        "    if not user.password_hash:\n",
        "test_without_password.py::test_whoever_has_a_password_shows_it_to_change_it",
    ),
    _mutant(
        "A first password signs other devices out",
        FIRST,
        "    await service.end_credentials(user, but=keep)\n",
        "    assert keep\n",
        "test_without_password.py::test_a_user_without_a_password_sets_one_and_other_devices_are_signed_out",
    ),
]

LAST = "test_linking.py::test_the_last_way_in_stays"
LINKS = [
    _mutant(
        "Linking needs a fresh sign-in",
        LINKING,
        "guards=[fresh, from_our_own_page]",
        "guards=[from_our_own_page]",
        "test_linking.py::test_linking_and_unlinking_need_a_fresh_sign_in",
    ),
    _mutant(
        "Unlinking needs a fresh sign-in",
        LINKING,
        "    guards=[fresh],\n",
        "",
        "test_linking.py::test_linking_and_unlinking_need_a_fresh_sign_in",
    ),
    _mutant(
        "A link elsewhere begins no linking",
        LINKING,
        "guards=[fresh, from_our_own_page]",
        "guards=[fresh]",
        "test_linking.py::test_a_link_elsewhere_begins_no_linking",
    ),
    _mutant("The last way in stays", LINKING, "        raise LastWayIn\n", "        pass\n", LAST),
    _mutant(
        "A provider that is not offered is no way in",
        LINKING,
        " and each.oauth_name in offered(service.settings)",
        "",
        "test_linking.py::test_a_provider_that_is_not_offered_any_more_is_no_way_in",
    ),
    _mutant(
        "Two requests do not remove the last two ways in",
        LINKING,
        ".where(User.id == user.id).with_for_update(of=User)",
        ".where(User.id == user.id)",
        "test_linking.py::test_two_requests_at_once_do_not_remove_the_last_two_ways_in",
    ),
    _mutant(
        "Nobody unlinks what is of others",
        LINKING,
        "select(OAuthAccount).where(OAuthAccount.user_id == user.id))]",
        "select(OAuthAccount))]",
        "test_linking.py::test_nobody_unlinks_what_is_of_others",
    ),
    _mutant(
        "Its owner is told of a link",
        IDENTITIES,
        "        outbox.put(service.session, ProviderLetter.LINKED, user.email, user.id)\n",
        "        assert outbox\n",
        "test_linking.py::test_what_is_linked_is_listed_and_shows_no_secret",
    ),
]

PLACES = [
    _mutant(
        "Nobody is sent on to another host",
        HANDOVER,
        ' or "//" in way',
        "",
        "test_handover.py::test_nobody_is_sent_on_to_a_place_of_somebody_else",
    ),
    _mutant(
        "A backslash is a slash",
        HANDOVER,
        ' or "\\\\" in decoded',
        "",
        "test_handover.py::test_nobody_is_sent_on_to_a_place_of_somebody_else",
    ),
    _mutant(
        "A path may be encoded more than once",
        HANDOVER,
        "    while decoded != encoded:\n        encoded, decoded = decoded, unquote(decoded)\n",
        "    assert encoded or True\n",
        "test_handover.py::test_nobody_is_sent_on_to_a_place_of_somebody_else",
    ),
    _mutant(
        "A code is traded once",
        HANDOVER,
        "delete(UserSession).where(is_it).returning(UserSession.id)",
        "select(UserSession.id).where(is_it) if delete else None",
        "test_handover.py::test_a_code_is_traded_for_credentials_once",
    ),
    _mutant(
        "A code lives for a minute",
        HANDOVER,
        "    row.expires_at = clock.now() + CODE_LIFETIME\n",
        "    assert row\n",
        "test_handover.py::test_a_code_lives_for_a_minute",
    ),
    _mutant(
        "A code needs an active user",
        HANDOVER,
        "User.id == user_id, User.is_active, User.is_verified",
        "User.id == user_id",
        "test_handover.py::test_a_code_dies_with_what_ends_sign_ins",
    ),
    _mutant(
        "A code that was asked for with a challenge needs its secret",
        HANDOVER,
        "_leave_code(request, user, back.challenge)",
        '_leave_code(request, user, "")',
        "test_handover.py::test_a_code_that_was_asked_for_with_a_challenge_is_traded_with_its_secret",
    ),
    _mutant(
        "A planted code is nothing to a page that sends its secret",
        HANDOVER,
        "digest(_secret_of(code, challenge))",
        'digest(_secret_of(code, ""))',
        "test_handover.py::test_a_page_that_sends_its_secret_takes_no_code_that_somebody_has_planted",
    ),
    _mutant(
        "No other secret of a sign-in is a code",
        HANDOVER,
        '    return f"code:{challenge}:{code}".encode()',
        "    return code.encode()",
        "test_handover.py::test_the_tables_hold_no_code",
    ),
    _mutant(
        "Where a provider sends people to hangs on BASE_URL",
        OAUTH + "visits.py",
        "    address = await provider.authorization_url(trip)\n",
        "    host = f\"https://{request.headers['host']}\"\n"
        "    there = trip.redirect_uri.replace(request.app.state.settings.base_url, host)\n"
        "    address = await provider.authorization_url(trip._replace(redirect_uri=there))\n",
        "test_handover.py::test_callers_choose_neither_scopes_nor_host_nor_where_the_provider_sends_them",
    ),
]

GENERIC = "test_failures.py::test_a_wrong_answer_is_a_generic_refusal_in_time"
FAILURES = [
    _mutant(
        "A provider is waited for in bounded time",
        WIRE,
        "        async with asyncio.timeout(PATIENCE_SECONDS):\n",
        "        async with asyncio.timeout(200 * PATIENCE_SECONDS):\n",
        GENERIC,
    ),
    _mutant(
        "Of an answer without an end little is read",
        WIRE,
        "                if len(content) > MOST_BYTES:",
        "                if len(content) > 1000 * MOST_BYTES:",
        "test_failures.py::test_of_an_answer_without_an_end_little_is_read",
    ),
    _mutant(
        "What is packed is not unpacked",
        WIRE,
        '        if answer.headers.get("Content-Encoding", "identity") != "identity":',
        '        if answer.headers.get("Content-Encoding") == "x":',
        GENERIC,
    ),
    _mutant(
        "What is no text is a refusal",
        WIRE,
        "except (UnicodeDecodeError, RecursionError) as",
        "except OSError as",
        GENERIC,
    ),
    _mutant(
        "A redirect is no answer",
        WIRE,
        "        super().__init__(transport=network,",
        "        super().__init__(follow_redirects=True, transport=network,",
        "test_failures.py::test_no_redirect_of_a_provider_is_followed",
    ),
    _mutant(
        "An error of the provider is one whatever is beside it",
        OAUTH + "visits.py",
        "None if error else code",
        "code if error is not None else code",
        "test_failures.py::test_a_no_of_the_provider_is_a_refusal_that_repeats_nothing",
    ),
    _mutant(
        "No connection is held while a provider is waited for",
        STATES,
        "    async with aside(request_session(request)) as session:\n",
        "    if session := request_session(request):\n        await session.connection()\n",
        "test_failures.py::test_no_connection_to_the_database_is_held_while_a_provider_is_waited_for",
    ),
    _mutant(
        "No token is kept unless somebody asks for it",
        OAUTH + "sealing.py",
        "    is_kept = settings.oauth_store_tokens is Switch.ON\n",
        "    is_kept = bool(Switch.ON)\n",
        "test_sealing.py::test_no_token_is_kept_unless_somebody_asks_for_it",
    ),
    _mutant(
        "What is kept is sealed",
        OAUTH + "sealing.py",
        "    return _sealer(settings).encrypt(token.encode()).decode()",
        "    return token if settings else ''",
        "test_sealing.py::test_what_is_kept_is_sealed_and_can_be_opened",
    ),
    _mutant(
        "A token is sealed with the new key",
        OAUTH + "sealing.py",
        'for key in settings.keys_for("oauth-tokens")]',
        'for key in settings.keys_for("oauth-tokens")[::-1]]',
        "test_sealing.py::test_a_new_key_takes_the_place_of_the_old_one",
    ),
    _mutant(
        "Half a provider is not offered",
        "app/provider_settings.py",
        "            if 0 < len(unset) < len(names):",
        "            if len(names) < len(unset):",
        "test_settings.py::test_half_a_provider_keeps_the_service_from_starting",
    ),
]

MUTANTS = [*BINDING, *WORDS, *PEOPLE, *LINKS, *PLACES, *FAILURES]
