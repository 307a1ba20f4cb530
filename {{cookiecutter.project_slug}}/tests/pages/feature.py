"""What the tests of the whole service take from pages."""

ROWS = {
    "P01": "A page runs the one script and the one style sheet of this service alone, and holds no personal data",
    "P02": "Each field has a label, and each page a title, a language and one heading of the first level",
    "P03": "Password managers find the fields, and the page to change the password",
    "P04": "Browsers keep no page, and may keep files whose names have a hash",
}
# They are not part of the API.
ROUTES: dict[str, str] = {}
USERS: dict[str, str] = {}
