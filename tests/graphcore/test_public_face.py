"""What a script uses: every public name, a run with a callback, data by name and by path."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import graphcore as gc


def net() -> gc.Graph:
    g = gc.Graph()
    x = g.add("Input", name="x", shape=(2,))
    h = g.add("Linear", name="h", out_features=2)
    t = g.add("Target", name="t")
    loss = g.add("CrossEntropyLoss", name="loss")
    g.connect(x, h)
    g.connect(h, loss, input="x")
    g.connect(t, loss, input="target")
    return g


def test_a_run_calls_back_after_every_step() -> None:
    data = gc.load_dataset("circle", seed=1)
    trainer, seen = gc.Trainer(net(), data, gc.TrainingSettings(epochs=2, batch=50)), []
    trainer.on_step(seen.append)
    score = trainer.run(steps=3)
    assert [record.step for record in seen] == [1, 2, 3]
    assert score.loss == pytest.approx(trainer.evaluate(data.test).loss)
    trainer.run(epochs=1)
    assert trainer.step == 3 + trainer.steps_per_epoch
    trainer.run()
    assert trainer.step == trainer.total_steps


def test_a_run_without_callback_makes_the_same_steps() -> None:
    settings = gc.TrainingSettings(epochs=1, batch=10)
    ends = []
    for listens in (False, True):
        trainer = gc.Trainer(net(), gc.load_dataset("circle"), settings)
        if listens:
            trainer.on_step(lambda _: None)
        trainer.run()
        ends.append(trainer.plan.parameters["h.weight"].clone())
    assert ends[0].equal(ends[1])


def test_data_come_by_name_or_by_path(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("a,b,kind\n" + "\n".join(f"{i},{i % 3},{'xy'[i % 2]}" for i in range(30)))
    data = gc.load_dataset(table, train_share=0.5)
    assert data.input_shape == (2,)
    assert data.classes == ("x", "y")
    with pytest.raises(gc.errors.DataError, match="no data set called"):
        gc.load_dataset("nowhere")


def test_no_module_hides_a_public_name() -> None:
    public = {name: getattr(gc, name) for name in gc.__all__}
    for module in pkgutil.walk_packages(gc.__path__, "graphcore."):
        if "__main__" not in module.name and not module.name.endswith("torch.template"):
            importlib.import_module(module.name)
    assert {name: getattr(gc, name) for name in gc.__all__} == public


def test_the_package_is_imported_without_torch() -> None:
    code = "import sys, graphcore; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_notebook_shows_the_drawing() -> None:
    drawn = ElementTree.fromstring(net()._repr_svg_())
    texts = [e.text for e in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"x", "h", "loss", "Linear"} <= set(texts)
    assert gc.Graph()._repr_svg_() == ""
