"""Who may know of whom, read from the imports themselves."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from graphcore import ops

ROOT = Path(__file__).resolve().parents[1]
QT = {"PySide6", "pyqtgraph", "app"}
RULES = [
    ("graphcore", QT),
    ("app", {"torch", "graphcore.late"}),
    ("app/canvas", {"app.panels"}),
    ("app/panels", {"app.canvas"}),
    ("app/plots", {"graphcore", "app.document", "app.canvas", "app.panels"}),
    ("app/widgets", {"graphcore", "app.document", "app.canvas", "app.panels"}),
]
GROUND = {"graphcore.errors"}
"""What every room may import."""
ORDERS = {
    "graphcore": (
        "errors dims colors late records system", "datasets", "ops", "graph", "engine",
        "training", "landscapes", "files presets", "exchange", "runs", "scripting", "session",
        "lessons", "views", "report", "worker", "watching", "cli",
    ),
    "app": (
        "settings style", "widgets", "plots", "document", "engine", "canvas panels", "files",
        "shell", "__main__ demo",
    ),
}  # fmt: skip
"""Rooms from the ground up: each imports only those before it."""
ROWS_OF_ALIKE = {"graphcore/ops", "app/plots"}
MOST_MODULES, MOST_IN_ROOT = 20, {"graphcore": 5, "app": 3}


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file names in an import that is run."""
    found: set[str] = set()
    for node in (n for top in _tree(path).body if not _for_types(top) for n in ast.walk(top)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def broken(path: Path, forbidden: set[str]) -> list[str]:
    return sorted(
        name
        for name in imports(path)
        if any(name == f or name.startswith(f"{f}.") for f in forbidden)
        and not any(name == g or name.startswith(f"{g}.") for g in GROUND)
    )


def rooms_of(top: str) -> list[tuple[str, Path]]:
    """Every module below a package, with the room that it lies in."""
    files = [f for f in sorted((ROOT / top).rglob("*.py")) if f != ROOT / top / "__init__.py"]
    return [(f.relative_to(ROOT / top).parts[0].removesuffix(".py"), f) for f in files]


def upward(top: str, room: str, found: set[str]) -> set[str]:
    """Rooms of the same package, on a floor above, that a module of a room imports."""
    floors = {r: i for i, rooms in enumerate(ORDERS[top]) for r in rooms.split()}
    others = {name.split(".")[1] for name in found if name.startswith(f"{top}.")}
    return {other for other in others if floors.get(other, -1) > floors[room]}


@pytest.mark.parametrize("top", ORDERS)
def test_a_room_imports_only_what_stands_before_it(top: str) -> None:
    found = {
        str(f.relative_to(ROOT)): above
        for room, f in rooms_of(top)
        if (above := upward(top, room, imports(f)))
    }
    assert found == {}


def test_an_import_of_a_floor_above_is_seen() -> None:
    assert upward("graphcore", "ops", {"graphcore.graph.graph", "graphcore.dims"}) == {"graph"}
    assert upward("app", "canvas", {"app.panels.runs", "app.document.document"}) == set()


def test_no_view_imports_another() -> None:
    views = ROOT / "graphcore" / "views"
    features = {f.name for f in views.iterdir() if f.is_dir()}
    found = {}
    for f in sorted(views.rglob("*.py")):
        own = f.relative_to(views).parts[0]
        others = {n.split(".")[2] for n in imports(f) if n.startswith("graphcore.views.")}
        if bad := (others & features) - {own}:
            found[str(f.relative_to(ROOT))] = bad
    assert found == {}


SHARED = ("graphcore/worker", "graphcore/session", "graphcore/views/view.py",
          "graphcore/views/scheduler.py", "app/engine", "app/panels/__init__.py",
          "app/panels/panel.py", "app/panels/row.py", "app/shell/docks.py")  # fmt: skip
"""What serves and shows every view alike."""
ENGINE_FOLLOWS = {"timeline"}
"""Views that the window's end of the pipe acts on itself: the runs and the step that is shown."""


def named_views(path: Path, top: str) -> set[str]:
    """The features whose records, or panels, a file imports."""
    return {n.split(".")[2] for n in imports(path) if n.startswith(f"{top}.") and n.count(".") > 1}


def test_what_is_shared_names_no_view_and_no_panel() -> None:
    features = {f.name for f in (ROOT / "graphcore" / "views").iterdir() if f.is_dir()}
    panels = {f.name for f in (ROOT / "app" / "panels").iterdir() if f.is_dir()}
    files = [
        f for s in SHARED for f in ([ROOT / s] if s.endswith(".py") else (ROOT / s).rglob("*.py"))
    ]
    found = {
        str(f.relative_to(ROOT)): bad
        for f in files
        if (
            bad := (named_views(f, "graphcore.views") & features - ENGINE_FOLLOWS)
            | (named_views(f, "app.panels") & panels)
        )
    }
    assert found == {}


def test_the_window_knows_the_records_of_views_and_not_how_they_are_computed() -> None:
    views = ROOT / "graphcore" / "views"
    inside = {
        f"graphcore.views.{f.parent.name}.{f.stem}"
        for f in views.glob("*/*.py")
        if f.stem != "__init__"
    }
    files = sorted((ROOT / "app").rglob("*.py"))
    found = {str(f.relative_to(ROOT)): bad for f in files if (bad := imports(f) & inside)}
    assert found == {}


@pytest.mark.parametrize("top", ORDERS)
def test_a_room_has_few_modules(top: str) -> None:
    folders = [f for f in (ROOT / top).rglob("*") if f.is_dir()]
    counts = {
        str(f.relative_to(ROOT)): len([m for m in f.glob("*.py") if m.stem != "__init__"])
        for f in folders
    }
    many = {f: n for f, n in counts.items() if n > MOST_MODULES and f not in ROWS_OF_ALIKE}
    assert many == {}
    root = [m.name for m in (ROOT / top).glob("*.py") if m.stem != "__init__"]
    assert len(root) <= MOST_IN_ROOT[top], root


@pytest.mark.parametrize(("folder", "forbidden"), RULES)
def test_imports_keep_their_direction(folder: str, forbidden: set[str]) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = {str(f.relative_to(ROOT)): bad for f in files if (bad := broken(f, forbidden))}
    assert not found


def test_gestures_know_a_protocol_and_no_part_of_the_canvas() -> None:
    parts = ("view", "editor", "camera", "selection", "pictures", "pointer", "annotations", "menu")
    files = sorted((ROOT / "app" / "canvas" / "interactions").glob("*.py"))
    assert files
    named = {
        f.name: [p for p in parts if f"app.canvas.{p} " in f.read_text()] for f in files
    }  # typing alone counts too
    assert not any(named.values()), named


def test_a_forbidden_import_is_seen(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("def late():\n    from PySide6 import QtCore\n")
    assert broken(planted, QT) == ["PySide6", "PySide6.QtCore"]


def test_every_module_has_a_real_name() -> None:
    banned = {"utils", "util", "helpers", "helper", "common", "misc"}
    names = [p for top in ("app", "graphcore") for p in (ROOT / top).rglob("*.py")]
    assert not [str(p) for p in names if p.stem in banned or p.parent.name in banned]


PAINTS = {"paintEvent", "drawBackground", "drawForeground", "paint"}


def unguarded(tree: ast.Module) -> list[str]:
    """Methods by which Qt paints that let a fault out, and painters that a fault leaves open."""
    found = []
    for owner in ast.walk(tree):
        if not isinstance(owner, ast.ClassDef) or not owner.bases:
            continue
        for method in owner.body:
            if isinstance(method, ast.FunctionDef) and method.name in PAINTS:
                marks = [ast.unparse(d) for d in method.decorator_list]
                first = method.args.args[1:2] or [method.args.vararg]
                painted = first[0] is not None and ast.unparse(first[0]).endswith(
                    ("QPainter", "QPaintEvent", "*_: object", "_: object")
                )
                if painted and "painting.guarded" not in marks:
                    found.append(f"{owner.name}.{method.name}")
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            made = ast.unparse(call.func)
            if made in ("QPainter", "QtGui.QPainter") or made.endswith("painter.save"):
                found.append(f"{made} in line {call.lineno}")
    return found


def test_a_fault_in_a_paint_leaves_no_painter_open() -> None:
    files = [f for f in (ROOT / "app").rglob("*.py") if f.name != "painting.py"]
    found = {str(f.relative_to(ROOT)): bad for f in files if (bad := unguarded(_tree(f)))}
    assert not found


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_an_unguarded_paint_is_seen() -> None:
    planted = (
        "class Plot(QWidget):\n"
        "    def paintEvent(self, event: QPaintEvent) -> None:\n"
        "        painter = QPainter(self)\n"
        "        painter.save()\n"
    )
    assert len(unguarded(ast.parse(planted))) == 3


def base_names(owner: ast.ClassDef) -> list[str]:
    """The classes that a class derives from, without their packages."""
    plain = [b.value if isinstance(b, ast.Subscript) else b for b in owner.bases]
    return [ast.unparse(b).rpartition(".")[2] for b in plain]


def lone_parents(trees: list[ast.Module]) -> set[str]:
    """Classes that exactly one class derives from and that nothing else mentions."""
    nodes = [n for tree in trees for n in ast.walk(tree)]
    classes = [c for c in nodes if isinstance(c, ast.ClassDef)]
    children = Counter(base for c in classes for base in base_names(c))
    mentioned: Counter[str] = Counter()
    for node in nodes:
        if isinstance(node, ast.Name):
            mentioned[node.id] += 1
        elif isinstance(node, ast.Attribute):
            mentioned[node.attr] += 1
    for c in classes:  # what a class says of itself is no use of it
        mentioned[c.name] -= sum(isinstance(n, ast.Name) and n.id == c.name for n in ast.walk(c))
    return {c.name for c in classes if children[c.name] == 1 and mentioned[c.name] == 1}


def test_no_class_is_cut_in_a_base_and_its_only_child() -> None:
    files = [f for top in ("app", "graphcore") for f in (ROOT / top).rglob("*.py")]
    assert lone_parents([_tree(f) for f in files]) == set()


def test_a_base_with_one_child_and_no_other_use_is_seen() -> None:
    planted = "class Base:\n    twin: Base\nclass Whole(Base):\n    pass\n"
    used = "from x import Base\nmade = Base()\n"
    assert lone_parents([ast.parse(planted)]) == {"Base"}
    assert lone_parents([ast.parse(planted), ast.parse(used)]) == set()


NAMING = (
    "graphcore/ops/", "graphcore/files/", "graphcore/exchange/", "graphcore/graph/layer_list.py",
    "graphcore/graph/famous/", "graphcore/presets.py", "graphcore/lessons/",
    "app/panels/health/remedies.py",
)  # fmt: skip
"""Where operators may stand by their names: rooms that read and write them, and data."""
STRUCTURE = {
    "Input", "Target", "Parameter", "Constant", "Buffer", "Output", "Composite", "Hold",
    "Placeholder",
}  # fmt: skip
"""What a graph is made of whatever it computes."""
TITLES = {
    ("app/panels/__init__.py", "Embedding"), ("app/panels/embedding/__init__.py", "Embedding"),
    ("app/panels/embedding/panel.py", "Embedding"), ("app/panels/landscape/panel.py", "Slice"),
    ("app/panels/inspector/operator_help.py", "Formula"), ("app/panels/samples/grid.py", "Split"),
    ("graphcore/datasets/__init__.py", "Split"), ("app/panels/sliding_window/panel.py", "Input"),
    ("app/panels/sliding_window/panel.py", "Output"),
}  # fmt: skip
"""Words of the window, and classes, that happen to be names of operators too."""


def named_operators(tree: ast.Module) -> set[str]:
    """Names of operators that stand as strings in a module."""
    strings = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    return strings & set(ops.names()) - STRUCTURE


def test_an_operator_is_asked_for_its_facts_and_not_by_its_name() -> None:
    found = {}
    for f in (f for top in ("app", "graphcore") for f in sorted((ROOT / top).rglob("*.py"))):
        place = f.relative_to(ROOT).as_posix()
        if not place.startswith(NAMING):
            names = {n for n in named_operators(_tree(f)) if (place, n) not in TITLES}
            found |= {place: names} if names else {}
    assert found == {}


def test_the_name_of_an_operator_is_seen() -> None:
    planted = ast.parse('if node.operator == "Linear" or node.operator == "Input":\n    pass\n')
    assert named_operators(planted) == {"Linear"}
