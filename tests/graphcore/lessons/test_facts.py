"""Facts that compute something of their own, held against numbers worked out by hand."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from graphcore import files, presets
from graphcore.errors import LessonError
from graphcore.graph.graph import Graph
from graphcore.lessons import courses
from graphcore.lessons.facts.graph import parameters
from graphcore.lessons.facts.groups import grouped, rows_apart, told_apart
from graphcore.lessons.facts.regions import _of_boxes, overlap, pixels_right
from graphcore.lessons.facts.runs import epoch, fresh_epoch
from graphcore.lessons.facts.scripts import code, code_lines
from graphcore.lessons.facts.values import moved
from graphcore.lessons.state import State
from graphcore.session import messages as m
from graphcore.session.session import Session


def state_of(graph, **training):
    graph.set_training(msgspec.structs.replace(graph.training, **training))
    session = Session(lambda reply: None, "cpu")
    session.load(m.Load(files.dumps(graph)))
    return State(session)


def beside_the_lessons(name):
    return files.load(Path(courses.shipped()) / f"{name}.graph.json")


def test_boxes_share_what_both_cover_over_what_either_covers():
    one = torch.tensor([[0.0, 0.0, 0.4, 0.4]]).expand(4, 4)
    other = torch.tensor([[0.0, 0.0, 0.4, 0.4], [0.2, 0.0, 0.6, 0.4], [0.5, 0.5, 1.0, 1.0],
                          [0.3, 0.3, 0.1, 0.1]])  # fmt: skip
    assert torch.allclose(_of_boxes(one, other), torch.tensor([1.0, 1 / 3, 0.0, 0.0]))


def test_pixels_of_background_alone_overlap_with_nothing():
    state = state_of(beside_the_lessons("pixels"))
    bias = state.parameter("pixels.bias")
    with torch.inference_mode():
        state.parameter("pixels.weight").zero_()
        bias.copy_(torch.tensor([1.0, 0.0, 0.0]))
    truth = state.trainer.data.test.targets
    assert overlap(state) == 0
    assert pixels_right(state) == pytest.approx(float((truth == 0).mean()))
    with torch.inference_mode():
        bias.copy_(torch.tensor([0.0, 1.0, 0.0]))
    assert overlap(state) == pytest.approx(float((truth == 1).mean()) / 2)
    with pytest.raises(LessonError, match="boxes"):
        overlap(state_of(presets.load("linear-regression")))


def test_a_picture_of_answers_has_no_accuracy():
    state = state_of(beside_the_lessons("next-picture"))
    assert state.trainer.evaluate(state.trainer.data.test).accuracy is None


def test_groups_are_pure_where_a_unit_is_a_class():
    graph = Graph()
    x = graph.add("Input", name="x", shape=(2,))
    answer = graph.add("Linear", name="answer", out_features=2)
    loss = graph.add("CrossEntropyLoss", name="loss")
    graph.connect(x, answer)
    graph.connect(answer, loss, input="x")
    graph.connect(graph.add("Target", name="t"), loss, input="target")
    state = state_of(graph, dataset="two-gaussians", dataset_options={"spread": 0.1})
    with torch.inference_mode():
        state.parameter("answer.bias").zero_()
        state.parameter("answer.weight").copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))
    assert grouped(state, "answer") == 1, "whatever number a group has"
    assert told_apart(state, "x") == 1
    assert rows_apart(state, "answer.weight", 0, 1) == pytest.approx(np.sqrt(8))
    with pytest.raises(LessonError, match="no rows 0 and 2"):
        rows_apart(state, "answer.weight", 0, 2)


def test_the_line_of_a_node_is_that_of_the_export():
    state = state_of(presets.load("xor"))
    assert code(state, "hidden") == "nn.Linear(2, 4)"
    assert code(state, "hidden", "keras") == 'layers.Dense(4, name="hidden")'
    assert code(state, "loss") == "F.cross_entropy(out, target)"
    assert code_lines(state) == 3
    with pytest.raises(LessonError, match="no line of its own"):
        code(state, "target")


def test_a_step_of_a_lesson_draws_no_weights_and_knows_where_they_began():
    """VGG-16 needs no 3 GB to have its weights counted."""
    state = state_of(presets.load("circle"))
    plan = state.trainer.plan
    state.begin()
    assert parameters(state) > 0
    assert plan.waits
    assert moved(state, "hidden1.weight") == 0
    state.session.run(m.Run(1))
    state.session.train()
    assert moved(state, "hidden1.weight") > 0


def test_epochs_of_another_net_are_none_of_this_ones_start():
    """What was changed keeps its weights and its epochs: only a new start makes them its own."""
    state = state_of(presets.load("circle"))
    session = state.session

    def train(epochs):
        session.run(m.Run(epochs * session.trainer.steps_per_epoch))
        while session.seconds_to_wait() is not None:
            session.train()

    def change(**settings):
        graph = session.graph.copy()
        graph.set_training(msgspec.structs.replace(graph.training, **settings))
        session.load(m.Load(files.dumps(graph), keep=True))

    train(2)
    assert fresh_epoch(state) == 2
    change(epochs=500)
    train(1)
    assert fresh_epoch(state) == 3, "more of the same"
    change(l2=0.01)
    assert (epoch(state), fresh_epoch(state)) == (3, 0)
    train(1)
    assert fresh_epoch(state) == 0
    session.reset()
    train(1)
    assert fresh_epoch(state) == 1
