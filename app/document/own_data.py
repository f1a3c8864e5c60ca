"""Own data for the open graph, and a net for own data; each is one step that can be undone."""

from __future__ import annotations

from pathlib import Path

import msgspec
from PySide6.QtCore import QCoreApplication

from app.document.document import Document
from graphcore.graph.layer_list import BATCH, EPOCHS, net_for
from graphcore.graph.training_settings import TrainingSettings


def _(text: str) -> str:
    return QCoreApplication.translate("OwnData", text)


def use_table(document: Document, path: str) -> None:
    """Train the graph on a table or a folder of images.

    Inputs and numeric targets of a table are brought to a common scale.
    """
    document.set_training(_on_table(document, path), _("Use {0}").format(Path(path).name))


def ask_for_net(document: Document, path: str) -> None:
    """Have own data read before a net is made for it: a net of one input, as one step."""
    document.become(net_for((1,), 0, _on_table(document, path)), _("Make a net"))


def make_net(document: Document, input_shape: tuple[int, ...], classes: int) -> None:
    """Put a small net that fits the data in the place of the graph."""
    document.become(net_for(input_shape, classes, document.root.training), _("Make a net"))


def make_net_asked_for(document: Document, input_shape: tuple[int, ...], classes: int) -> None:
    """Put a net that fits in the place of the one that ``ask_for_net`` has put there."""
    training = document.root.training
    document.undo_stack.undo()
    document.become(net_for(input_shape, classes, training), _("Make a net"))


def answers_otherwise(document: Document, classes: int) -> bool:
    """Return whether a graph's loss takes numbers where the data have classes, or the reverse."""
    kinds = {n.op.answers for n in document.root if n.op.category == "loss"} - {""}
    return bool(kinds) and kinds <= ({"number"} if classes else {"class", "logit"})


def _on_table(document: Document, path: str) -> TrainingSettings:
    training = document.root.training
    if Path(path).is_dir():
        return msgspec.structs.replace(
            training, dataset="image-folder", normalization="none",
            dataset_options={"path": path, "broken": "leave out"},
            epochs=max(EPOCHS, training.epochs), batch=min(BATCH, training.batch),
        )  # fmt: skip
    return msgspec.structs.replace(
        training, dataset="csv", dataset_options={
            "path": path, "target_scale": "standardize", "missing": "leave out",
        },
        normalization="standardize", epochs=max(EPOCHS, training.epochs),
        batch=min(BATCH, training.batch),
    )  # fmt: skip
