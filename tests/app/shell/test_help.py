"""F1: every panel, every concept and every operator has a page that is found by its words."""

import re
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QTabBar

from app.panels import PANELS
from app.shell.help.dialog import HelpDialog
from app.shell.help.pages import concept_pages, panel_pages

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def dialog(window):
    window.show_help()
    found = next(w for w in QApplication.topLevelWidgets() if isinstance(w, HelpDialog))
    yield found
    found.close()
    found.deleteLater()


def shown(dialog):
    return [i.text() for i in map(dialog.list.item, range(dialog.list.count())) if not i.isHidden()]


def said(dialog):
    texts = (label.text() for label in dialog.page.widget().findChildren(QLabel))
    return " ".join(QTextDocumentFragment.fromHtml(text).toPlainText() for text in texts)


def test_every_panel_has_a_page_of_its_own():
    pages = {page.panel: page for page in panel_pages()}
    assert set(pages) == {row.id for row in PANELS}
    assert all(len(page.text) > 80 and page.summary.endswith(".") for page in pages.values())


def test_a_word_of_the_window_in_a_help_page_is_in_the_window():
    """What stands between stars is a name that one can find: of a panel, a button, a preset."""
    source = "\n".join(f.read_text() for f in (ROOT / "app").rglob("*.py"))
    for more in ("resources/presets/index.json", "graphcore/datasets/registry.py"):
        source += (ROOT / more).read_text()
    names = {m for page in (*panel_pages(), *concept_pages())
             for m in re.findall(r"\*([^*\n]+)\*", page.text)}  # fmt: skip
    assert len(names) > 20
    assert {n for n in names if n not in source} == set()


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("landscape", "Loss landscape"), ("overfitting", "Overfitting"), ("784", "Parameters"),
        ("chain rule", "Chain rule"), ("(N, 1, 28, 28)", "Shape"), ("grad-cam", "Saliency"),
        ("imbalance", "Training"), ("confusion", "Results"), ("dense", "Linear"),
        ("learning rate", "Learning rate"), ("two numbers", "Numbers under a node"),
    ],
)  # fmt: skip
def test_a_search_finds_panels_concepts_and_operators(dialog, typed, page):
    dialog.search.setText(typed)
    assert page in shown(dialog)
    assert dialog.list.currentItem().text() in shown(dialog)
    if page.lower().startswith(typed):
        assert dialog.list.currentItem().text() == page
    assert said(dialog)
    assert page == "Linear" or "*" not in said(dialog), "Markdown is shown as text"


def click_tab(window, title):
    bar, i = next((bar, i) for bar in window.findChildren(QTabBar)
                  for i in range(bar.count()) if bar.tabText(i) == title)  # fmt: skip
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(i).center())


def test_help_is_on_what_was_chosen_last_a_tab_or_a_node(window, qtbot):
    window.layouts.show("Train")
    QApplication.processEvents()
    window.canvas.selection.select(["conv1"])
    window.canvas.setFocus()
    click_tab(window, "Health")
    assert window.layouts.focused() == "health"
    window.canvas.selection.select(["fc1"])
    assert window.layouts.focused() == ""


def test_f1_in_a_panel_opens_its_page(window, qtbot):
    window.activateWindow()
    window.show_panel("results").fill()
    window.layouts.docks["results"].take_focus()
    QApplication.processEvents()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F1)
    qtbot.waitUntil(lambda: any(isinstance(w, HelpDialog) for w in QApplication.topLevelWidgets()))
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, HelpDialog))
    assert dialog.list.currentItem().text() == "Results"
    assert "confusion matrix" in said(dialog)
    titles = [page.title for page in (*panel_pages(), *concept_pages())]
    assert len(set(titles)) == len(titles)
    dialog.close()
    dialog.deleteLater()
