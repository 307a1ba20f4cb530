"""`make security`: what the service promises to withstand, and the tests that hold each promise.

Run as `python -m tests.checklist`; a test names the rows that it holds with `@pytest.mark.checklist("A01")`. Rows that
not every service has are in the modules that `tests/features.py` lists.
"""

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.features import FEATURES

ROWS = {
    "A01": "Registering a known address looks the same from outside; its owner gets a mail",
    "A02": "Parallel spellings of one address make one account, over several workers",
    "A03": "A registration sets nothing but what it may",
    "A04": "A verification link works once, also for parallel requests",
    "A05": "A link proves the address it was sent to, and no other",
    "A06": "Tokens travel in bodies; no log holds one",
    "A07": "A newer link kills the older; an address gets few mails an hour",
    "A08": "Signing in with an unverified address gets the same response as a wrong password",
    "A09": "Invalid addresses are refused, and never become a mail header",
    "A10": "An account belongs to the person who proves its address; nothing of anyone before is left, mail or no mail",
    "A11": "An unproven account is removed after the time of a setting, and no other account is",
    "A12": "REGISTRATION by domain rules changes of address, too; a domain without addresses is refused at start",
    "B01": "A sign-in takes as long for unknown addresses as for known ones",
    "B02": "So does asking for a mail, however slow the mail server is",
    "B03": "So does a sign-in to an account that is inactive, unverified or without a password",
    "B04": "Wrong passwords are counted for each account, over all workers and restarts",
    "B05": "The count stands although the answer is a refusal",
    "B06": "The owner gets in by a new password, or from a network that the account knows, at its limit too",
    "B07": "Headers change the client's network only if a trusted proxy wrote them; IPv6 counts by /64",
    "B08": "A success gives a network no new attempts on other accounts",
    "B09": "Hashes hold up nothing else",
    "B10": "Few hashes are computed at once, two of one account; what is too much is refused quickly",
    "B11": "The owner is told of a sign-in from a new network, or after many wrong passwords",
    "B12": "Behind any proxy, or a Unix socket, the caller's network is right; an unknown one locks out no one else",
    "C01": "A password has 15 to 128 characters; the minimum is a setting with a floor of 8",
    "C02": "Any character will do, spelled in any way; nothing is cut off",
    "C03": "Passwords that are easy to guess, the address and the project's name are refused wherever one is chosen",
    "C04": "Passwords are stored as argon2id, at one of OWASP's choices or a higher cost",
    "C05": "Hashes of another cost are replaced at sign-in; a damaged one is a wrong password",
    "C06": "Passwords, hashes and tokens show in no answer, log line, representation or example",
    "D01": "A reset link works once, also for parallel requests",
    "D02": "A reset link dies by a newer one, a new password or address, deactivation and time",
    "D03": "The tables hold no token that works",
    "D04": "A reset starts no sign-in, ends all sign-ins, and tells the owner",
    "D05": "With the mail server down the answers are the same, and the mail is sent later",
    "D06": "Links in mails lead to BASE_URL and ignore headers",
    "D07": "A new password needs the present one, and is another",
    "D08": "A new password ends every other sign-in",
    "D09": "A new address counts once it is confirmed; the former one can undo it",
    "D10": "What a stolen credential must not do needs a password shown in the last ten minutes",
    "D12": "Undoing a change of address and a reset by mail leave a thief nothing; the mail says what was ended",
    "D13": "The link of a late mail works as long as the mail says; a mail that is dropped is counted and logged",
    "E01": "What a caller presents before signing in is never adopted, and ends; cookies change with every proof",
    "E02": "Nothing that was stored before a sign-in outlives it",
    "E04": "Signing out ends the presented credential, also for requests under way",
    "E05": "A sign-in ends in time, used or unused",
    "E06": "Callers who have not signed in leave no row and get no cookie; one that opens nothing is expired",
    "E08": "Pages of other sites change nothing",
    "E10": "Users see where they are signed in, at few places at the same time, and end it",
    "E11": "Deactivation and deletion act on the next request",
    "F09": "Instances whose clocks differ agree on what has expired",
    "F10": "A new SECRET_KEY, introduced by the documented steps, signs no user out and breaks no flow under way",
    "H01": "Users change the fields of their profile that are documented, and nothing else",
    "H02": "Every route is in a table of who may call it, and responds to every kind of caller accordingly",
    "H03": "A path is open because its route says so, and not because of a word in it",
    "H08": "Of several requests for one act one does it, enters it and mails it; the others are refused",
    "H09": "What is refused (403, 409 of a rule, 429) is in the trail, at most once a minute for an actor and a type",
    "I01": "No request that can be made up breaks the service",
    "I02": "No response reports a success that is not stored",
    "I03": "While the database is away or busy callers are asked to come again; it goes on by itself afterwards",
    "I04": "Errors show nothing of the inside; production refuses to debug; the API's description can be closed",
    "I05": "What happens to accounts is entered once in a trail that cannot be changed, without secrets",
    "I06": "Migrations keep the rows, can be taken back, and leave the version before answering",
    "I07": "A process that is stopped finishes what it has begun; no mail is lost or sent twice",
    "I08": "Deleting an account needs a fresh sign-in and leaves nothing personal; an export is about the caller alone",
    "I09": "A bug in the code is a 500 with a traceback; a caller's mistake is a 4xx; a 503 says what was waited for",
    "I10": "A database that is away in any way is a 503 and a red readiness, and service goes on by itself",
    "I12": "Wrong, contradictory and absurdly large settings are refused at start; URLs of hosting companies connect",
    "I13": "Lengths are checked before work is done; a connection has a deadline in every state",
    "L01": "A token for programs is shown once, stored as a digest, known by its form; a wrong one costs no look-up",
    "L02": "It opens what it and its owner may do now, on routes that say so; one that may read changes nothing",
    "L03": "It never makes, changes or ends credentials, addresses or tokens",
    "L04": "It ends by expiry, deletion, reset, deactivation and deletion of its owner, on the next request",
    "L05": "Its making, first use from a new network and end are in the trail; its last use is noted once a minute",
    "E12": "Every answer tells browsers to be careful with it",
    "E13": "Signing out touches no cookie of other applications",
}
for feature in FEATURES:
    ROWS |= feature.ROWS


