"""t-SNE by scikit-learn, from standard input to standard output; how far it is goes to the errors.

The input stays open until the result was read: when it closes before, the work ends.

Source: van der Maaten and Hinton, Visualizing Data using t-SNE, JMLR 2008.
"""

from __future__ import annotations

import io
import os
import sys
import threading

import numpy as np

from graphcore.system import start

LENGTH = 8
"""Bytes of the length, the highest first."""


def main() -> int:
    """Read values (n, k) as .npy, its length first; write points (n, 2) as .npy."""
    start.lowest_priority()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from sklearn.manifold import TSNE

    length = int.from_bytes(sys.stdin.buffer.read(LENGTH))
    values = np.load(io.BytesIO(sys.stdin.buffer.read(length)), allow_pickle=False)
    done = threading.Event()
    threading.Thread(target=_end_with_the_input, args=(done,), daemon=True).start()
    sys.stdout.flush()
    result, written = os.fdopen(os.dup(1), "wb"), io.BytesIO()
    os.dup2(2, 1)  # scikit-learn prints how far it is
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    perplexity = min(30.0, (len(values) - 1) / 3)
    points = TSNE(perplexity=perplexity, init="pca", random_state=0, verbose=2).fit_transform(
        values
    )
    np.save(written, points, allow_pickle=False)
    done.set()
    result.write(written.getvalue())
    result.close()
    return 0


def _end_with_the_input(done: threading.Event) -> None:
    """End at once when whoever reads the result has closed the input, or is no more."""
    while os.read(0, 1024):
        pass
    if not done.is_set():
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
