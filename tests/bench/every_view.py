"""Whether every view of many random nets is answered, or refused with a sentence.

    python -m tests.bench.every_view [--count 200] [--first 0]

Each net is trained for three steps and asked for every view. Prints what goes wrong, by net.
"""

from __future__ import annotations

import argparse
import time
import traceback

from tests.graphcore.engine.random_nets import random_net
from tests.graphcore.views.test_every_view import faults_of


def main() -> int:
    """Try the nets; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    faulty = 0
    begun = time.monotonic()
    for seed in range(options.first, options.first + options.count):
        try:
            found = faults_of(random_net(seed))
        except Exception:
            found = [traceback.format_exc()]
        faulty += bool(found)
        for fault in found:
            print(f"net {seed}: {fault}", flush=True)
    print(f"{options.count} nets, {faulty} with faults, {time.monotonic() - begun:.0f} s")
    return 1 if faulty else 0


if __name__ == "__main__":
    raise SystemExit(main())
