"""`litestar users calibrate-hash`: what a password hash may cost on this machine."""

from time import perf_counter

import click

from app.accounts.argon2id import Argon2id
from app.accounts.commands import app_of
from app.settings import Settings

# From the most memory, which is what makes guessing on graphics cards dear, down to OWASP's minimum.
MEMORY_KIB = (262_144, 131_072, 65_536, 47_104, 19_456)
ITERATIONS = range(2, 11)


@click.command
@click.option(
    "--target-ms", default=100, show_default=True, type=click.IntRange(10, 5000), help="How long one may take."
)
@click.pass_context
def calibrate_hash(context: click.Context, target_ms: int) -> None:
    """Measure what password hashes cost on this machine, and propose settings for the time that one may take."""
    settings: Settings = app_of(context).state.settings
    memory_kib, iterations = dearest_within(target_ms)
    at_once = settings.hash_concurrency
    click.echo(f"\nHASH_MEMORY_KIB={memory_kib}\nHASH_ITERATIONS={iterations}\nHASH_PARALLELISM=1\n")
    click.echo(f"One process computes {at_once} at once (HASH_CONCURRENCY), in {at_once * memory_kib // 1024} MiB.")


def dearest_within(target_ms: int) -> tuple[int, int]:
    """The most memory, and then the most iterations, with which a hash takes no longer.

    Raises:
        ClickException: if even the cheapest hash that is safe takes longer.
    """
    click.echo("memory (KiB)  iterations  milliseconds")
    for memory_kib in MEMORY_KIB:
        found = None
        for iterations in ITERATIONS:
            if measure(memory_kib, iterations) > target_ms:
                break
            found = memory_kib, iterations
        if found:
            return found
    raise click.ClickException("Even the cheapest hash that is safe takes longer here. Allow more: --target-ms 200")


def measure(memory_kib: int, iterations: int) -> float:
    """Milliseconds for one hash: the best of three, since other programs can only make it slower; prints them."""
    argon2id = Argon2id(memory_kib, iterations, parallelism=1)
    stored = argon2id.digest("a password that opens nothing")

    def once() -> float:
        start = perf_counter()
        argon2id.verify("a password that does not fit", stored)
        return (perf_counter() - start) * 1000

    best = min(once() for _ in range(3))
    click.echo(f"{memory_kib:>12}  {iterations:>10}  {best:>12.0f}")
    return best
