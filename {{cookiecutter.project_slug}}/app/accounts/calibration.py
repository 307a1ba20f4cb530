"""`litestar users calibrate-hash`: measures password hashes on this machine."""

from time import perf_counter

import click

from app.accounts.commands import app_of
from app.accounts.passwords.hashes import Hashes
from app.settings import Settings
from app.settings.hashes import HASH_CHOICES

# Memory in KiB, and the fewest iterations that are enough with it. The most memory comes first: it makes guessing on
# graphics cards expensive. OWASP's choices come last.
CHOICES = ((262_144, 1), (131_072, 1), (65_536, 1), *HASH_CHOICES)
MAX_ITERATIONS = 10


@click.command
@click.option(
    "--target-ms", default=100, show_default=True, type=click.IntRange(10, 5000), help="How long one may take."
)
@click.pass_context
def calibrate_hash(context: click.Context, target_ms: int) -> None:
    """Measure what password hashes cost on this machine, and propose settings for the time that one may take."""
    settings: Settings = app_of(context).state.settings
    memory_kib, iterations = dearest_within(target_ms, settings)
    at_once = settings.hash_concurrency
    click.echo(f"\nHASH_MEMORY_KIB={memory_kib}\nHASH_ITERATIONS={iterations}\nHASH_PARALLELISM=1\n")
    click.echo(f"One process computes {at_once} at once (HASH_CONCURRENCY), in {at_once * memory_kib // 1024} MiB.")


def dearest_within(target_ms: int, settings: Settings) -> tuple[int, int]:
    """The most memory, and then the most iterations, with which a hash takes at most `target_ms`.

    Raises:
        ClickException: if even the cheapest hash that is allowed takes longer.
    """
    click.echo("memory (KiB)  iterations  milliseconds")
    for memory_kib, least in CHOICES:
        found = None
        for iterations in range(least, MAX_ITERATIONS + 1):
            if measure(memory_kib, iterations, settings) > target_ms:
                break
            found = memory_kib, iterations
        if found:
            return found
    raise click.ClickException("Even the cheapest hash that is allowed takes longer. Allow more: --target-ms 200")


def measure(memory_kib: int, iterations: int, settings: Settings) -> float:
    """Milliseconds for one hash: the best of three, since other programs can only make it slower; prints them."""
    cost = {"hash_memory_kib": memory_kib, "hash_iterations": iterations, "hash_parallelism": 1}
    hashes = Hashes(settings.model_copy(update=cost))

    def once() -> float:
        start = perf_counter()
        hashes.make("a password that opens nothing")
        return (perf_counter() - start) * 1000

    best = min(once() for _ in range(3))
    click.echo(f"{memory_kib:>12}  {iterations:>10}  {best:>12.0f}")
    return best
