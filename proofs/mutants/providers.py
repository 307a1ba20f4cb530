"""The defences of single providers and of signing out there, each removed and each with the test that notices."""

from proofs.mutants.mutation import Mutant
from proofs.mutants.mutation import of_oauth

IDENTITIES, NAMES = "app/oauth/account_linking.py", "app/settings/openid_providers.py"


NAMED = [
    of_oauth(
        "Each name of a provider has an identity space of its own",
        IDENTITIES,
        "(OAuthAccount.oauth_name == identity.provider)",
        "(OAuthAccount.oauth_name != identity.subject)",
        "test_named_providers.py::test_two_names_for_one_issuer_have_an_identity_space_each",
    ),
    of_oauth(
        "A preset keeps its issuer",
        NAMES,
        ' if f"oauth_{name}_client_id" not in settings.model_fields]',
        "]",
        "test_settings.py::test_a_preset_keeps_its_own_issuer",
    ),
    of_oauth(
        "The issuer of each named provider is checked",
        NAMES,
        '    "issuer": (Issuer | None, None),',
        '    "issuer": (str | None, None),',
        "test_settings.py::test_mistakes_in_each_of_them_are_said_by_name",
    ),
    of_oauth(
        "A mistake in one provider hides none of another whose name has digits",
        "app/settings/refusals.py",
        r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b",
        r"\b[A-Z]+(?:_[A-Z]+)+\b",
        "test_settings.py::test_mistakes_in_each_of_them_are_said_by_name",
    ),
    of_oauth(
        "The doctor names the setting of the provider that it found something about",
        "app/oauth/doctor_checks.py",
        "            is_named = name in settings.openid_providers()\n",
        '            is_named = name == "oidc"\n',
        "test_named_providers.py::test_the_doctor_checks_each_by_its_own_setting",
    ),
]

APPLE, FORM = "app/oauth/providers/apple.py", "app/oauth/form_answers.py"
WITH_APPLE = [
    of_oauth(
        "A form is taken from another site, where the callback alone judges it",
        FORM,
        "    accepts_other_sites=True,\n",
        "",
        "test_apple.py::test_a_user_signs_up_with_a_form_that_brings_no_cookie",
    ),
    Mutant(
        "No other form is taken from another site",
        "app/http/cross_site.py",
        'options.get("accepts_other_sites", False)',
        'options.get("accepts_forms", True)',
        "test_browsers.py::test_pages_of_other_sites_change_nothing",
    ),
    of_oauth(
        "A form is redirected to the service itself",
        FORM,
        'Redirect(f"{request.app.state.settings.base_url}{request.url.path}?{query}"',
        'Redirect(f"{request.url.path}?{query}"',
        "test_apple.py::test_a_form_leads_to_the_same_path_alone",
    ),
    of_oauth(
        "A form brings fields of a bounded size",
        FORM,
        "Meta(max_length=4096, pattern",
        "Meta(pattern",
        "test_apple.py::test_an_odd_form_is_refused",
    ),
    of_oauth(
        "A form brings what a URL can carry",
        FORM,
        r'Word = Annotated[str, Meta(max_length=4096, pattern=r"\A[\x20-\x7E]*\Z")]',
        "Word = Annotated[str, Meta(max_length=4096)]",
        "test_apple.py::test_an_odd_form_is_refused",
    ),
    of_oauth(
        "A secret for Apple lasts for minutes",
        APPLE,
        "timedelta(minutes=10)",
        "timedelta(days=170)",
        "test_apple.py::test_the_secret_is_made_with_the_key_for_a_few_minutes",
    ),
    of_oauth(
        "Each request makes a secret of its own",
        "app/oauth/providers/openid.py",
        "        make = self.preset.make_secret\n",
        '        make = __import__("functools").cache(self.preset.make_secret) if self.preset.make_secret else None\n'
        "        self.preset = self.preset._replace(make_secret=make)\n",
        "test_apple.py::test_the_secret_is_made_with_the_key_for_a_few_minutes",
    ),
    of_oauth(
        "A secret for Apple names the team that made it",
        APPLE,
        '"iss": key.team_id,',
        '"iss": key.key_id,',
        "test_apple.py::test_a_user_signs_up_with_a_form_that_brings_no_cookie",
    ),
    of_oauth(
        "A secret for Apple is for Apple alone",
        APPLE,
        '        "aud": ISSUER,\n',
        "",
        "test_apple.py::test_a_user_signs_up_with_a_form_that_brings_no_cookie",
    ),
    of_oauth(
        "A secret for Apple names its key",
        APPLE,
        'headers={"kid": key.key_id}',
        "headers={}",
        "test_apple.py::test_a_user_signs_up_with_a_form_that_brings_no_cookie",
    ),
    of_oauth(
        "A key for Apple is checked at start and not repeated",
        "app/settings/apple_key.py",
        "    except (ValueError, TypeError, UnsupportedAlgorithm):\n",
        "    except UnsupportedAlgorithm:\n",
        "test_apple.py::test_another_key_is_refused_at_start_and_not_repeated",
    ),
    of_oauth(
        "A name has no characters that no one sees",
        APPLE,
        '"".join(filter(str.isprintable, " ".join(parts)))',
        '" ".join(parts)',
        "test_apple.py::test_a_name_is_taken_if_it_is_one",
    ),
    of_oauth(
        "A name of the provider is for a new account alone",
        IDENTITIES,
        "    is_first_time = account is None\n",
        "    is_first_time = account is None\n    user.display_name = display_name or user.display_name\n",
        "test_apple.py::test_signing_in_again_keeps_the_name",
    ),
]

