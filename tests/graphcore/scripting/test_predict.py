"""Raw rows and pictures in, names out: in a script, on the command line and in the window alike."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import graphcore as gc
from graphcore.cli import main as cli
from graphcore.datasets.learned import learned
from graphcore.errors import DataError, EngineError, FileError, GraphError
from graphcore.files import dumps
from graphcore.files.torch import export as torch_export
from graphcore.records.arrays import pack
from graphcore.runs.folder import read_data
from graphcore.runs.run_file import write_runs
from graphcore.runs.runs import Runs
from graphcore.training.sample import Sample, fed

FLOWERS = "id2,size,colour,kind\n" + "\n".join(
    f"{i % 7},{1000 + i % 5},{('red', 'blue', 'white')[i % 3]},{('rose', 'aster')[i % 3 == 1]}"
    for i in range(60)
)


def net(inputs: int, outputs: int, loss: str = "CrossEntropyLoss") -> gc.Graph:
    g = gc.Graph()
    x, t = g.add("Input", name="x", shape=(inputs,)), g.add("Target", name="t")
    h, r = g.add("Linear", name="h", out_features=8), g.add("ReLU", name="r")
    y, end = g.add("Linear", name="y", out_features=outputs), g.add(loss, name="loss")
    for a, b in ((x, h), (h, r), (r, y)):
        g.connect(a, b)
    g.connect(y, end, input="x")
    g.connect(t, end, input="target")
    return g


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, and the folder ``run`` of a net that was trained on it."""
    place = tmp_path_factory.mktemp("flowers")
    (place / "flowers.csv").write_text(FLOWERS)
    graph = net(5, 2)
    graph.set_training(
        gc.TrainingSettings(
            dataset="csv", dataset_options={"path": str(place / "flowers.csv")},
            normalization="standardize", epochs=8, batch=8, lr=0.03,
        )
    )  # fmt: skip
    gc.save(graph, place / "flowers.graph.json")
    assert cli.main(["train", str(place / "flowers.graph.json"), "--out", str(place / "run")]) == 0
    return place


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(FLOWERS)))


def test_a_run_knows_what_was_learned_about_its_data(flowers: Path) -> None:
    known = read_data(flowers / "run")
    assert known is not None
    assert [(c.name, c.words) for c in known.columns] == [
        ("id2", ()), ("size", ()), ("colour", ("blue", "red", "white"))
    ]  # fmt: skip
    assert (known.classes, known.target) == (("aster", "rose"), "kind")
    data = gc.load_dataset(flowers / "flowers.csv", normalization="standardize")
    assert known == learned(data)


def test_raw_rows_give_what_the_net_gives_of_the_prepared_ones(flowers: Path) -> None:
    (flowers / "moved.csv").write_text(FLOWERS)
    answers = gc.predict(flowers / "run", flowers / "moved.csv")
    data = gc.load_dataset(flowers / "flowers.csv", normalization="standardize")
    scores = gc.activations(flowers / "run", data, "y")
    wide = np.exp(scores - scores.max(1, keepdims=True))
    expected = {tuple(np.round(row, 4)) for row in wide / wide.sum(1, keepdims=True)}
    found = {tuple(np.round(list(a.probabilities.values()), 4)) for a in answers}
    assert len(answers) == 60
    assert found <= expected | {tuple(np.round(np.array(v) + d, 4)) for v in expected
                                for d in ((1e-4, -1e-4), (-1e-4, 1e-4))}  # fmt: skip
    right = [a.answer == row["kind"] for a, row in zip(answers, rows(), strict=True)]
    assert np.mean(right) > 0.9


