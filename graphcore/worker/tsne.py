"""t-SNE by scikit-learn, from standard input to standard output; how far it is goes to the errors.

Source: van der Maaten and Hinton, Visualizing Data using t-SNE, JMLR 2008.
"""

from __future__ import annotations

import io
import os
import sys

import numpy as np


def main() -> int:
    """Read values (n, k) as .npy, write points (n, 2) as .npy."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from sklearn.manifold import TSNE

    values = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    sys.stdout.flush()
    result, written = os.fdopen(os.dup(1), "wb"), io.BytesIO()
    os.dup2(2, 1)  # scikit-learn prints how far it is
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    perplexity = min(30.0, (len(values) - 1) / 3)
    points = TSNE(perplexity=perplexity, init="pca", random_state=0, verbose=2).fit_transform(
        values
    )
    np.save(written, points, allow_pickle=False)
    result.write(written.getvalue())
    result.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
