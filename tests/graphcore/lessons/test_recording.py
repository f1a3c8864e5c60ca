"""What an author did in the window becomes a solution and checks that it may be held to."""

import pytest

from graphcore.lessons.checking import check_lesson
from graphcore.lessons.language import parse_call
from graphcore.lessons.play import Play
from graphcore.lessons.reader import parse_lesson
from graphcore.lessons.recording import between, mark, recording

HEAD = '+++\ntitle = "x"\ngraph = "{}"\nsettings = {{epochs = 4}}\n+++\n## One\n'
DONE = {
    "weights": ("perceptron", 'weight("neuron.weight", 0, -4)', 'edited("neuron.weight")'),
    "input": ("perceptron", 'input("x", [3, -1])', 'value("y") > '),
    "setting": ("circle", 'set("lr", 0.3)', 'setting("lr") == 0.3'),
    "option": ("circle", 'option("noise", 0.2)', 'option("noise") == 0.2'),
    "attribute": ("circle", 'attribute("hidden1", "out_features", 7)',
                  'attribute("hidden1", "out_features") == 7'),
    "added": ("circle", 'add("Dropout", after="hidden1", name="drop", p=0.3)',
              'has("Dropout", after="hidden1") >= 1'),
    "frozen": ("circle", 'freeze("hidden1.weight")', 'frozen("hidden1.weight")'),
    "start": ("circle", 'initializer("hidden1.weight", "zeros")',
              'initializer("hidden1.weight") == "zeros"'),
    "training": ("circle", "train(epochs=3)", "epoch() >= 3"),
    "panel": ("circle", 'show("landscape")', 'panel("landscape")'),
}  # fmt: skip


def played(name, *actions):
    """What was recorded while actions were carried out."""
    play = Play(parse_lesson(f"{HEAD.format(name)}text\n".encode(), "x.lesson.md"))
    since = mark(play.state)
    for action in actions:
        play.act(parse_call(action))
    return recording(play.state, since)


@pytest.mark.parametrize(("graph", "action", "check"), DONE.values(), ids=DONE)
def test_what_was_done_is_a_solution_and_its_check_tells_it_from_nothing(graph, action, check):
    found = played(graph, action)
    assert found.whole
    proposed = [p for p in found.proposals if p.check.startswith(check)]
    assert proposed, [p.check for p in found.proposals]
    task = (
        f"```do\nDo it.\n```\n```check\n{proposed[0].check}\n```\n"
        f"```else\n{proposed[0].otherwise}\n```\n```solution\n"
        + "\n".join(found.solution)
        + "\n```\n"
    )
    lesson = parse_lesson((HEAD.format(graph) + task).encode(), "x.lesson.md")
    assert check_lesson(lesson, bands=False).faults == []


def test_several_things_are_recorded_in_an_order_that_leads_there():
    found = played(
        "circle", 'set("optimizer", "Adam")', 'remove("tanh1")', "train(epochs=1, steps=2)"
    )
    assert found.whole
    assert found.solution == ('set("optimizer", "Adam")', 'remove("tanh1")',
                              "train(epochs=1, steps=2)")  # fmt: skip
    assert any(p.check == 'setting("optimizer") == "Adam"' for p in found.proposals)


def test_what_no_action_can_do_is_told():
    play = Play(parse_lesson((HEAD.format("circle") + "text\n").encode(), "x.lesson.md"))
    since = mark(play.state)
    play.edit(lambda g: g.update("hidden1", bypassed=True))
    assert not recording(play.state, since).whole


def test_nothing_done_proposes_nothing():
    found = played("circle")
    assert (found.proposals, found.solution) == ((), ())


def test_a_change_of_a_trained_net_is_no_training():
    """The changed net is a run of its own that goes on from the step of the one before."""
    play = Play(parse_lesson((HEAD.format("circle") + "text\n").encode(), "x.lesson.md"))
    play.act(parse_call("train(epochs=2)"))
    since = mark(play.state)
    play.act(parse_call('swap("tanh1", "ReLU")'))
    found = recording(play.state, since)
    assert found.solution == ('swap("tanh1", "ReLU")',)
    assert not [p.check for p in found.proposals if "epoch" in p.check or "accuracy" in p.check]


@pytest.mark.parametrize(("one", "other"), [(0.0025, 0.73), (-6, -5.5), (1.0, 1.0001), (0, 1e-9)])
def test_a_bar_lies_between_then_and_now(one, other):
    assert one < float(between(one, other)) < other