def test_rows_come_by_name_by_place_or_from_a_file(flowers: Path) -> None:
    by_file = gc.predict(flowers / "run", flowers / "flowers.csv")
    by_name = gc.predict(flowers / "run", [{**row, "more": "?"} for row in rows()])
    by_place = gc.predict(flowers / "run", [list(row.values())[:3] for row in rows()])
    assert [a.probabilities for a in by_file] == [a.probabilities for a in by_name]
    assert [a.probabilities for a in by_file] == [a.probabilities for a in by_place]
    (one,) = gc.predict(flowers / "run", rows()[4])
    assert one.probabilities == pytest.approx(by_file[4].probabilities, abs=1e-6)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id2": 1, "size": 1000}, "row 1 has no value for the column 'colour'"),
        ({"id2": 1, "size": 1000, "colour": "green"}, "'green' .*none of the words.*blue, red"),
        ({"id2": "a", "size": 1000, "colour": "red"}, "'a' in the column 'id2' is no number"),
        ([[1, "red"]], "A row has 2 values; the net takes 3: id2, size, colour"),
        ([[1.0, 2.0]], r"samples of shape \(5,\)"),
        (np.full((1, 5), np.nan), "row 1 holds a value that is no number"),
        ("nowhere.csv", "no file nowhere.csv"),
        ("picture.png", "takes no pictures"),
        (object(), "no array of numbers"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_one_sentence(flowers: Path, row: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        gc.predict(flowers / "run", row)


def test_the_command_line_prints_the_same_answers(
    flowers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = flowers / "flowers.csv"
    wanted = gc.predict(flowers / "run", data)
    assert cli.main(["predict", str(flowers / "run"), str(data), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["predictions"]
    assert [t["answer"] for t in told] == [a.answer for a in wanted]
    assert told[3]["probabilities"] == wanted[3].probabilities
    assert cli.main(["predict", str(flowers / "run"), str(data), "--csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [line["answer"] for line in lines] == [a.answer for a in wanted]
    assert float(lines[3]["p:rose"]) == wanted[3].probabilities["rose"]
    assert cli.main(["predict", str(flowers / "run"), str(data)]) == 0
    assert (
        f"row 1 {wanted[0].answer}".split() == capsys.readouterr().out.splitlines()[0].split()[:3]
    )
    assert cli.main(["predict", str(flowers / "run"), str(flowers / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("gradscape: There is no file")


def test_pictures_give_what_the_window_gives_of_the_same_numbers(tmp_path: Path) -> None:
    data = gc.load_dataset("digits", normalization="standardize")
    graph = net(784, 10)
    graph.set_attributes("x", shape=(1, 28, 28))
    graph.remove("h")
    flat, wide = graph.add("Flatten", name="f"), graph.add("Linear", name="h", out_features=8)
    for a, b in (("x", flat), (flat, wide), (wide, "r")):
        graph.connect(a, b)
    trainer = gc.Trainer(graph, data, gc.TrainingSettings(dataset="digits", epochs=1))
    trainer.run()
    pixels = np.arange(784).reshape(28, 28).astype(np.uint8)
    folder = tmp_path / "digits"
    folder.mkdir()
    Image.fromarray(pixels).save(folder / "a.png")
    Image.fromarray(pixels.T.copy()).convert("RGB").save(folder / "b.png")
    answers = gc.predict(trainer, folder)
    assert [a.sample for a in answers] == ["a.png", "b.png"]
    x, t, _ = fed(trainer, Sample(given=pack((pixels / 255).astype(np.float32).reshape(-1))))
    plan = trainer.looking_plan()
    plan.forward(trainer.binding.feeds(x, t))
    shares = plan.value("y").softmax(1)[0].tolist()
    assert list(answers[0].probabilities.values()) == pytest.approx(shares, abs=1e-6)
    assert answers[0].answer == data.classes[int(np.argmax(shares))]
    for same in (folder / "a.png", pixels, Image.fromarray(pixels), pixels[None, None] / 255):
        (found,) = gc.predict(trainer, same)
        assert found.probabilities == pytest.approx(answers[0].probabilities, abs=1e-6)


def test_saved_runs_answer_like_the_net_they_keep(flowers: Path, tmp_path: Path) -> None:
    graph = gc.load(flowers / "flowers.graph.json")
    data = gc.load_dataset(flowers / "flowers.csv", normalization="standardize")
    trainer, runs = gc.Trainer(graph, data), Runs()
    runs.begin(trainer, dumps(graph))
    for record in trainer.steps(10):
        runs.note([record], trainer, 0.01)
    runs.keep_newest(trainer)
    write_runs(tmp_path / "a.gradrun", runs)
    (flowers / "hidden.csv").write_text(FLOWERS)
    kept = gc.predict(tmp_path / "a.gradrun", flowers / "hidden.csv")
    now = gc.predict(trainer, flowers / "hidden.csv")
    assert [a.probabilities for a in kept] == [a.probabilities for a in now]
    found = gc.landscape(tmp_path / "a.gradrun", data, plane="pca", resolution=5)
    assert len(found.path) == 11
    assert "PC1" in found.labels[0]


def test_words_that_look_like_numbers_stay_words(tmp_path: Path) -> None:
    table = tmp_path / "rooms.csv"
    rows = [f"{('1', '2', '3+')[i % 3]},{i % 4},{'ab'[i % 2]}" for i in range(24)]
    table.write_text("rooms,n,kind\n" + "\n".join(rows))
    data = gc.load_dataset(table)
    graph = net(data.input_shape[0], 2)
    trainer = gc.Trainer(graph, data, gc.TrainingSettings(epochs=1))
    (by_name,) = gc.predict(trainer, {"rooms": "2", "n": 1})
    by_file = gc.predict(trainer, table)
    assert by_file[1].probabilities == pytest.approx(by_name.probabilities, abs=1e-6)


def test_a_regression_answers_with_numbers(tmp_path: Path) -> None:
    table = tmp_path / "line.csv"
    table.write_text("a,b\n" + "\n".join(f"{i / 9},{2 * i / 9 + 1}" for i in range(40)))
    data = gc.load_dataset(table)
    graph = net(1, 1, "MSELoss")
    trainer = gc.Trainer(graph, data, gc.TrainingSettings(epochs=200, lr=0.02, batch=40))
    trainer.run()
    (answer,) = gc.predict(trainer, {"a": 2.0})
    assert answer.answer == pytest.approx(5.0, abs=0.4)
    assert answer.probability is None


def test_two_classes_as_signs_are_named() -> None:
    data = gc.load_dataset("circle", targets="signs")
    graph = net(2, 1, "MSELoss")
    trainer = gc.Trainer(graph, data, gc.TrainingSettings(epochs=60, lr=0.02))
    trainer.run()
    inside, outside = gc.predict(trainer, [[0.0, 0.0], [4.5, 0.0]])
    assert {inside.answer, outside.answer} == set(data.classes)


def test_a_run_of_an_older_version_reads_its_data_again(flowers: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ("graph.graph.json", "weights.safetensors"):
        (old / name).write_bytes((flowers / "run" / name).read_bytes())
    now = gc.predict(flowers / "run", rows())
    assert [a.answer for a in gc.predict(old, rows())] == [a.answer for a in now]
    (old / "data.json").write_text("{")
    with pytest.raises(FileError, match=r"data\.json is damaged"):
        gc.predict(old, rows())
    (old / "data.json").write_text('{"format_version": 2}')
    with pytest.raises(FileError, match="another version"):
        gc.predict(old, rows())


def test_activations_are_those_of_every_sample(flowers: Path) -> None:
    data = gc.load_dataset("circle", samples=700)
    graph = net(2, 2)
    trainer = gc.Trainer(graph, data, gc.TrainingSettings(epochs=1))
    trainer.run()
    found = gc.activations(trainer, data.test, "h")
    plan = trainer.evaluation_plan()
    weight, bias = plan.parameters["h.weight"].numpy(), plan.parameters["h.bias"].numpy()
    assert np.allclose(found, data.test.inputs @ weight.T + bias, atol=1e-5)
    assert len(gc.activations(trainer, data, graph.node("r"))) == 700
    assert gc.activations(trainer, data.test.inputs[:3], "r").shape == (3, 8)
    with pytest.raises(GraphError, match="depends on the target"):
        gc.activations(trainer, data, "loss")
    with pytest.raises(GraphError, match="nowhere"):
        gc.activations(trainer, data, "nowhere")
    with pytest.raises(DataError, match=r"shape \(2,\)"):
        gc.activations(trainer, np.zeros((3, 5)), "h")


def test_an_imported_net_answers_by_number() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    example = torch.ones(2, 4)
    found = gc.predict(gc.from_module(layers, example), np.ones((2, 4)))
    wanted = layers(example).detach().numpy()
    assert np.allclose([a.answer for a in found], wanted, atol=1e-6)


def test_the_landscape_has_arrays_and_a_picture(tmp_path: Path) -> None:
    data = gc.load_dataset("circle")
    trainer = gc.Trainer(net(2, 2), data, gc.TrainingSettings(epochs=1))
    trainer.run()
    found = gc.landscape(trainer, resolution=5, samples=1000)
    assert found.loss.shape == (5, 5)
    assert found.loss[2, 2] == pytest.approx(trainer.evaluate(data.test).loss, rel=1e-5)
    found.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (480, 480)
    lowest = np.unravel_index(found.loss.argmin(), found.loss.shape)
    light = found.picture(5).sum(-1)[::-1]
    assert light[lowest] == light.min()
    with pytest.raises(EngineError, match="needs a path"):
        gc.landscape(trainer, plane="pca")
    with pytest.raises(EngineError, match="resolution"):
        gc.landscape(trainer, resolution=1)


def test_the_state_goes_in_whole_or_not_at_all() -> None:
    plan, other = gc.compile(net(2, 2), seed=0), gc.compile(net(2, 2), seed=1)
    state = other.state_dict()
    before = {k: v.clone() for k, v in plan.parameters.items()}
    for broken, said in (
        ({**state, "more": state["h.bias"]}, "no parameter more"),
        ({k: v for k, v in state.items() if k != "y.bias"}, "nothing for y.bias"),
        ({**state, "y.bias": state["h.bias"]}, r"y.bias has the shape \(2,\).*\(8,\)"),
        ({**state, "y.bias": "abc"}, "holds no numbers"),
    ):
        with pytest.raises(EngineError, match=said):
            plan.load_state_dict(broken)
        assert all(plan.parameters[k].equal(v) for k, v in before.items())
    plan.load_state_dict({k: v.numpy() for k, v in state.items()})
    assert all(plan.parameters[k].equal(v) for k, v in other.parameters.items())
    state["h.bias"].fill_(9)
    assert not other.parameters["h.bias"].equal(state["h.bias"])


def test_what_is_wrong_with_a_graph_is_listed() -> None:
    graph = net(2, 2)
    assert gc.check(graph) == []
    graph.disconnect(graph.edge_into("h", "x"))
    assert gc.check(graph)[0].node == "h"


def test_every_step_is_written_as_it_is_made(tmp_path: Path, capsys) -> None:
    table = tmp_path / "steps.csv"
    line = ["train", "circle", "--epochs", "2", "--csv", str(table)]
    assert cli.main(line) == 0
    lines = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [int(row["step"]) for row in lines] == list(range(1, len(lines) + 1))
    assert set(lines[0]) == {"step", "epoch", "loss", "lr"}
    capsys.readouterr()
    assert cli.main(line) == 1
    assert "is there already" in capsys.readouterr().err
    assert cli.main([*line, "--force"]) == 0


def test_whole_numbers_go_into_a_net_that_takes_them() -> None:
    g = gc.Graph()
    x, t = g.add("Input", name="x", shape=(3,), dtype="int"), g.add("Target", name="t")
    words = g.add("Embedding", name="words", num_embeddings=7, embedding_dim=2)
    flat, y = g.add("Flatten", name="flat"), g.add("Linear", name="y", out_features=4)
    end = g.add("CrossEntropyLoss", name="loss")
    for a, b in ((x, words), (words, flat), (flat, y)):
        g.connect(a, b)
    g.connect(y, end, input="x")
    g.connect(t, end, input="target")
    options = {"shape": "3", "below": 7, "classes": 4}
    g.set_training(gc.TrainingSettings(dataset="random", dataset_options=options))
    (answer,) = gc.predict(g, [[6, 0, 2]])
    assert answer.answer in "0123"
    assert len(answer.top(4)) == 4
    trainer = gc.Trainer(g, gc.load_dataset("random", **options))
    assert "def predict" in torch_export.of_run(trainer, "net").script
