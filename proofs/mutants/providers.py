"""The defences of single providers and of signing out there, each removed and each with the test that notices."""

from proofs.mutants.mutation import Mutant

IDENTITIES, NAMES = "app/oauth/account_linking.py", "app/settings/openid_providers.py"


def _mutant(defence: str, file: str, old: str, new: str, test: str) -> Mutant:
    return Mutant(defence, file, old, new, f"oauth/{test}")


NAMED = [
    _mutant(
        "Each name of a provider has an identity space of its own",
        IDENTITIES,
        "(OAuthAccount.oauth_name == identity.provider)",
        "(OAuthAccount.oauth_name != identity.subject)",
        "test_named_providers.py::test_two_names_for_one_issuer_have_an_identity_space_each",
    ),
    _mutant(
        "A preset keeps its issuer",
        NAMES,
        ' if f"oauth_{name}_client_id" not in settings.model_fields]',
        "]",
        "test_settings.py::test_a_preset_keeps_its_own_issuer",
    ),
    _mutant(
        "The issuer of each named provider is checked",
        NAMES,
        '    "issuer": (Issuer | None, None),',
        '    "issuer": (str | None, None),',
        "test_settings.py::test_mistakes_in_each_of_them_are_said_by_name",
    ),
    _mutant(
        "A mistake in one provider hides none of another whose name has digits",
        "app/settings/refusals.py",
        r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b",
        r"\b[A-Z]+(?:_[A-Z]+)+\b",
        "test_settings.py::test_mistakes_in_each_of_them_are_said_by_name",
    ),
    _mutant(
        "The doctor names the setting of the provider that it found something about",
        "app/oauth/doctor_checks.py",
        "            is_named = name in settings.openid_providers()\n",
        '            is_named = name == "oidc"\n',
        "test_named_providers.py::test_the_doctor_checks_each_by_its_own_setting",
    ),
]

MUTANTS = [*NAMED]
