"""The figures of the training panel: where the run is, how fast, and what its tests say."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.widgets.numbers import accuracy_text, counted, loss_text
from graphcore.records.score import Score
from graphcore.session import messages as m

WIDE = 150
"""A figure of fixed size does not lay out the window with every number."""


class TrainingFigures(QWidget):
    """Two columns of figures with their names.

    Attributes:
        labels: the figures, by what they are of.
    """

    def __init__(self) -> None:
        super().__init__()
        self.labels: dict[str, QLabel] = {}
        self._captions: dict[str, QLabel] = {}
        self._step = 0
        self._test: Score | None = None
        self._names = {
            "epoch": self.tr("epoch"), "step": self.tr("step"), "loss": self.tr("test loss"),
            "accuracy": self.tr("test accuracy"), "speed": self.tr("samples/s"),
            "left": self.tr("left"),
        }  # fmt: skip
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        for i, (key, name) in enumerate(self._names.items()):
            figure, caption = QLabel("–"), QLabel(name)
            figure.setObjectName("figure")
            figure.setAccessibleName(name)
            figure.ensurePolished()
            figure.setFixedSize(WIDE, figure.sizeHint().height())
            caption.setObjectName("muted")
            caption.ensurePolished()
            caption.setFixedSize(WIDE, caption.sizeHint().height())
            grid.addWidget(figure, i // 2 * 2, i % 2)
            grid.addWidget(caption, i // 2 * 2 + 1, i % 2)
            self.labels[key], self._captions[key] = figure, caption

    def clear(self) -> None:
        """Nothing is known."""
        for figure in self.labels.values():
            figure.setText("–")
        self.show_held(0)
        self._name_tests(None)

    def show_frame(self, frame: m.Frame) -> None:
        """Where the run is."""
        self._step = frame.step
        self._name_tests(self._test)
        told = f"{frame.epoch:.2f}/{frame.epochs}" if not frame.of_script else "–"
        self.labels["epoch"].setText(told)
        self.labels["step"].setText(f"{frame.step:,}")
        rate = frame.samples_per_second
        self.labels["speed"].setText(f"{rate:,.0f}" if rate else "–")
        self.labels["left"].setText(_duration(frame.seconds_left))

    def show_held(self, epoch: int) -> None:
        """Say of which epoch the weights are that were given back; 0: of none."""
        held = self.tr("epoch (best: {0:,})").format(epoch)
        self._captions["epoch"].setText(held if epoch else self._names["epoch"])

    def show_score(self, test: Score | None) -> None:
        """Show what one test has found; None is not known."""
        loss, accuracy = (None, None) if test is None else (test.loss, test.accuracy)
        self.labels["loss"].setText(loss_text(loss))
        self.labels["accuracy"].setText(accuracy_text(accuracy))
        self._name_tests(test)

    def show_accuracy(self, known: bool) -> None:
        """Show the accuracy; a net that answers with numbers has none."""
        for label in (self.labels["accuracy"], self._captions["accuracy"]):
            label.setVisible(known)

    def show_data(self, known: bool) -> None:
        """Show what is of samples; where a result is minimised there are none."""
        for key in ("loss", "speed"):
            for label in (self.labels[key], self._captions[key]):
                label.setVisible(known)

    def _name_tests(self, test: Score | None) -> None:
        """Say how many samples were tested; or at which step, where the net is further by now."""
        self._test = test
        samples = 0 if test is None else test.samples
        counts = counted(samples, self.tr("{0} test sample"), self.tr("{0} test samples"))
        tip = counts + self.tr(" at step {0:,}: a few while it trains, all after every epoch")
        for key in ("loss", "accuracy"):
            name = self._names[key]
            text = self.tr("{0} of {1:,}").format(name, samples) if samples else name
            if test is not None and test.step != self._step:
                text = self.tr("{0} @ {1:,}").format(name, test.step)
            self._captions[key].setText(text)
            self.labels[key].setToolTip(tip.format(test.step) if test else "")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
