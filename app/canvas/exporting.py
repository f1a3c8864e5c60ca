"""The whole graph as a picture file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMarginsF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QImage, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsScene

from app.style import painting, palette
from graphcore.errors import FileError

MARGIN = 30.0


def export(scene: QGraphicsScene, area: QRectF, path: str) -> None:
    """Write the area as SVG, PDF or PNG, by the ending of the path; raises FileError."""
    area = area.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN)
    kind = Path(path).suffix.lower()
    writers = {".svg": _svg, ".pdf": _pdf, ".png": _png}
    if kind not in writers:
        raise FileError(f"{Path(path).name}: a picture ends in .svg, .pdf or .png.")
    if not Path(path).parent.is_dir():
        raise FileError(f"{path} cannot be written: there is no such folder.")
    writers[kind](scene, area, path)
    if not Path(path).exists():
        raise FileError(f"{path} cannot be written.")


def _svg(scene: QGraphicsScene, area: QRectF, path: str) -> None:
    target = QSvgGenerator()
    target.setFileName(path)
    target.setSize(QSize(round(area.width()), round(area.height())))
    target.setViewBox(QRectF(0, 0, area.width(), area.height()))
    _paint(scene, area, target, area.size())


def _pdf(scene: QGraphicsScene, area: QRectF, path: str) -> None:
    target = QPdfWriter(path)
    target.setResolution(72)
    target.setPageSize(QPageSize(area.size(), QPageSize.Unit.Point))
    target.setPageMargins(QMarginsF(0, 0, 0, 0))
    _paint(scene, area, target, area.size())


def _png(scene: QGraphicsScene, area: QRectF, path: str) -> None:
    size = area.size() * 2
    image = QImage(size.toSize(), QImage.Format.Format_ARGB32)
    image.fill(palette.current().color("canvas"))
    _paint(scene, area, image, size)
    image.save(path)


def _paint(scene: QGraphicsScene, area: QRectF, target: QPaintDevice, size: QSizeF) -> None:
    with painting.on(target) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(0, 0, size.width(), size.height())
        scene.render(painter, place, area, Qt.AspectRatioMode.KeepAspectRatio)
