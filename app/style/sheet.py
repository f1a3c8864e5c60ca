"""The style sheet: what Fusion leaves to be said about shapes, spacing and states."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.style.palette import Palette


def sheet(p: Palette) -> str:
    """The rules for one theme.

    Object names that change a look: ``primary`` and ``quiet`` buttons, ``muted``, ``figure`` and
    ``heading`` labels. The property ``invalid`` marks a field whose text cannot be used.
    """
    parts = (_windows, _buttons, _menus, _fields, _spin_boxes, _choices, _lists, _bars, _labels)
    return "".join(part(p) for part in parts)


def _picture(name: str, p: Palette) -> str:
    folder = (files("resources") / "icons").as_posix()  # type: ignore[attr-defined]
    return f"url({folder}/{name}-{p.name}.svg)"


def _windows(p: Palette) -> str:
    return f"""
    QMainWindow, QMainWindow::separator {{ background: {p.window}; }}
    QMainWindow::separator {{ width: 5px; height: 5px; }}
    QMainWindow::separator:hover {{ background: {p.accent}; }}
    QDockWidget {{ font-weight: 600; titlebar-close-icon: none; }}
    QDockWidget::title {{ background: {p.window}; padding: 6px 10px; color: {p.muted}; }}
    QToolBar {{ background: {p.panel}; border: none; border-bottom: 1px solid {p.line};
        padding: 4px 6px; spacing: 3px; }}
    QToolBar::separator {{ background: {p.line}; width: 1px; margin: 5px 5px; }}
    QStatusBar {{ background: {p.panel}; color: {p.muted}; border-top: 1px solid {p.line}; }}
    QStatusBar::item {{ border: none; }}
    QToolTip {{ background: {p.raised}; color: {p.text}; border: 1px solid {p.line};
        padding: 5px; }}
    QScrollArea {{ border: none; background: transparent; }}
    QSplitter::handle:horizontal {{ background: {p.line}; margin: 0 4px; }}
    """


def _buttons(p: Palette) -> str:
    return f"""
    QToolButton {{ border: 1px solid transparent; border-radius: 6px; padding: 3px;
        color: {p.text}; }}
    QToolButton#outlined, QToolButton#floating {{ border-color: {p.edge}; padding: 1px 8px; }}
    QToolButton#floating {{ background: {p.panel}; padding: 3px; }}
    QToolButton:hover {{ background: {p.raised}; }}
    QToolButton:pressed, QToolButton:checked {{ background: {p.line}; }}
    QToolButton:focus, QPushButton:focus {{ border-color: {p.accent}; }}
    QPushButton {{ background: {p.raised}; border: 1px solid {p.line}; border-radius: 6px;
        padding: 4px 12px; }}
    QPushButton:hover {{ border-color: {p.edge}; }}
    QPushButton:pressed {{ background: {p.line}; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {p.edge}; }}
    QPushButton#primary {{ background: {p.accent}; color: {p.on_accent};
        border: 1px solid {p.accent}; font-weight: 600; }}
    QPushButton#primary:hover, QPushButton#primary:focus {{ border-color: {p.text}; }}
    QPushButton#primary:disabled {{ background: {p.raised}; color: {p.muted};
        border-color: {p.raised}; }}
    QPushButton#quiet {{ background: transparent; border-color: transparent; color: {p.muted}; }}
    QPushButton#quiet:hover {{ background: {p.raised}; color: {p.text}; }}
    QPushButton#quiet:focus {{ border-color: {p.accent}; }}
    """


def _menus(p: Palette) -> str:
    return f"""
    QMenuBar {{ background: {p.panel}; padding: 2px; }}
    QMenuBar::item {{ padding: 4px 9px; border-radius: 5px; background: transparent; }}
    QMenuBar::item:selected {{ background: {p.raised}; }}
    QMenu {{ background: {p.card}; border: 1px solid {p.line}; padding: 5px; }}
    QFrame#popup {{ background: {p.panel}; border: 1px solid {p.edge}; }}
    QMenu::item {{ padding: 5px 26px 5px 22px; border-radius: 5px; }}
    QMenu::item:selected {{ background: {p.accent}; color: {p.on_accent}; }}
    QMenu::item:disabled {{ color: {p.muted}; background: transparent; }}
    QMenu::separator {{ height: 1px; background: {p.line}; margin: 4px 8px; }}
    """


def _fields(p: Palette) -> str:
    return f"""
    QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit {{ background: {p.card};
        border: 1px solid {p.line}; border-radius: 6px; padding: 3px 7px; min-height: 18px;
        selection-background-color: {p.accent}; selection-color: {p.on_accent}; }}
    QLineEdit:hover, QSpinBox:hover, QDoubleSpinBox:hover, QComboBox:hover {{
        border-color: {p.edge}; }}
    QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {{
        border-color: {p.accent}; }}
    QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {{
        color: {p.edge}; background: {p.panel}; border-color: {p.line}; }}
    QLineEdit[invalid="true"] {{ border-color: {p.error}; }}
    QComboBox::drop-down {{ border: none; width: 20px; }}
    QComboBox::down-arrow {{ image: {_picture("down", p)}; width: 12px; height: 12px; }}
    QComboBox QAbstractItemView {{ background: {p.card}; border: 1px solid {p.line};
        selection-background-color: {p.accent}; selection-color: {p.on_accent}; }}
    """


def _spin_boxes(p: Palette) -> str:
    return f"""
    QAbstractSpinBox {{ padding-right: 18px; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: none; width: 16px;
        background: transparent; subcontrol-origin: border; }}
    QAbstractSpinBox::up-button {{ subcontrol-position: top right; margin: 2px 3px 0 0; }}
    QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; margin: 0 3px 2px 0; }}
    QAbstractSpinBox::up-arrow {{ image: {_picture("up", p)}; width: 9px; height: 9px; }}
    QAbstractSpinBox::down-arrow {{ image: {_picture("down", p)}; width: 9px; height: 9px; }}
    """


def _choices(p: Palette) -> str:
    return f"""
    QCheckBox::indicator {{ width: 15px; height: 15px; border: 1px solid {p.edge};
        border-radius: 4px; background: {p.card}; }}
    QCheckBox::indicator:checked {{ background: {p.accent}; border-color: {p.accent};
        image: {_picture("check", p)}; }}
    QRadioButton::indicator {{ width: 13px; height: 13px; border: 1px solid {p.muted};
        border-radius: 7px; background: {p.card}; }}
    QRadioButton::indicator:checked {{ border-color: {p.accent};
        background: qradialgradient(cx: 0.5, cy: 0.5, radius: 0.5, fx: 0.5, fy: 0.5,
        stop: 0 {p.accent}, stop: 0.5 {p.accent}, stop: 0.6 {p.card}, stop: 1 {p.card}); }}
    QRadioButton:disabled {{ color: {p.text}; }}
    QCheckBox:focus, QRadioButton:focus {{ color: {p.accent}; }}
    QSlider::groove:horizontal {{ background: {p.line}; height: 4px; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {p.accent}; height: 4px; border-radius: 2px; }}
    QSlider::sub-page:horizontal:disabled {{ background: {p.line}; }}
    QSlider::handle:horizontal {{ background: {p.text}; width: 12px; height: 12px;
        margin: -4px 0; border-radius: 6px; }}
    QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{
        background: {p.accent}; }}
    """


def _lists(p: Palette) -> str:
    return f"""
    QTreeView::branch:selected {{ background: transparent; }}
    QTreeView, QListView, QTableView, QListWidget, QTreeWidget, QUndoView {{
        background: {p.panel}; border: none; outline: none; }}
    QTreeView::item, QListView::item {{ padding: 2px; border-radius: 4px; }}
    QTreeView::item:hover, QListView::item:hover {{ background: {p.raised}; }}
    QTreeView::item:selected, QListView::item:selected {{ background: {p.accent};
        color: {p.on_accent}; }}
    QTableView {{ gridline-color: {p.line}; selection-background-color: {p.accent};
        selection-color: {p.on_accent}; }}
    QTableCornerButton::section {{ background: {p.panel}; border: none; }}
    QHeaderView {{ background: {p.panel}; border: none; }}
    QHeaderView::section {{ background: {p.panel}; color: {p.muted}; border: none;
        padding: 4px; }}
    """


def _bars(p: Palette) -> str:
    return f"""
    QTabBar::tab {{ background: transparent; color: {p.muted}; padding: 6px 12px;
        border-bottom: 2px solid transparent; }}
    QTabBar[compact="true"]::tab {{ padding: 6px 5px; }}
    QTabBar::tab:selected {{ color: {p.text}; border-bottom-color: {p.accent}; }}
    QTabBar::tab:hover {{ color: {p.text}; }}
    QTabWidget::pane {{ border: none; border-top: 1px solid {p.line}; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
    QScrollBar::handle {{ background: {p.line}; border-radius: 4px; min-height: 28px;
        min-width: 28px; margin: 1px; }}
    QScrollBar::handle:hover {{ background: {p.edge}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QProgressBar {{ background: {p.raised}; border: none; border-radius: 3px; max-height: 6px; }}
    QProgressBar::chunk {{ background: {p.accent}; border-radius: 3px; }}
    """


def _labels(p: Palette) -> str:
    # A label, a tool tip or a message that holds a name from a file would else draw markup in it
    # and open what that names.
    return f"""
    QLabel, QToolTip {{ qproperty-textFormat: PlainText; }}
    RichLabel {{ qproperty-textFormat: RichText; }}
    QLabel#muted {{ color: {p.muted}; }}
    QLabel#heading {{ font-weight: 600; font-size: 11pt; }}
    QLabel#recording {{ color: {p.error}; }}
    QLabel#figure {{ font-size: 15pt; font-weight: 600; }}
    QLabel#readout {{ background: {p.raised}; color: {p.text}; border: 1px solid {p.line};
        border-radius: 4px; padding: 3px 6px; }}
    """
