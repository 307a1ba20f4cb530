"""Which passwords are easy to guess, and how much work it is to find out."""

import random
import string
import threading
from typing import Any

import pytest
import zxcvbn
from zxcvbn import matching
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from app.accounts.passwords import policy
from app.accounts.passwords import strength
from app.accounts.passwords.strength import MAX_CHARACTERS
from app.accounts.passwords.strength import is_guessable
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD

SHIPPED, SHORTEST = 15, 8
REFUSED = [
    "passwordpassword",
    "1234567890123456",
    "aaaaaaaaaaaaaaaa",
    "password123456789",
    "qwertyuiopasdfgh",
    "abcdefghijklmnop",
    "Password1!Password1!",
    "PaSsWoRdPaSsWoRd",
    "p@ssw0rdp@ssw0rd",
    "P4$$w0rd12345678",
    "drowssapdrowssap",
    "987654321drowssap",
    "p a s s w o r d 1 2 3",
    "pass-word-pass-word",
    "".join(chr(ord(each) + 0xFEE0) for each in "password1234567"),  # as wide as Chinese characters
    "1qaz2wsx3edc4rfv",
    "!QAZ2wsx#EDC4rfv",
    "poiuytrewqlkjhgf",
    "1.1.2001-31.12.1999",
    "19900101199001011990",
    "Welcome2024Welcome2024",
    "thisismypassword",
    "iloveyou iloveyou",
    "漢字とひらがな漢字とひらがな",
    "парольпарольпароль",
    "אבגדהוזחטיכלמנס",
    "🙂 🙂 🙂 🙂 🙂 🙂 🙂 🙂",
    " " * 15,
    "-_.-_.-_.-_.-_.-_.",
    # An unlikely end does not make up for a common beginning.
    "a" * 40 + "vözbak tjunflüq",
]
ACCEPTED = [
    PASSWORD,
    ANOTHER_PASSWORD,
    "tulip anvil copper",
    "TulipAnvilCopper",
    "blaue Ziegen lesen Karten",
    "снегирь корова лопата",
    "дом кот лес река сон",
    "毎朝六時に犬と海辺を散歩します",
    "오늘은비가와서우산을샀다고말했다",
    "शनिवार को नदी पार करेंगे",
    "🙂🚀🌵🐙🍕🎸🧊🪐🦊🥁🧲🪁🧦🛶🥝",
    "<({[|!17+$5@4%2}]>)",
]


@pytest.mark.checklist("C03")
@pytest.mark.parametrize("password", REFUSED)
async def test_what_is_left_without_words_repeats_and_sequences_is_too_little(password: str) -> None:
    assert await is_guessable(password, ())


@pytest.mark.checklist("C03")
@pytest.mark.parametrize("password", ACCEPTED)
async def test_a_passphrase_of_unusual_words_passes_in_any_script(password: str) -> None:
    assert not await is_guessable(password, ())


@pytest.mark.checklist("C03")
@pytest.mark.parametrize("minimum", [SHIPPED, SHORTEST])
async def test_the_passwords_that_people_use_most_are_refused(minimum: int) -> None:
    listed = FREQUENCY_LISTS["passwords"]
    often = [password for password in listed[:3000] if len(password) >= minimum]
    often += [password for password in listed if len(password) >= SHIPPED]
    # People make a short one longer like this.
    often += [password * (minimum // len(password) + 1) for password in listed[:100]]
    often += [f"{password}{'1234567890123456'[: minimum - len(password)]}" for password in listed[:100]]
    passed = [password for password in often if not await is_guessable(password, ())]
    assert len(often) > 200
    assert passed == []


@pytest.mark.checklist("C03")
@pytest.mark.parametrize("minimum", [SHIPPED, SHORTEST])
async def test_what_chance_makes_passes(minimum: int) -> None:
    # The same at each run, since one in a thousand of the shortest ones happens to be a word and a year.
    chance, characters = random.Random(minimum), string.ascii_letters + string.digits  # noqa: S311  # it hides nothing
    made = ["".join(chance.choices(characters, k=minimum)) for _ in range(200)]
    made += [policy.generate() for _ in range(100)]
    assert [password for password in made if await is_guessable(password, ())] == []


@pytest.mark.checklist("C03")
@pytest.mark.parametrize(
    "password",
    [
        "vroomfondel2024",
        "VroomFondel-Quuxley",
        "quuxley.magrathea",
        "Quuxley Ixnetaur",
        "fjordkiosk-vroomfondel",
        "vroomfondel@magrathea",
    ],
)
async def test_what_an_attacker_knows_of_the_user_counts_for_nothing(password: str) -> None:
    assert await is_guessable(password, ("Fjord Kiosk", "quuxley.vroomfondel", "magrathea.example", "Ixnetaur Zaphod"))
    assert not await is_guessable(password, ("My Service", "grace", "example.com", ""))


@pytest.mark.checklist("I13")
@pytest.mark.parametrize(
    "password",
    [
        "4@8({[</369&#!1/|0$5+7%2/" * 5 + "end",
        "({[<!1|7+$5@4%2" * 8,
        "@4$5!1" * 21,
        "0123456789@$!" * 9,
        "\ufdfa" * 128,
        "ab" * 64,
        "1.1.2001" * 16,
    ],
)
def test_the_work_is_bounded_before_it_is_done(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    look_up, done = matching.dictionary_match, []

    def count(text: str, *arguments: Any, **options: Any) -> Any:
        done.append(len(text))
        return look_up(text, *arguments, **options)

    monkeypatch.setattr(matching, "dictionary_match", count)
    strength.guesses(password, ["word"] * 20)
    # Forwards, backwards and each reading, for each of two spellings and what repeats in it.
    assert len(done) <= 40
    assert max(done) <= MAX_CHARACTERS


@pytest.mark.checklist("I13")
async def test_the_event_loop_does_not_wait_for_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    where: list[str] = []

    def remember(_password: str, **_: Any) -> dict[str, int]:
        where.append(threading.current_thread().name)
        return {"guesses": 1}

    monkeypatch.setattr(zxcvbn, "zxcvbn", remember)
    assert await is_guessable(PASSWORD, ())
    assert {name.partition("_")[0] for name in where} == {"estimate"}