class Table:
    """A pytest plugin that notes which rows a test holds, and how it went."""

    def __init__(self) -> None:
        self._outcomes: dict[str, dict[str, str]] = {row: {} for row in ROWS}
        self._rows: dict[str, tuple[str, ...]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note the rows of each test; all its parameters are one line."""
        for item in items:
            self._rows[item.nodeid] = tuple(row for marker in item.iter_markers("checklist") for row in marker.args)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how it went; one failure outweighs any success."""
        name = re.sub(r"\[.*", "", report.nodeid)
        for row in self._rows.get(report.nodeid, ()):
            if report.when == "call" or report.failed:
                before = self._outcomes[row].get(name)
                self._outcomes[row][name] = "failed" if "failed" in {before, report.outcome} else report.outcome

    def show(self) -> bool:
        """Print the table; False if a row has no test or a test has failed."""
        for row, promise in sorted(ROWS.items()):
            print(f"\n{row}  {promise}")  # noqa: T201  # what the command is for
            for name, outcome in self._outcomes[row].items() or [("no test holds this", "open")]:
                path, _, test = name.partition("::")
                where = f"{path}: {test.removeprefix('test_').replace('_', ' ')}" if test else name
                print(f"     {outcome:<7} {where}")  # noqa: T201  # what the command is for
        return all(outcomes and set(outcomes.values()) == {"passed"} for outcomes in self._outcomes.values())


def marked_rows(folder: Path) -> set[str]:
    """The rows that tests in this folder name, by a decorator or, for a whole file, by `pytestmark`."""
    nodes = (node for path in folder.rglob("test_*.py") for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    return {
        str(ast.literal_eval(row))
        for node in nodes
        for mark in _marks(node)
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.checklist"
        for row in mark.args
    }


def _marks(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
        return node.decorator_list
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
        return [node.value]
    return []


if __name__ == "__main__":
    table = Table()
    # The rows of features have imported what pytest would rewrite for plugins, which needs none of it.
    quiet = ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    pytest.main(["-m", "checklist", "-q", "--no-header", *quiet, *sys.argv[1:]], plugins=[table])
    sys.exit(not table.show())
