"""Users of another system sign in with the passwords that they had there, and their hashes are replaced by ours."""

from collections import Counter
from pathlib import Path

import pytest
from passlib.context import CryptContext
from sqlalchemy import text

from app.accounts.imports import insert_users
from app.accounts.imports import user_of
from app.accounts.passwords import hasher
from app.accounts.passwords.hashes import Hashes
from app.accounts.passwords.hashes import cost_of
from app.database.transactions import new_transaction
from app.settings import Settings
from tests.accounts.foreign_hashes import HASHES
from tests.accounts.foreign_hashes import PASSWORD
from tests.cast import Person
from tests.cast import Stage
from tests.command_line import Operator
from tests.tables import Tables
from tests.tables import make_users

HEADER = "email,password_hash,is_verified,display_name"
BCRYPT = HASHES["bcrypt"]
TOO_DEAR = [
    BCRYPT.replace("$04$", "$15$"),
    HASHES["Django, PBKDF2"].replace("$1000$", "$5000001$"),
    HASHES["passlib, scrypt"].replace("ln=4,", "ln=31,"),
    HASHES["passlib, scrypt"].replace("ln=4,r=8,p=1$", "ln=17,r=8,p=9$"),
    HASHES["Django, scrypt"].replace("$16$", "$131072$").replace("$8$1$", "$8$9$"),
    HASHES["Werkzeug, scrypt"].replace(":1024:", ":1073741824:"),
]
DAMAGED = [
    *TOO_DEAR,
    BCRYPT[:-1],
    BCRYPT.replace("$04$", "$03$"),
    BCRYPT.replace("$2b$", "$2x$"),
    HASHES["Django, PBKDF2"].replace("$1000$", "$0$"),
    HASHES["Django, PBKDF2"][:-1],
    HASHES["Django, PBKDF2"].replace("pbkdf2_sha256", "pbkdf2_sha1"),
    HASHES["Werkzeug, PBKDF2"].replace("sha256", "sha512"),
    HASHES["passlib, scrypt"].replace("r=8", "r=0"),
    HASHES["passlib, scrypt"].replace("p=1", "p=0"),
    # PostgreSQL stores no NUL.
    "pbkdf2_sha256$1000$salt\0$e8F2EnicN56y5i3avU5FC46MEeHyWoZk9AZS12Fg3C8=",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "sha1$salt$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
    PASSWORD,
]
# The column holds 1,024 characters.
LONGEST = HASHES["passlib, PBKDF2"].replace("$otS61", f"${'A' * 1000}")
MANY_COSTS = [f"{number}@example.com,$pbkdf2-sha256${number}$AAAA${'A' * 43},true," for number in range(1, 21)]


@pytest.mark.checklist("C04")
@pytest.mark.parametrize("system", HASHES)
def test_a_hash_of_another_system_fits_its_password_alone(settings: Settings, system: str) -> None:
    checked, stored = Hashes(settings), HASHES[system]
    assert cost_of(stored)
    assert checked.is_outdated(stored)
    assert checked.fits(PASSWORD, stored)
    for other in ("", PASSWORD + " ", PASSWORD[:-1], "x" * 2000):
        assert not checked.fits(other, stored)


@pytest.mark.parametrize("stored", DAMAGED)
def test_no_password_fits_what_costs_too_much_or_is_no_hash(settings: Settings, stored: str) -> None:
    checked = Hashes(settings)
    assert cost_of(stored) is None
    assert not checked.fits(PASSWORD, stored)
    assert checked.costs == [checked.cost], "it would be computed at each sign-in"


def test_bcrypt_reads_nothing_of_a_password_with_nul(settings: Settings) -> None:
    assert not Hashes(settings).fits(f"{PASSWORD}\0", BCRYPT)


def test_bcrypt_reads_the_beginning_of_a_long_password_as_it_did_there(settings: Settings) -> None:
    long = "é" * 36 + "the rest"
    stored = CryptContext(["bcrypt"], bcrypt__rounds=4).hash(long.encode()[:72])
    assert Hashes(settings).fits(long, stored)
    assert not Hashes(settings).fits(long[1:], stored)


@pytest.mark.checklist("B01", "B03")
@pytest.mark.parametrize("system", HASHES)
def test_a_check_costs_the_same_for_imported_users_and_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    computed: Counter[str | None] = Counter()
    verify = CryptContext.verify

    def count(context: CryptContext, secret: bytes, stored: str) -> bool:
        computed[cost_of(stored)] += 1
        return bool(verify(context, secret, stored))

    monkeypatch.setattr(CryptContext, "verify", count)
    checked = Hashes(settings)
    checked.learn([cost_of(HASHES[system])])
    for stored in (HASHES[system], checked.make(PASSWORD), None, "!", *DAMAGED):
        for password in (PASSWORD, "another one", "with a \0 in it", "x" * 2000):
            computed.clear()
            checked.fits(password, stored)
            assert computed == {checked.cost: 1, cost_of(HASHES[system]): 1}, stored