LOGOUT, SIGN_OUT = "app/oauth/providers/logout_tokens.py", "app/oauth/sign_out_routes.py"
BREAKS = "test_signing_out.py::test_a_logout_token_that_breaks_a_rule_ends_nothing"
COUNTS_FOR = "test_signing_out.py::test_a_logout_token_counts_for_ten_minutes"
WHICH = "test_signing_out.py::test_a_subject_a_session_or_both_say_which"
SIGNING_OUT = [
    of_oauth(
        "A logout token is of the provider",
        LOGOUT,
        "    id_tokens.require_issuer(claims, issuer)\n",
        "    assert issuer\n",
        BREAKS,
    ),
    of_oauth(
        "A logout token is for this service",
        LOGOUT,
        "audience=audience, options=OPTIONS",
        'audience=None, options={**OPTIONS, "verify_aud": False, "require": ["iss", "iat", "jti", "events"]}',
        BREAKS,
    ),
    of_oauth(
        "A logout token has a time and a name",
        LOGOUT,
        'REQUIRED = ["iss", "aud", "iat", "jti", "events"]',
        'REQUIRED = ["iss", "aud", "iat"]',
        BREAKS,
    ),
    of_oauth("A token of another kind is no logout token", LOGOUT, "    _require_type(token)\n", "", BREAKS),
    of_oauth("A logout token names its event", LOGOUT, "    _require_event(claims)\n", "", BREAKS),
    of_oauth("A logout token has no nonce", LOGOUT, 'if "nonce" in claims or not', "if not", BREAKS),
    of_oauth("The event is an object", LOGOUT, "isinstance(events.get(EVENT), dict)", "EVENT in events", BREAKS),
    of_oauth(
        "A logout token says what has ended",
        LOGOUT,
        "if not (subject or session_id) or not name:",
        "if not name:",
        BREAKS,
    ),
    of_oauth("A logout token has a name to be remembered by", LOGOUT, " or not name:", ":", BREAKS),
    of_oauth("A logout token is recent", LOGOUT, "    _require_times(claims)\n", "", COUNTS_FOR),
    of_oauth(
        "A logout token is not of the future",
        LOGOUT,
        "issued_at < now + LEEWAY_SECONDS:",
        "issued_at:",
        COUNTS_FOR,
    ),
    of_oauth(
        "A logout token expires when it says", LOGOUT, 'if "exp" in claims and', 'if "" in claims and', COUNTS_FOR
    ),
    of_oauth(
        "A logout token counts once",
        SIGN_OUT,
        "    await _require_first(session, provider, token)\n",
        "",
        "test_signing_out.py::test_a_logout_token_counts_once",
    ),
    of_oauth(
        "A logout token is remembered for as long as it could count",
        SIGN_OUT,
        "REMEMBERED_FOR = LONGEST_AGE + 2 * timedelta(seconds=LEEWAY_SECONDS)",
        "REMEMBERED_FOR = LONGEST_AGE / 2 + 0 * timedelta(seconds=LEEWAY_SECONDS)",
        "test_signing_out.py::test_a_logout_token_counts_once",
    ),
    of_oauth(
        "A logout token has a bounded size",
        SIGN_OUT,
        "Meta(max_length=16_384)",
        "Meta(max_length=90_000)",
        "test_signing_out.py::test_what_is_no_token_is_refused_in_bounded_size",
    ),
    of_oauth(
        "A session that ends leaves the other sessions",
        SIGN_OUT,
        "is_theirs & (UserSession.oauth_sid_digest == _digest(token.session_id)) if token.session_id else is_theirs",
        "is_theirs",
        WHICH,
    ),
    of_oauth(
        "The end of a session is about one subject",
        SIGN_OUT,
        "    if token.subject:\n",
        "    if not token:\n",
        WHICH,
    ),
    of_oauth(
        "A provider ends no sign-ins of another",
        SIGN_OUT,
        "OAuthAccount.oauth_name == provider, OAuthAccount.issuer == token.issuer",
        "OAuthAccount.oauth_name != token.issuer",
        "test_signing_out.py::test_a_provider_ends_no_sign_ins_of_another",
    ),
    of_oauth(
        "The ID token names the session, and userinfo does not",
        "app/oauth/providers/openid.py",
        'else {"iss", "sid"}',
        'else {"iss"}',
        "test_signing_out.py::test_the_session_of_an_id_token_counts_and_no_other",
    ),
    of_oauth(
        "The address that ends a session is reached over TLS",
        "app/oauth/providers/discovery.py",
        "and self.end_session_endpoint.startswith(schemes)",
        "and bool(schemes)",
        "test_signing_out.py::test_a_provider_that_ends_no_sessions_is_not_named",
    ),
]

CLIENT = [
    of_oauth(
        "A provider that spends a code before it checks the client refuses one user alone",
        "app/oauth/providers/client_authentication.py",
        "self._accepted = self._accepted if is_unknown_client(error) else others[0]\n",
        "assert error\n",
        "test_client_authentication.py::test_a_provider_that_spends_a_code_at_once_refuses_one_user_and_no_more",
    ),
]

MUTANTS = [*CLIENT, *NAMED, *WITH_APPLE, *SIGNING_OUT]
