"""Load thousands of mutated graph files and train a step of each: a sentence or success.

python tests/bench/mutated_graphs.py [COUNT] [FIRST_SEED]
"""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.graphcore.session.mutations import mutated
from tests.graphcore.session.test_mutated_graphs import bounded_memory, loaded_and_trained


def main(count: int = 2000, first: int = 1000) -> int:
    """Print each seed that fails; return how many did."""
    failed, refused = 0, 0
    with bounded_memory():
        for seed in range(first, first + count):
            what, text = mutated(seed)
            begun = time.perf_counter()
            try:
                refused += bool(loaded_and_trained(text))
            except Exception as error:
                failed += 1
                where = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
                print(f"{seed}: {what}\n   {type(error).__name__}: {str(error)[:150]} ({place})")
            if (took := time.perf_counter() - begun) > 5:
                print(f"{seed}: {what}\n   {took:.1f} s")
    print(f"{count} files: {refused} refused, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(min(1, main(*map(int, sys.argv[1:]))))
