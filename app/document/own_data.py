"""Own data for the open graph, and a net for own data; each is one step that can be undone."""

from __future__ import annotations

from pathlib import Path

import msgspec
from PySide6.QtCore import QCoreApplication

from app.document.document import Document
from graphcore.graph.layer_list import net_for


def _(text: str) -> str:
    return QCoreApplication.translate("OwnData", text)


def use_table(document: Document, path: str) -> None:
    """Train the graph on a table, with inputs and numeric targets brought to a common scale."""
    options = {"path": path, "target_scale": "standardize"}
    settings = msgspec.structs.replace(
        document.root.training, dataset="csv", dataset_options=options, normalization="standardize"
    )
    document.set_training(settings, _("Use {0}").format(Path(path).name))


def make_net(document: Document, input_shape: tuple[int, ...], classes: int) -> None:
    """Put a small net that fits the data in the place of the graph."""
    document.become(net_for(input_shape, classes, document.root.training), _("Make a net"))
