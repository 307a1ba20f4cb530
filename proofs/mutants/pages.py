"""The defences of pages, each removed and each with the test that notices."""

from proofs.mutants.mutation import Mutant

ROUTES = "app/pages/routes.py"
FILES = "app/pages/files.py"
TESTS = "pages/test_pages.py::"
POLICY = f"{TESTS}test_a_page_may_use_the_files_of_this_service_and_nothing_else"
MUTANTS = [
    Mutant(
        "A page loads nothing that its policy does not name", ROUTES, "default-src 'none'", "default-src 'self'", POLICY
    ),
    Mutant("A page runs no inline script", ROUTES, "script-src 'self'", "script-src 'self' 'unsafe-inline'", POLICY),
    Mutant("No script writes HTML", ROUTES, "; require-trusted-types-for 'script'", "", POLICY),
    Mutant("A page has its policy", ROUTES, ", headers=HEADERS)", ")", POLICY),
    Mutant(
        "The name of the service is text",
        ROUTES,
        "autoescape=True",
        "autoescape=False",
        f"{TESTS}test_the_name_of_the_service_is_text_whatever_it_holds",
    ),
    Mutant(
        "Only developers are led to the documentation of the API",
        ROUTES,
        ' and settings.environment == "development"',
        "",
        f"{TESTS}test_a_page_leads_to_the_documentation_in_development_alone",
    ),
    Mutant(
        "A file has the name of its content",
        FILES,
        "if name not in FILES:",
        "if not (name := next(each for each in FILES if each.endswith(Path(name).suffix))):",
        f"{TESTS}test_a_file_has_one_name",
    ),
    Mutant(
        "Browsers keep the files",
        FILES,
        ", immutable",
        "",
        f"{TESTS}test_browsers_keep_no_page_and_may_keep_its_files",
    ),
]
