"""Who may know of whom, read from the imports themselves."""

import ast
from pathlib import Path

import pytest

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


def imports(path: Path) -> set[str]:
    """Every module that a file names in an import that is run."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def broken(path: Path, forbidden: set[str]) -> list[str]:
    return sorted(
        name
        for name in imports(path)
        if any(name == f or name.startswith(f"{f}.") for f in forbidden)
    )


@pytest.mark.parametrize(("folder", "forbidden"), RULES)
def test_imports_keep_their_direction(folder: str, forbidden: set[str]) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = {str(f.relative_to(ROOT)): bad for f in files if (bad := broken(f, forbidden))}
    assert not found


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
