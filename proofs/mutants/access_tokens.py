"""The defences of tokens for programs, each removed and each with the test that notices."""

from proofs.mutants.mutation import Mutant

FORM, REQUESTS, TOKENS = "app/http/program_tokens.py", "app/access_tokens/requests.py", "app/access_tokens/tokens.py"
OWNERSHIP, ENGINE = "app/accounts/ownership.py", "app/database/engine.py"


def of_tokens(defence: str, file: str, old: str, new: str, test: str) -> Mutant:
    """A defence that a test in tests/access_tokens notices."""
    return Mutant(defence, file, old, new, f"access_tokens/{test}")


MUTANTS = [
    of_tokens(
        "A wrong checksum costs no look-up",
        REQUESTS,
        " or not is_whole(text):\n",
        " or not text:\n",
        "test_tokens.py::test_a_wrong_checksum_costs_no_statement_and_no_hash",
    ),
    of_tokens(
        "A token opens no WebSocket",
        REQUESTS,
        'connection.scope["type"] != ScopeType.HTTP or ',
        "",
        "test_requests.py::test_a_token_opens_no_websocket",
    ),
    of_tokens(
        "The checksum is compared",
        FORM,
        " and checksum == _checksum(random)",
        " and len(checksum) == len(_checksum(random))",
        "test_tokens.py::test_a_wrong_checksum_costs_no_statement_and_no_hash",
    ),
    of_tokens(
        "A token expires",
        REQUESTS,
        '    & (AccessToken.expires_at > bindparam("now"))\n',
        '    & (AccessToken.created_at <= bindparam("now"))\n',
        "test_tokens.py::test_an_expired_token_is_refused_and_removed",
    ),
    of_tokens(
        "Expired tokens are not listed and do not count",
        TOKENS,
        "AccessToken.user_id == user_id, AccessToken.expires_at > clock.now())",
        "AccessToken.user_id == user_id)",
        "test_tokens.py::test_expired_tokens_do_not_count",
    ),
    of_tokens(
        "A token that may read changes nothing through a GET",
        REQUESTS,
        "    if token.access != Access.WRITE:\n",
        '    if token.access == "none":\n',
        "test_requests.py::test_a_token_that_may_read_changes_nothing_through_a_get_either",
    ),
    of_tokens(
        "A change that a token may not make is no outage",
        ENGINE,
        "            raise PermissionDeniedException from context.original_exception\n",
        "            context.is_disconnect = True\n",
        "test_requests.py::test_a_token_that_may_read_changes_nothing_through_a_get_either",
    ),
    of_tokens(
        "A route that says nothing is closed to tokens",
        FORM,
        "    if needed is None:\n        raise TokenNotAccepted\n",
        "",
        "test_requests.py::test_a_route_that_does_not_say_so_is_closed_to_tokens",
    ),
    of_tokens(
        "A token that may read does not pass where one must be able to write",
        FORM,
        "    if needed == Access.WRITE and token.access != Access.WRITE:\n        raise PermissionDeniedException\n",
        "",
        "test_requests.py::test_a_route_that_does_not_say_so_is_closed_to_tokens",
    ),
    of_tokens(
        "Reading opens no route that may change something",
        FORM,
        "Access(given) if is_reading or given != Access.READ else None",
        "Access(given) if is_reading or given else None",
        "test_requests.py::test_a_route_that_does_not_say_so_is_closed_to_tokens",
    ),
    of_tokens(
        "The library's routes that change the profile are closed",
        FORM,
        "Access(given) if is_reading or given != Access.READ else None",
        "Access(given) if is_reading or given else None",
        "test_requests.py::test_a_token_makes_changes_and_ends_no_credentials",
    ),
    of_tokens(
        "A token never counts as a recent sign-in",
        REQUESTS,
        '"authenticated_at": NEVER}',
        '"authenticated_at": clock.now()}',
        "test_requests.py::test_a_token_never_counts_as_a_recent_sign_in",
    ),
    of_tokens(
        "With a cookie beside it, the token is judged alone",
        "app/auth/litestar_backend.py",
        "            return await CredentialBackend.read_token(connection, token)\n",
        "            found = await CredentialBackend.read_token(connection, token)\n            if found:\n"
        "                return found\n",
        "test_requests.py::test_with_credentials_beside_it_the_token_is_judged",
    ),
    of_tokens(
        "Only a route that is open to tokens forgoes the check of the origin",
        "app/http/cross_site.py",
        "(OPTION in options and presented_token(request) is not None)",
        "(presented_token(request) is not None)",
        "test_requests.py::test_pages_of_other_sites_gain_nothing_by_the_form_of_a_token",
    ),
    of_tokens(
        "A request whose token has ended changes nothing",
        "app/accounts/row_locks.py",
        "    return select(AccessToken.id).where(AccessToken.id == now.token.id)\n",
        "    return select(User.id).where(User.id == now.user_id)\n",
        "test_requests.py::test_a_request_whose_token_ends_on_the_way_changes_nothing",
    ),
    of_tokens(
        "A body that arrives late is judged by the token that came with its head",
        "app/auth/late_bodies.py",
        "(AccessToken.id == caller.token.id) & (AccessToken.expires_at > clock.now())\n"
        "        found = select(AccessToken.id).join(User, User.id == AccessToken.user_id)\n",
        "User.id == caller.user_id\n        found = select(User.id)\n",
        "test_requests.py::test_a_body_that_arrives_after_the_token_has_ended_changes_nothing",
    ),
    of_tokens(
        "An export breaks off once the token has ended",
        "app/accounts/data_export.py",
        "            if current_request().user_id is not None and",
        "            if current_request().session_id is not None and",
        "test_requests.py::test_a_stream_breaks_off_once_the_token_has_ended",
    ),
    of_tokens(
        "A reset ends tokens",
        OWNERSHIP,
        '{"access tokens"} if await end_access_tokens(session, user) else set()',
        "set()",
        "test_requests.py::test_a_reset_ends_tokens_and_the_mail_says_so",
    ),
    of_tokens(
        "The tokens of a deactivated user end, also without features",
        "app/accounts/service_base.py",
        "            await ownership.end_access(self.session, user)\n",
        "            await ownership.end_credentials(self.session, user)\n",
        "test_tokens.py::test_the_service_without_features_ends_the_tokens_of_a_deactivated_user_too",
    ),
    of_tokens(
        "An undone change of address ends tokens",
        OWNERSHIP,
        '{"access tokens"} if await end_access_tokens(session, user) else set()',
        "set()",
        "test_requests.py::test_an_undone_change_of_address_ends_tokens",
    ),
    of_tokens(
        "Users end no tokens of others",
        OWNERSHIP,
        "    ended = delete(AccessToken).where(AccessToken.user_id == user.id, *conditions)\n",
        "    ended = delete(AccessToken).where(*conditions)\n",
        "test_tokens.py::test_tokens_of_others_are_neither_seen_nor_ended",
    ),
    of_tokens(
        "The end of a token is entered",
        OWNERSHIP,
        '        audit.record(session, Event.TOKEN_ENDED, user.id, before={"name": name})\n',
        "        pass\n",
        "test_tokens.py::test_making_and_ending_are_entered_and_told",
    ),
    of_tokens(
        "A token needs a recent sign-in",
        "app/access_tokens/routes.py",
        '@post("/", guards=[require_recent_sign_in])',
        '@post("/")',
        "test_tokens.py::test_a_token_needs_a_sign_in_of_the_last_ten_minutes",
    ),
    of_tokens(
        "Tokens are counted under a lock",
        TOKENS,
        "    user = await lock_user(session, user_id)\n",
        "    user = await session.get_one(User, user_id)\n",
        "test_tokens.py::test_the_fiftieth_token_is_refused_also_of_parallel_requests",
    ),
    of_tokens(
        "An account that cannot sign in gets no token",
        TOKENS,
        "    if not (user.is_active and user.is_verified):\n",
        "    if not user:\n",
        "test_tokens.py::test_an_account_that_cannot_sign_in_gets_no_token",
    ),
    of_tokens(
        "A name can be printed",
        TOKENS,
        "    if not wanted.name.isprintable() or not wanted.name.strip():\n",
        "    if not wanted.name:\n",
        "test_tokens.py::test_what_is_no_token_is_refused_by_name",
    ),
    of_tokens(
        "The first use from a network is told at once",
        REQUESTS,
        "    return is_recent and network in token.networks\n",
        "    return is_recent\n",
        "test_tokens.py::test_the_first_use_from_a_new_network_is_entered_and_told",
    ),
    of_tokens(
        "Of parallel first uses one is entered",
        REQUESTS,
        "(await lock(session, AccessToken, token.id)).get(token.id)",
        "await session.get(AccessToken, token.id)",
        "test_tokens.py::test_of_parallel_first_uses_one_is_entered",
    ),
    of_tokens(
        "Parallel first uses from several networks are all entered",
        REQUESTS,
        "(await lock(session, AccessToken, token.id)).get(token.id)",
        "await session.get(AccessToken, token.id)",
        "test_tokens.py::test_parallel_first_uses_from_several_networks_are_all_entered",
    ),
    of_tokens(
        "A program that moves all the time does not flood its owner",
        REQUESTS,
        "            if count.attempts == 1:\n",
        "            if count:\n",
        "test_tokens.py::test_a_program_in_many_networks_is_told_once_a_day",
    ),
    of_tokens(
        "The last use is stored once a minute",
        REQUESTS,
        "token.last_used_at > clock.now() - SEEN_AGAIN_AFTER",
        "token.last_used_at > clock.now()",
        "test_tokens.py::test_the_last_use_is_noted_once_a_minute",
    ),
    of_tokens(
        "Expiry is told once",
        TOKENS,
        "            token.is_expiry_told = True\n",
        "",
        "test_tokens.py::test_expiry_is_told_a_week_before_and_once",
    ),
]
WITH_ROLES = [
    Mutant(
        "A token has its own permissions alone",
        "app/models.py",
        "held & {*now.token.permissions} if now.token and now.user_id == self.id else held",
        "held if now.token else held",
        "rbac/test_access_tokens.py::test_a_token_needs_the_permission_itself",
    ),
    Mutant(
        "A token loses what its owner loses",
        "app/models.py",
        "held & {*now.token.permissions} if now.token",
        "{*now.token.permissions} if now.token",
        "rbac/test_access_tokens.py::test_a_token_loses_what_its_owner_loses",
    ),
    Mutant(
        "A token is given no more than its owner has",
        "app/rbac/token_routes.py",
        "tokens.RULES.append(require_held)\n",
        "",
        "rbac/test_access_tokens.py::test_a_token_is_given_no_more_than_its_owner_has",
    ),
    Mutant(
        "A permission that is named twice is stored once",
        "app/rbac/token_routes.py",
        "    wanted.permissions = sorted({*wanted.permissions})\n",
        "",
        "rbac/test_access_tokens.py::test_a_permission_that_is_named_twice_is_stored_once",
    ),
    Mutant(
        "A guard by the name of a role admits no token",
        FORM,
        ' or any(getattr(guard, "__module__", "") == JUDGES_USERS for guard in guards)',
        " or not guards",
        "rbac/test_access_tokens.py::test_a_guard_by_the_name_of_a_role_admits_no_token",
    ),
    Mutant(
        "Only those who may do as much end the tokens of a user",
        "app/rbac/token_routes.py",
        "    require_reach(user.permissions)\n",
        "",
        "rbac/test_access_tokens.py::test_no_one_ends_the_tokens_of_a_user_who_may_do_more",
    ),
    Mutant(
        "A deactivated user's tokens have ended for good",
        OWNERSHIP,
        "    await end_credentials(session, user)\n    await end_access_tokens(session, user)\n",
        "    await end_credentials(session, user)\n",
        "rbac/test_access_tokens.py::test_deactivation_ends_tokens_for_good",
    ),
]
