"""The table of mutants fits the source: each removes something that is there, and names a test that is there."""

import pytest

from tests.mutants import MUTANTS
from tests.mutation import PROJECT
from tests.mutation import Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.defence)
def test_a_mutant_removes_one_defence_and_names_its_guard(mutant: Mutant) -> None:
    source = (PROJECT / mutant.file).read_text("utf-8")
    assert source.count(mutant.old) == 1
    compile(source.replace(mutant.old, mutant.new), mutant.file, "exec")
    path, _, name = mutant.test.partition("::")
    assert f"def {name}(" in (PROJECT / "tests" / path).read_text("utf-8")
