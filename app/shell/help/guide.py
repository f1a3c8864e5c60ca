"""The user's guide: short pages about what a script does, read in the window."""

from __future__ import annotations

from importlib import resources

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QPalette,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QDialog, QFrame, QListWidget, QTextBrowser, QWidget

from app.style import fonts
from app.widgets.layouts import in_row
from app.widgets.scroller import resize_within

LINE_HEIGHT = 135
"""Percent of the font's own."""
MARGIN = 6
"""Pixels above code, half of those below it."""


def pages() -> dict[str, str]:
    """Return the text of every page by the name of its file, in their order."""
    folder = resources.files("resources") / "guide"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".md"))
    return {name: (folder / name).read_text(encoding="utf-8") for name in names}


def _is_code(block: QTextBlock) -> bool:
    form, kinds = block.blockFormat(), QTextBlockFormat.Property
    return form.hasProperty(kinds.BlockCodeFence) or form.hasProperty(kinds.BlockCodeLanguage)


class GuideDialog(QDialog):
    """The titles of the pages beside the page that is read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Guide"))
        resize_within(self, 1160, 720)
        self._pages = pages()
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Pages of the guide"))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setSpacing(2)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.page = QTextBrowser()
        self.page.setAccessibleName(self.tr("Page of the guide"))
        self.page.setFrameShape(QFrame.Shape.NoFrame)
        self.page.setOpenLinks(False)
        self.page.document().setDocumentMargin(20)
        self.page.anchorClicked.connect(self._follow)
        for text in self._pages.values():
            self.list.addItem(text.partition("\n")[0].removeprefix("# "))
        in_row((self.list, 1), (self.page, 4), on=self)
        self.list.currentRowChanged.connect(self._show)
        self.list.setCurrentRow(0)

    def _show(self, row: int) -> None:
        if row < 0:
            return
        self.page.setMarkdown(list(self._pages.values())[row])
        self._set_code()
        self.page.moveCursor(QTextCursor.MoveOperation.Start)

    def _set_code(self) -> None:
        """Set blocks of code in the font for code on a ground of their own, and lines apart."""
        block, before = self.page.document().begin(), False
        while block.isValid():
            code = _is_code(block)
            form, cursor = block.blockFormat(), QTextCursor(block)
            if code:
                form.setBackground(self.palette().brush(QPalette.ColorRole.Window))
                form.setTopMargin(0 if before else MARGIN)
                form.setBottomMargin(0 if _is_code(block.next()) else 2 * MARGIN)
            else:
                form.setLineHeight(
                    LINE_HEIGHT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
                )
            cursor.setBlockFormat(form)
            if code and block.length() > 1:
                cursor.movePosition(
                    QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor
                )
                characters = QTextCharFormat()
                characters.setFontFamilies([fonts.MONO])
                cursor.mergeCharFormat(characters)
            block, before = block.next(), code

    def _follow(self, link: QUrl) -> None:
        """Open another page here, an address in the browser."""
        names = list(self._pages)
        if link.fileName() in names and not link.scheme():
            self.list.setCurrentRow(names.index(link.fileName()))
        elif link.scheme() == "https":
            QDesktopServices.openUrl(link)
