"""How many guesses a password withstands, as zxcvbn estimates it.

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
LEAST_GUESSES_LOG10 = 10
# A short password needs fewer: a random one has to pass, which counts ten guesses for each character, and by accident a
# hundred times less.
MARGIN_LOG10 = 2
# The estimate takes longer than in proportion to the length and to the ways in which symbols stand for letters. What is
# not shown to the estimator can only make a password stronger.
MOST_CHARACTERS = 24
MOST_READINGS = 4
SHORTEST_WORD = 3
SEPARATORS = re.compile(r"[\s.,_-]+")
WITHOUT_SHIFT = str.maketrans("!@#$%^&*()", "1234567890")
# The estimator keeps the words of its caller in a global, so estimates are made one after the other.
_thread = ThreadPoolExecutor(1, "estimate")


async def is_guessable(password: str, words: Iterable[str]) -> bool:
    """Whether too few guesses find a password, by an attacker who tries these words first."""
    least: int = 10 ** min(LEAST_GUESSES_LOG10, len(password) - MARGIN_LOG10)
    estimate = await asyncio.get_running_loop().run_in_executor(_thread, guesses, password, [*words])
    return estimate < least


def guesses(password: str, words: Iterable[str] = ()) -> int:
    """How many guesses a password withstands, whatever its capitals and separators are."""
    # Imported late: its lists take 13 MiB, and a process in which nobody chooses a password does without them.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    typed = _plain(password)[:MOST_CHARACTERS]
    spellings = {typed, typed.translate(WITHOUT_SHIFT)} - {""}
    estimates = [zxcvbn(_with_few_readings(each), user_inputs=[*_parts(words)])["guesses"] for each in spellings]
    return int(min(estimates, default=0))


def _plain(text: str) -> str:
    return SEPARATORS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _parts(words: Iterable[str]) -> Iterator[str]:
    # `grace.hopper` and also `grace` and `hopper`.
    for word in words:
        parts = {_plain(part) for part in (word, *re.split(r"[\W_]+", word))}
        yield from sorted(part for part in parts if len(part) >= SHORTEST_WORD)


def _with_few_readings(text: str) -> str:
    from zxcvbn.matching import L33T_TABLE  # noqa: PLC0415  # as above

    # Every letter that several of the symbols stand for multiplies the readings: up to 576, which take seconds.
    choices: list[list[str]] = [*L33T_TABLE.values()]
    if prod(max(1, len({*symbols} & {*text})) for symbols in choices) <= MOST_READINGS:
        return text
    # Hidden behind characters that stand for no letter; digits stay, since they may be dates.
    hidden = {symbol for symbols in choices for symbol in symbols if not symbol.isdigit()}
    return "".join(chr(0xE000 + ord(each)) if each in hidden else each for each in text)
