"""Pictures in rows, to be looked at or chosen from."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QListWidget


def gallery(name: str, side: int) -> QListWidget:
    """An empty list of pictures.

    Args:
        name: for screen readers.
        side: pixels of a picture.
    """
    found = QListWidget()
    found.setViewMode(QListWidget.ViewMode.IconMode)
    found.setResizeMode(QListWidget.ResizeMode.Adjust)
    found.setMovement(QListWidget.Movement.Static)
    found.setIconSize(QSize(side, side))
    found.setAccessibleName(name)
    return found


def picture_of(image: np.ndarray, side: int) -> QPixmap:
    """A grey picture of at most ``side`` pixels from brightness (H, W), whatever its range."""
    low, high = float(image.min()), float(image.max())
    grey = ((image - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    grey = np.ascontiguousarray(grey)
    height, width = grey.shape
    picture = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8)
    return QPixmap.fromImage(picture.copy()).scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio)