@pytest.mark.checklist("B01")
async def test_costs_of_imported_hashes_count_before_the_first_sign_in(
    stage: Stage, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = hasher.Hasher(stage.app.state.settings)
    monkeypatch.setattr(hasher, "hasher_for", lambda _: ours)
    for number, stored in enumerate([*HASHES.values(), *DAMAGED]):
        if "\0" in stored:
            continue
        person = await stage.verified(f"person-{number}")
        await tables.execute(f"UPDATE \"user\" SET password_hash = '{stored}' WHERE email = '{person.email}'")  # noqa: S608  # made above
    await hasher.learn_costs(stage.app)
    assert {*ours.hashes.costs} == {ours.hashes.cost, *map(cost_of, HASHES.values())}


@pytest.mark.parametrize("system", HASHES)
async def test_an_imported_user_signs_in_and_their_hash_becomes_ours(
    operator: Operator, visitor: Person, tables: Tables, tmp_path: Path, system: str
) -> None:
    visitor.password = PASSWORD
    file = tmp_path / "users.csv"
    # Spreadsheets begin their files with a mark.
    file.write_text(f'{HEADER}\n{visitor.email.upper()},"{HASHES[system]}",true,Visitor\n', "utf-8-sig")
    made = await operator.types("import-users", str(file))
    assert (made.exit_code, made.stderr) == (0, "")
    assert "Imported 1 users; 0 have an account already.\n" in made.output
    assert f"Users with a hash of the cost {cost_of(HASHES[system])}: 1." in made.output
    assert made.output.endswith("Restart the service now, so that its response times do not tell who has an account.\n")
    assert (await visitor.sign_in()).status_code == 201
    [user] = await tables.rows("user")
    assert (user["email"], user["display_name"], user["is_verified"]) == (visitor.email, "Visitor", True)
    assert user["password_hash"].startswith("$argon2id$")
    assert "user.created" in await tables.kinds()


async def test_without_a_hash_or_a_proof_an_imported_user_cannot_sign_in_yet(
    operator: Operator, stage: Stage, tables: Tables, tmp_path: Path
) -> None:
    hopper, lovelace = stage.person("hopper"), stage.person("lovelace")
    hopper.password = lovelace.password = PASSWORD
    file = tmp_path / "users.csv"
    lines = [HEADER.removesuffix(",display_name"), f"{hopper.email},,true", f"{lovelace.email},{BCRYPT},false"]
    file.write_text("\n".join(lines))
    assert (await operator.types("import-users", str(file))).exit_code == 0
    assert [(await person.sign_in()).status_code for person in (hopper, lovelace)] == [401, 401]
    proven, unproven = sorted(await tables.rows("user"), key=lambda user: str(user["email"]))
    assert (proven["password_hash"], proven["unproven_until"]) == ("!", None)
    assert unproven["unproven_until"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["email,is_verified"], "The first line names no column password_hash."),
        ([""], "The first line names no column email, password_hash, is_verified."),
        ([f"{HEADER},email", "a@example.com,,true,A,b@example.com"], "The first line names a column twice."),
        ([f"{HEADER},age", "a@example.com,,true,A,7"], "Unknown column: age. Remove it from the file."),
        ([HEADER, "nobody,,true,"], "Line 2: An email address must have an @-sign."),
        ([HEADER, "a@example.com,,true,", "A@example.com,,true,"], "Line 3: a@example.com is in the file twice."),
        ([HEADER, "a@example.com,,perhaps,"], "Line 2: is_verified is neither true nor false."),
        ([HEADER, "a@example.com,md5,true,"], "Line 2: password_hash has a form that is unknown or costs too much."),
        ([HEADER, f"a@example.com,{LONGEST},true,"], "Line 2: password_hash has a form that is unknown"),
        ([HEADER, f"a@example.com,,true,{'x' * 101}"], "Line 2: display_name needs at most 100 characters"),
        ([HEADER, "a@example.com,,true"], "Line 2: it has more or fewer values than the first line has columns."),
        ([HEADER, "a@example.com,,true,A,B"], "Line 2: it has more or fewer values than the first line has columns."),
        ([HEADER, *["b,,true,"] * 30], "... and 10 more.\nNothing was imported."),
        ([HEADER, *MANY_COSTS], "The hashes would have 21 different costs, and at most 20 are possible.\nNothing was"),
        ([HEADER, "c@example.com,,true,", "grace@example.com,,true,"], "grace@example.com has an account already."),
    ],
)
@pytest.mark.usefixtures("grace")
async def test_a_wrong_line_is_named_and_nothing_is_imported(
    operator: Operator, tables: Tables, tmp_path: Path, lines: list[str], message: str
) -> None:
    before = await tables.rows("user")
    file = tmp_path / "users.csv"
    file.write_text("\n".join(lines))
    refused = await operator.types("import-users", str(file))
    assert refused.exit_code == 1
    assert message in refused.stderr
    assert await tables.rows("user") == before


