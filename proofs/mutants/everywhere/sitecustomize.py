"""Weakens every Python process that the test of a mutant starts, since this folder is on the path of each."""  # noqa: INP001  # its folder is on the path

import os
import sys
from pathlib import Path

from proofs.mutants import mutants_of
from proofs.mutants.mutation import Weakening

project = Path(os.environ["MUTANT_OF"])
sys.meta_path.insert(0, Weakening(mutants_of(project)[int(os.environ["MUTANT"])], project))
