"""The mutants fit what is generated: each removes something that is there, and names a test that is there."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.mutants import IF_THERE
from proofs.mutants import __main__ as runner
from proofs.mutants import mutants_of
from proofs.mutants.mutation import Mutant


def misfits(project: Path, mutant: Mutant) -> Iterator[str]:
    """What does not fit."""
    source = (project / mutant.file).read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        yield f"{mutant.defence}: {mutant.file} has {source.count(mutant.old)} times: {mutant.old}"
    compile(source.replace(mutant.old, mutant.new), f"{mutant.file} without: {mutant.defence}", "exec")
    path, _, name = mutant.test.partition("[")[0].partition("::")
    if f"def {name}(" not in (project / "tests" / path).read_text(encoding="utf-8"):
        yield f"{mutant.defence}: no test is called {mutant.test}"


def test_each_mutant_removes_one_defence_and_names_its_test(rendering: Path) -> None:
    assert [wrong for mutant in mutants_of(rendering) for wrong in misfits(rendering, mutant)] == []


def test_each_list_of_mutants_applies_to_some_service(template: Path) -> None:
    assert [path for path in IF_THERE if not (template / "{{cookiecutter.project_slug}}" / path).exists()] == []


def test_a_mutant_whose_test_does_not_end_is_unnoticed_and_the_next_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    databases = []

    def run(number: int, database: str, options: list[str]) -> subprocess.CompletedProcess[str]:
        databases.append(database)
        if number == 0:
            raise subprocess.TimeoutExpired(options, 300)
        return subprocess.CompletedProcess(options, 0, "", "")

    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(runner, "run_one", run)
    assert runner.run_all([0, 1], []) == 1
    assert databases == ["mutants0", "mutants0"]