async def test_accounts_that_exist_can_be_left_out(
    operator: Operator, grace: Person, tables: Tables, tmp_path: Path
) -> None:
    file = tmp_path / "users.csv"
    file.write_text(f"{HEADER}\n{grace.email},{BCRYPT},true,Thief\nnew@example.com,,true,New\n")
    made = await operator.types("import-users", "--skip-existing", str(file))
    assert made.output.endswith("Imported 1 users; 1 have an account already.\n")
    assert (await grace.sign_in()).status_code == 201
    assert len(await tables.rows("user")) == 2


@pytest.mark.checklist("I13")
async def test_an_import_takes_no_lock_of_its_own_for_each_account_that_exists(
    stage: Stage, settings: Settings, tables: Tables
) -> None:
    emails = await make_users(tables, settings, 100)
    users = [user_of({"email": each, "password_hash": "", "is_verified": "true"}, settings) for each in emails]
    async with new_transaction(stage.app) as session:
        assert await insert_users(session, users) == emails
        locks = await session.scalar(text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()"))
    assert locks < len(emails)


@pytest.mark.checklist("A10")
async def test_an_import_outweighs_a_sign_up_that_nobody_has_proven(
    operator: Operator, visitor: Person, mallory: Person, tables: Tables, tmp_path: Path
) -> None:
    await mallory.post("/register", email=visitor.email, password=mallory.password, display_name="Call +1 555")
    file = tmp_path / "users.csv"
    file.write_text(f"{HEADER}\n{visitor.email},{BCRYPT},true,Visitor\n")
    made = await operator.types("import-users", str(file))
    assert "Imported 1 users; 0 have an account already." in made.output
    assert (await visitor.verify()).status_code == 400
    assert (await mallory.post("/login", email=visitor.email, password=mallory.password)).status_code == 401
    visitor.password = PASSWORD
    assert (await visitor.sign_in()).status_code == 201
    [name] = [user["display_name"] for user in await tables.rows("user") if user["email"] == visitor.email]
    assert name == "Visitor"


@pytest.mark.checklist("A10")
async def test_an_import_without_a_proof_leaves_a_sign_up_as_it_is(
    operator: Operator, visitor: Person, tmp_path: Path
) -> None:
    await visitor.register()
    file = tmp_path / "users.csv"
    file.write_text(f"{HEADER}\n{visitor.email},{BCRYPT},false,Visitor\n")
    refused = await operator.types("import-users", str(file))
    assert f"{visitor.email} has an account already." in refused.stderr
    await visitor.verify()
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.checklist("I13")
async def test_the_costs_of_many_imported_hashes_are_few_rows_whatever_their_salts(
    stage: Stage, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    salts = ["AbCdEfGh", "sea salt", "a-b_c:d", "x", "0" * 40]
    forms = [HASHES[name].split("$") for name in ("Werkzeug, PBKDF2", "Werkzeug, scrypt")]
    for number, salt in enumerate(salts):
        for each, (cost, _, digest) in enumerate(forms):
            person = await stage.verified(f"person-{number}-{each}")
            stored = f"{cost}${salt[:7]}{number}${digest}"
            await tables.execute(f"UPDATE \"user\" SET password_hash = '{stored}' WHERE email = '{person.email}'")  # noqa: S608  # made above
    read: list[str | None] = []
    monkeypatch.setattr(hasher, "cost_of", read.append)
    async with new_transaction(stage.app) as session:
        await hasher.stored_costs(session)
    assert len(read) <= 6


async def test_a_file_that_is_no_csv_is_one_line(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_bytes(b"email,password_hash,is_verified\n\xff\xfe,,true")
    refused = await operator.types("import-users", str(file))
    assert refused.exit_code == 1
    assert "is not a CSV file in UTF-8" in refused.stderr
