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
