"""The defences of the settings, each removed and each with the test that notices."""

from proofs.mutants.mutation import Mutant

MUTANTS = [
    Mutant(
        "A number is not too large for what it is used for",
        "app/settings/__init__.py",
        "session_lifetime_days: int = Field(default=30, ge=1, le=400)",
        "session_lifetime_days: int = Field(default=30, ge=1, le=10**10)",
        "test_setting_bounds.py::test_a_number_outside_of_its_bounds_is_refused_and_the_bounds_are_named",
    ),
    Mutant(
        "A sign-in does not last longer unused than used",
        "app/settings/checks.py",
        "    if settings.session_idle_days > settings.session_lifetime_days:",
        "    if False:",
        "test_setting_bounds.py::test_a_sign_in_does_not_last_longer_unused_than_used",
    ),
    Mutant(
        "A key of the service is no other secret",
        "app/settings/checks.py",
        "name not in KEYS and value in keys:",
        "name not in KEYS and value == '':",
        "test_setting_bounds.py::test_a_secret_that_others_know_is_not_a_key_of_the_service",
    ),
    Mutant(
        "The whole internet is no proxy",
        "app/settings/checks.py",
        "and _is_too_large(network):",
        "and network.prefixlen == 0:",
        "test_setting_bounds.py::test_proxies_that_are_half_the_internet_are_refused_in_production_alone",
    ),
    Mutant(
        "Hashes fit into the memory",
        "app/settings/hashes.py",
        "        if self.hash_concurrency * memory_kib > available:",
        "        if False:",
        "test_setting_bounds.py::test_hashes_that_need_more_memory_than_the_machine_has_are_refused",
    ),
    Mutant(
        "A wrong value hides no other mistake",
        "app/settings/refusals.py",
        '[each for each in parts for _ in ("values", "contradictions")]',
        "[settings]",
        "test_setting_bounds.py::test_every_mistake_is_named_at_once_whatever_kind_it_is_of",
    ),
    Mutant(
        "A wrong value causes no other mistake",
        "app/settings/refusals.py",
        "if not _names(line) & wrong]",
        "]",
        "test_setting_bounds.py::test_a_mistake_is_not_followed_by_mistakes_that_it_only_seems_to_cause",
    ),
    Mutant(
        "An origin is spelled as browsers spell it",
        "app/settings/origins.py",
        "if port and port != DEFAULT_PORTS[scheme] else",
        "if port else",
        "test_setting_urls.py::test_a_site_is_spelled_as_browsers_spell_it",
    ),
    Mutant(
        "An origin has no wildcard",
        "app/settings/origins.py",
        '    if "*" in value:',
        "    if False:",
        "test_setting_urls.py::test_a_site_that_no_browser_sends_is_refused",
    ),
    Mutant(
        "A refusal of a site repeats no password",
        "app/settings/origins.py",
        '    if "@" in value:',
        "    if False:",
        "test_setting_urls.py::test_a_site_that_no_browser_sends_is_refused",
    ),
    Mutant(
        "A port that speaks TLS is not spoken to without",
        "app/settings/mail_url.py",
        "    if port == IMPLICIT_TLS_PORT and not is_tls:",
        "    if False:",
        "test_setting_urls.py::test_a_url_that_leads_to_no_mail_server_is_refused_without_its_password",
    ),
    Mutant(
        "A password for the mail server is not sent in plain text",
        "app/accounts/mail/mailer.py",
        "start_tls=True if self._server.requires_starttls else None,",
        "start_tls=None,",
        "accounts/test_mail.py::test_a_password_is_not_sent_in_plain_text_to_another_machine",
    ),
    Mutant(
        "Production has a sender",
        "app/settings/checks.py",
        "    if settings.mail_from == EXAMPLE_SENDER:",
        "    if False:",
        "test_settings.py::test_a_wrong_setting_is_refused_in_one_line_that_says_what_to_do",
    ),
    Mutant(
        "A site from which no cookie is sent is named at start",
        "app/users.py",
        "        if is_another_site(origin, settings.base_url):",
        "        if False:",
        "test_other_sites.py::test_a_site_whose_users_could_not_be_signed_in_is_named_at_start",
    ),
]
