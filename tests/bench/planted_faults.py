"""Plant faults one at a time in a copy of the project and see that the tests near them notice.

    python tests/bench/planted_faults.py [WORD ...]

Only faults whose file or text has one of the words are planted. A fault that no test notices is
named, and the exit code is 1. A line of code that is not there any more is an error: the fault
is to be written anew for the code of today.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 300
"""A fault may make a test wait for ever: that is noticed too."""


@dataclass(frozen=True)
class Fault:
    """One piece of code, what stands in its place, and the tests that should see it.

    Attributes:
        file: below the project's folder. tests: arguments of pytest.
    """

    file: str
    right: str
    wrong: str
    tests: str


OPS = "tests/graphcore/ops"
FAULTS = (
    # operators
    Fault("graphcore/ops/linear.py", "gx = g @ weight if", "gx = g @ weight * 1.001 if",
          f"{OPS} -k Linear"),
    Fault("graphcore/ops/linear.py", "rows.sum(0)) if", "rows.mean(0)) if", f"{OPS} -k Linear"),
    Fault("graphcore/ops/activation.py", "(g, x, negative_slope, False)",
          "(g, x, negative_slope * 1.01, False)", f"{OPS} -k LeakyReLU"),
    Fault("graphcore/ops/dropout.py", "generator=ctx.generator).div_(1 - p)",
          "generator=ctx.generator)", f"{OPS} -k Dropout"),
    Fault("graphcore/ops/dropout.py", "if not ctx.training or p == 0:", "if p == 0:",
          f"{OPS} -k Dropout"),
    # engine
    Fault("graphcore/engine/execute.py", "grads[slot] + gx if slot in grads else gx", "gx",
          "tests/graphcore/engine"),
    Fault("graphcore/engine/gradient_check.py", "/ (2 * step)", "/ step",
          "tests/graphcore/engine -k check"),
    Fault("graphcore/engine/gradient_check.py", "if abs(beside - found) < error / 2",
          "if abs(beside - found) < error * 2", "tests/graphcore/engine -k check"),
    # training
    Fault("graphcore/training/evaluation.py", "self._total += loss * len(xs)",
          "self._total += loss * self._batch", "tests/graphcore/training"),
    Fault("graphcore/training/evaluation.py", "else 0.5", "else 0.6", "tests/graphcore/training"),
    Fault("graphcore/training/schedules.py", "final + (1 - final) * (1 + math.cos",
          "final + (1 - final) * (1 - math.cos", "tests/graphcore/training -k schedule"),
    Fault("graphcore/training/early_stopping.py", "self.waited >= patience",
          "self.waited > patience", "tests/graphcore/training"),
    Fault("graphcore/training/early_stopping.py", "            self._restore(plan)\n", "",
          "tests/graphcore/training"),
    Fault("graphcore/training/transfer/net2net.py", "self.index[:, None] * each + steps",
          "self.index[:, None] + steps", "tests/graphcore/training/transfer"),
    # runs
    Fault("graphcore/runs/curves.py", "kept = self.smoothing**span", "kept = self.smoothing",
          "tests/graphcore/runs"),
    Fault("graphcore/runs/curves.py", "self._means[1::2]", "self._means[::2]",
          "tests/graphcore/runs"),
    Fault("graphcore/runs/snapshots.py", "bisect_right(self.steps, step) - 1",
          "bisect_right(self.steps, step)", "tests/graphcore/runs tests/graphcore/views"),
    # views
    Fault("graphcore/landscapes/planes.py", "noise *= lengths / ", "noise *= 1 / ",
          "tests/graphcore/training -k filter_normalised"),
    Fault("graphcore/views/results/compute.py", "np.argsort(-shares[wrong",
          "np.argsort(shares[wrong", "tests/graphcore/views tests/app/panels -k result"),
    Fault("graphcore/views/results/compute.py", "cell = int(labels[i]), int(answers[i])",
          "cell = int(answers[i]), int(labels[i])", "tests/graphcore/views -k result"),
    Fault("graphcore/views/health/compute.py", "context, torch.ones_like(y), y", "context, y, y",
          "tests/graphcore/views/test_health.py"),
    Fault("graphcore/views/health/compute.py", "if not now < before:", "if now < before:",
          "tests/graphcore/views/test_health.py"),
    Fault("graphcore/views/timeline/compute.py", "lr=then.lr if then else trainer.lr",
          "lr=trainer.lr", "tests/app/test_story_one_rate.py"),
    # document
    Fault("app/document/commands.py", "lambda g: g.set_frozen(name, input, before)",
          "lambda g: g.set_frozen(name, input, frozen)", "tests/app/document"),
    Fault("app/document/document.py", "changes = [commands.disconnect(taken)] if taken else []",
          "changes = []", "tests/app/document tests/app/canvas -k connect"),
    Fault("app/document/document.py", "step = (last - first) / max(1, len(order) - 1)",
          "step = (last - first) / max(1, len(order))", "tests/app/document tests/app/canvas"),
    Fault("app/document/document.py", "places = fold(self.graph, places, aspect)", "pass",
          "tests/app/document tests/app/canvas"),
    # panels and shell
    Fault("app/widgets/numbers.py", 'f"{share:.2%}"', 'f"{share:.2f}"',
          "tests/app/panels/test_story_training.py tests/app/test_story_same_test.py"),
    Fault("app/panels/training/figures.py", "{frame.epoch:.2f}", "{int(frame.epoch)}",
          "tests/app/panels/test_story_training.py tests/app/test_story_truth.py"),
    Fault("app/panels/landscape/panel.py", "behind = self._step - f.step",
          "behind = f.step - self._step", "tests/app/panels/test_story_landscape.py"),
    Fault("app/files/autosave.py", "if not self._document.modified or not self._own_slot():",
          "if not self._own_slot():", "tests/app/files tests/app/shell/test_main_window.py"),
    Fault("app/shell/docks.py", "return next(inside, self._turned_to)", 'return next(inside, "")',
          "tests/app/shell/test_help.py"),
)  # fmt: skip


def main(words: list[str]) -> int:
    """Plant the chosen faults; return 1 if one was not noticed."""
    chosen = [f for f in FAULTS if not words or any(w in f.file + f.right for w in words)]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "out", "__pycache__"))
        for fault in chosen:
            noticed = _plant(copy, fault)
            missed += not noticed
            print(f"{'noticed' if noticed else 'MISSED '}  {fault.file}: {fault.wrong.strip()}",
                  flush=True)  # fmt: skip
    print(f"{len(chosen) - missed} of {len(chosen)} planted faults are noticed")
    return 1 if missed else 0


def _plant(copy: Path, fault: Fault) -> bool:
    """Return whether a test fails while the fault is there."""
    file = copy / fault.file
    text = file.read_text(encoding="utf-8")
    if text.count(fault.right) != 1:
        raise SystemExit(f"{fault.file} has {text.count(fault.right)} times: {fault.right}")
    file.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
             *_arguments(fault.tests)],
            cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, timeout=LONGEST_S,
            check=False, capture_output=True,
        )  # fmt: skip
        return done.returncode == 1
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_text(text, encoding="utf-8")


def _arguments(tests: str) -> list[str]:
    paths, _, words = tests.partition(" -k ")
    return [*paths.split(), *(["-k", words] if words else [])]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
