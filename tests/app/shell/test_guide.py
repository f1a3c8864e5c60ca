"""The guide in the window: its pages, and the links between them."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from pytestqt.qtbot import QtBot

from app.shell.help.guide import GuideDialog, pages
from app.style import fonts


def block_of(families: dict[str, list[str]], begins: str) -> list[str]:
    return next(f for text, f in families.items() if text.startswith(begins))


def test_the_guide_shows_the_page_that_is_chosen(qtbot: QtBot) -> None:
    dialog = GuideDialog()
    qtbot.addWidget(dialog)
    assert dialog.list.count() == len(pages()) == 10
    assert "A net is a graph" in dialog.page.toPlainText()
    dialog.list.setCurrentRow(4)
    assert "gc.predict" in dialog.page.toPlainText()
    assert "```" not in dialog.page.toPlainText()
    families = {}
    block = dialog.page.document().begin()
    while block.isValid():
        fragment = block.begin().fragment()
        families[block.text()] = (
            (fragment.charFormat().fontFamilies() or []) if block.text() else []
        )
        block = block.next()
    assert fonts.MONO in block_of(families, "import graphcore as gc")
    assert fonts.MONO not in block_of(families, "In Python, rows come")


def test_a_link_leads_to_another_page(qtbot: QtBot) -> None:
    dialog = GuideDialog()
    qtbot.addWidget(dialog)
    dialog.page.anchorClicked.emit(QUrl("02-look-inside.md"))
    assert dialog.list.currentRow() == 1
    dialog.page.anchorClicked.emit(QUrl("file:///etc/passwd"))
    assert dialog.list.currentRow() == 1


def test_the_menu_opens_it(window, qtbot: QtBot) -> None:
    window.actions_table.actions["guide"].trigger()
    (dialog,) = window.findChildren(GuideDialog)
    assert dialog.isVisible()
    dialog.close()
