"""Modules that are imported when they are first used."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch as real

from graphcore import late


def test_what_is_used_is_the_modules_own_and_is_looked_up_once() -> None:
    assert late.torch.Tensor is real.Tensor
    assert vars(late.torch)["Tensor"] is real.Tensor
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = late.torch.no_such_thing


def test_nothing_stands_for_torch_before_it_is_used() -> None:
    code = (
        "import sys, graphcore, graphcore.training.trainer, app.shell.main_window\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('torch', 'networkx')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_module_that_changes_itself_while_it_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import sys\nfor late in (1, 2): pass\ndelattr(sys.modules[__name__], 'late')\nx = 7\n"
    (tmp_path / "gradscape_planted.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert late._late("gradscape_planted").x == 7
