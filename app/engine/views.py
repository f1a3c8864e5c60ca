"""The replies that are views: by which signal each is passed on, and which are of one net."""

from __future__ import annotations

from graphcore.session import messages as m
from graphcore.views.comparison import CompareFrame
from graphcore.views.decision_map import DecisionFrame
from graphcore.views.drawing import DigitFrame, NearestFrame
from graphcore.views.embedding import EmbeddingFrame, TsneFrame
from graphcore.views.health import HealthFrame
from graphcore.views.histograms import SpreadFrame
from graphcore.views.landscape import LandscapeFrame
from graphcore.views.lesson import FactsFrame
from graphcore.views.net_files import NetSaved, WeightsLoaded
from graphcore.views.race import RaceFrame
from graphcore.views.rate_test import RateTestFrame
from graphcore.views.results import ResultsFrame
from graphcore.views.saliency import AttributionFrame
from graphcore.views.samples import SamplesFrame
from graphcore.views.samples.shown import SampleFrame
from graphcore.views.stepper import CheckFrame, ElementFrame, NumbersFrame, WalkFrame
from graphcore.views.timeline import CurvesFrame, TimelineFrame
from graphcore.views.timeline.run_files import RunsSaved
from graphcore.views.weights import TensorFrame
from graphcore.views.what_if import WhatIfFrame

SIGNALS: dict[type, str] = {
    LandscapeFrame: "landscape",
    WalkFrame: "walk",
    NumbersFrame: "numbers",
    ElementFrame: "element",
    CheckFrame: "checked",
    DecisionFrame: "decision",
    RateTestFrame: "rates",
    TensorFrame: "tensor",
    WhatIfFrame: "what_if",
    ResultsFrame: "results",
    SamplesFrame: "samples",
    AttributionFrame: "attribution",
    RaceFrame: "race",
    SpreadFrame: "spread",
    HealthFrame: "health",
    EmbeddingFrame: "embedding",
    DigitFrame: "digit",
    NearestFrame: "nearest",
    SampleFrame: "sample",
    CompareFrame: "comparison",
    TsneFrame: "tsne",
    NetSaved: "net_saved",
    WeightsLoaded: "weights_loaded",
    TimelineFrame: "timeline",
    RunsSaved: "runs_saved",
    CurvesFrame: "curves",
    FactsFrame: "facts",
}
"""The signal of the engine that passes on a reply of each type."""
OF_A_NET = {m.Frame, *SIGNALS} - {FactsFrame, NetSaved, RunsSaved, WeightsLoaded}
"""Replies that show a net; the others say what became of a request."""
OF_THE_NET = {
    m.Loaded, LandscapeFrame, WalkFrame, DecisionFrame, ResultsFrame, HealthFrame, SpreadFrame,
    EmbeddingFrame, SampleFrame, CompareFrame, WhatIfFrame,
}  # fmt: skip
"""Replies that are sent again of every net: those of one that is no more are not shown."""
