"""The mutants fit what is generated: each removes something that is there, and names a test that is there."""

from collections.abc import Iterator
from pathlib import Path

from proofs.mutants import IF_THERE
from proofs.mutants import mutants_of
from proofs.mutants.mutation import Mutant


def misfits(project: Path, mutant: Mutant) -> Iterator[str]:
    """What does not fit."""
    source = (project / mutant.file).read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        yield f"{mutant.defence}: {mutant.file} has {source.count(mutant.old)} times: {mutant.old}"
    compile(source.replace(mutant.old, mutant.new), f"{mutant.file} without: {mutant.defence}", "exec")
    path, _, name = mutant.test.partition("::")
    if f"def {name}(" not in (project / "tests" / path).read_text(encoding="utf-8"):
        yield f"{mutant.defence}: no test is called {mutant.test}"


def test_each_mutant_removes_one_defence_and_names_its_test(rendering: Path) -> None:
    assert [wrong for mutant in mutants_of(rendering) for wrong in misfits(rendering, mutant)] == []


def test_each_list_of_mutants_applies_to_some_service(template: Path) -> None:
    assert [path for path in IF_THERE if not (template / "{{cookiecutter.project_slug}}" / path).exists()] == []
