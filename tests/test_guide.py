"""The guide: ten pages, every block of which runs as it is written."""

from __future__ import annotations

import re
import shlex
import sys
import warnings
from importlib.machinery import ModuleSpec
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from app.__main__ import main

PAGES = sorted((Path(__file__).parents[1] / "resources" / "guide").glob("*.md"))
LOGGERS = ("matplotlib", "matplotlib.pyplot", "mlflow", "tqdm", "wandb")
"""Programs of others that are not among the tests' own: what is called on them is noted."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of every block of code of a page."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> dict[str, MagicMock]:
    """Stand-ins for modules that a page imports and that need not be here."""
    made: dict[str, MagicMock] = {}
    for name in LOGGERS:
        made[name] = MagicMock(name=name)
        made[name].__spec__ = ModuleSpec(name, None)  # torch looks whether some are installed
        monkeypatch.setitem(sys.modules, name, made[name])
    made["matplotlib"].pyplot = made["matplotlib.pyplot"]
    made["matplotlib.pyplot"].subplots.return_value = (MagicMock(), MagicMock())
    return made


def test_the_guide_has_ten_pages_that_lead_to_each_other() -> None:
    assert len(PAGES) == 10
    for i, page in enumerate(PAGES):
        text = page.read_text()
        assert text.startswith(f"# {i + 1}. ")
        assert {language for language, _ in blocks(page)} <= {"python", "sh"}
        links = re.findall(r"\]\(([^)]+)\)", text)
        assert all((page.parent / link).is_file() for link in links)
        if i + 1 < len(PAGES):
            assert PAGES[i + 1].name in links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_the_guide_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: dict[str, MagicMock],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    space: dict[str, object] = {"__name__": "__main__"}
    for language, text in blocks(page):
        if language == "sh":
            for line in text.splitlines():
                assert main(shlex.split(line)[1:]) == 0, (line, capsys.readouterr().err)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # readers see those of scikit-learn and files
                exec(compile(text, str(page), "exec"), space)
    if page.name.startswith("04"):
        assert others["wandb"].init().log.call_count >= 10
        assert others["tqdm"].tqdm().update.call_count > 10
        logged = [call.args[0] for call in others["mlflow"].log_metric.call_args_list]
        assert logged[-1] == "test_accuracy"
    sys.modules.pop("run", None)


def test_scripts_of_researchers_are_short() -> None:
    """A loop watched, activations, landscape, sweep, input gradients: at most 25 lines each."""
    scripts = [[text for kind, text in blocks(p) if kind == "python"] for p in PAGES[5:9]]
    watched = [text for kind, text in blocks(PAGES[3]) if "gc.watch(" in text]
    for first, *_ in (watched, *scripts):
        assert len([line for line in first.splitlines() if line.strip()]) <= 25, first
