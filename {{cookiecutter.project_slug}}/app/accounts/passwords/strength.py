"""The strength of a password: how many guesses find it, as estimated by zxcvbn.

The estimator looks for words and passwords of its lists, also reversed and in leet, for repeats, sequences, dates and
runs on the keyboard. What is left counts ten guesses for each character. Its lists are Latin, so a passphrase in
another script passes by its length, unless it repeats itself.
"""

import asyncio
import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import prod

# A graphics card tries a few thousand stolen argon2id hashes of the shipped cost in a second. Ten billion guesses keep
# it busy for a month or more, for one account.
MIN_GUESSES_LOG10 = 10
# A short password needs fewer guesses, so that random ones pass: they count ten guesses for each character, and
# sometimes a hundred times fewer by chance.
MARGIN_LOG10 = 2
# The time of an estimate grows faster than the length of a password, and with each symbol that can stand for a letter.
# So long passwords are cut. The rest could only make them stronger.
MAX_CHARACTERS = 24
MAX_READINGS = 4
MIN_WORD_LENGTH = 3
SEPARATORS = re.compile(r"[\s.,_-]+")
WITHOUT_SHIFT = str.maketrans("!@#$%^&*()", "1234567890")
# The estimator keeps the words of its caller in a global, so estimates are made one after the other.
_thread = ThreadPoolExecutor(1, "estimate")


async def is_guessable(password: str, words: Iterable[str]) -> bool:
    """Whether too few guesses find a password, by an attacker who tries these words first."""
    least: int = 10 ** min(MIN_GUESSES_LOG10, len(password) - MARGIN_LOG10)
    estimate = await asyncio.get_running_loop().run_in_executor(_thread, guesses, password, [*words])
    return estimate < least


def guesses(password: str, words: Iterable[str] = ()) -> int:
    """How many guesses find a password; capitals and separators do not count."""
    # Imported late: its word lists take 13 MiB, which a process needs only when a user chooses a password.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    typed = _plain(password)[:MAX_CHARACTERS]
    spellings = {typed, typed.translate(WITHOUT_SHIFT)} - {""}
    estimates = [zxcvbn(_with_few_readings(each), user_inputs=[*_parts(words)])["guesses"] for each in spellings]
    return int(min(estimates, default=0))


def _plain(text: str) -> str:
    return SEPARATORS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _parts(words: Iterable[str]) -> Iterator[str]:
    # `grace.hopper` and also `grace` and `hopper`.
    for word in words:
        parts = {_plain(part) for part in (word, *re.split(r"[\W_]+", word))}
        yield from sorted(part for part in parts if len(part) >= MIN_WORD_LENGTH)


def _with_few_readings(text: str) -> str:
    from zxcvbn.matching import L33T_TABLE  # noqa: PLC0415  # as above

    # Every letter that several of the symbols stand for multiplies the readings: up to 576, which take seconds.
    choices: list[list[str]] = [*L33T_TABLE.values()]
    if prod(max(1, len({*symbols} & {*text})) for symbols in choices) <= MAX_READINGS:
        return text
    # Hidden behind characters that stand for no letter; digits stay, since they may be dates.
    hidden = {symbol for symbols in choices for symbol in symbols if not symbol.isdigit()}
    return "".join(chr(0xE000 + ord(each)) if each in hidden else each for each in text)
