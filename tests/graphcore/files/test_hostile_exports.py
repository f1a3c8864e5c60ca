"""No name, note, attribute, column or class of a graph or its data can become code of an export."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Any

import pytest

import graphcore as gc
from graphcore.errors import GradscapeError
from graphcore.files import dumps, loads
from graphcore.files.keras import export as keras_export
from graphcore.files.torch import export as torch_export
from graphcore.graph.elements import Frame, Note
from tests.graphcore.files.torch.test_script import module
from tests.graphcore.scripting.test_predict import net

EVIL = "'''\"\"\"\\\n\r{0}{evil}%s\N{RIGHT-TO-LEFT OVERRIDE}\nraise SystemExit(77)\n#"


def need_keras() -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")


def calls(path: Path) -> set[str]:
    """Names of what a script calls and imports, and of what it raises."""
    tree = ast.parse(path.read_text())
    found = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    found |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return found | {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Raise)}


def trained_on(table: Path, rows: str) -> gc.Trainer:
    table.write_text(rows)
    graph = net(3, 2)
    graph.set_note("note", Note("note", EVIL))
    graph.set_frame("frame", Frame("frame", EVIL))
    options = {"path": str(table)}
    graph.set_training(gc.TrainingSettings(dataset="csv", dataset_options=options))
    return gc.Trainer(graph, gc.load_dataset(table))


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # keras on torch
@pytest.mark.parametrize("exporter", [torch_export, keras_export], ids=["torch", "keras"])
def test_columns_words_classes_and_notes_stay_text(exporter: Any, tmp_path: Path) -> None:
    plain = "\n".join(f"{i % 5},{'uv'[i % 2]},{'pq'[i % 2]}" for i in range(20))
    quoted = EVIL.replace('"', '""').replace("\n", " ").replace("\r", " ")
    evil = f'"{quoted}",b,"k{quoted}"\n' + "\n".join(
        f'{i % 5},"{"uv"[i % 2]}{quoted}","{"pq"[i % 2]}{quoted}"' for i in range(20)
    )
    paths = []
    for name, text in (("plain", f"a,b,c\n{plain}"), ("evil", evil)):
        made = exporter.of_run(trained_on(tmp_path / f"{name}.csv", text), name)
        paths.append(exporter.write(made, tmp_path, name))
    assert calls(paths[0]) == calls(paths[1])
    if exporter is keras_export:
        need_keras()
    script = module(paths[1])
    assert script.self_test()
    assert script.raw_test()
    assert any("SystemExit" in name for name in script.CLASSES)


@pytest.mark.parametrize("exporter", [torch_export, keras_export], ids=["torch", "keras"])
@pytest.mark.parametrize(
    ("operator", "attribute"),
    [("Einsum", "equation"), ("Formula", "formula"), ("GELU", "approximate"),
     ("RNN", "nonlinearity"), ("Upsample", "mode")],
)  # fmt: skip
@pytest.mark.parametrize("text", ["x')); print(1", 'x"""', "__import__('os')", EVIL])
def test_an_attribute_that_is_code_is_refused_or_quoted(
    tmp_path: Path, operator: str, attribute: str, text: str, exporter: Any
) -> None:
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(3,))
    try:
        graph.add(operator, name="n", **{attribute: text})
        graph.connect("x", "n")
        graph = loads(dumps(graph))
        made = exporter.of_calculation(graph, torch_export.calculation(graph), "net")
    except (GradscapeError, TypeError):
        return
    path = exporter.write(made, tmp_path, "net")
    assert not {c for c in calls(path) if "print" in c and c != "print"}
    assert "__import__" not in calls(path)
    if exporter is torch_export:
        module(path)


@pytest.mark.parametrize("name", ["x; import os", "x\nimport os", "a b", 'x"""', "", "1x"])
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(3,))
    text = dumps(graph).decode()
    assert '"x"' in text
    with pytest.raises(GradscapeError):
        loads(text.replace('"x"', json.dumps(name)).encode())


def test_the_name_of_an_export_is_one_that_python_can_import() -> None:
    assert torch_export.module_name('"""\nimport os') == "import_os"


def test_an_onnx_file_and_its_self_test_hold_no_code(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from graphcore.files.onnx import export as onnx_export

    table = "a,b,c\n" + "\n".join(f"{i % 5},{'uv'[i % 2]},{'pq'[i % 2]}" for i in range(20))
    plain = onnx_export.of_run(trained_on(tmp_path / "plain.csv", table), "net")
    evil = onnx_export.of_run(
        trained_on(tmp_path / "evil.csv", table.replace("p", EVIL[:3])), "net"
    )
    for folder, made in (("plain", plain), ("evil", evil)):
        onnx_export.write(made, tmp_path / folder, "net")
    texts = [(tmp_path / f / "net_selftest.py").read_text() for f in ("plain", "evil")]
    assert texts[0] == texts[1]
    assert all(n.domain == "" for n in evil.model.graph.node)
