"""Whether steps that are looked at are the steps that are not, in many random nets.

    python -m tests.bench.shown_steps [--count 300] [--first 0]

For each net, in both precisions: training that is watched now and then against training that is
not, to the last bit; every value, gradient, edge and picture of a recorded step against
inspection; the gradients of training against those of inspection.
Prints what differs, and how many nets did.
"""

from __future__ import annotations

import argparse
import traceback
from collections import Counter

from graphcore.errors import GradscapeError
from tests.graphcore.engine.random_nets import Net, random_net
from tests.graphcore.engine.shown_steps import BARS, first_difference, misshown, stepwise_difference


def problems(net: Net, dtype: str) -> list[tuple[str, str]]:
    """What is wrong with a net: kind, and what it is."""
    found = [
        ("watched training differs", first_difference(net, dtype)),
        ("shown otherwise", misshown(net.graph, net.data, dtype)),
    ]
    off = stepwise_difference(net.graph, net.data, dtype)
    found.append(("inspected step differs", f"{off:.2g}" if off > BARS[dtype] else ""))
    return [(kind, text) for kind, text in found if text]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    for seed in range(options.first, options.first + options.count):
        for dtype in BARS:
            try:
                found = problems(random_net(seed), dtype)
            except GradscapeError as error:
                found = [("refused", str(error))]
            except Exception as error:
                traceback.print_exc(limit=-3)
                found = [("crashed", repr(error))]
            counts.update(kind for kind, _ in found)
            for kind, text in found:
                print(f"net {seed}, {dtype}: {kind}: {text}")
    print(f"{options.count} nets: {dict(counts) or 'all as they should be'}")


if __name__ == "__main__":
    main()
