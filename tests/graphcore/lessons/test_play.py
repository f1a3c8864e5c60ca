"""Lessons are played by the engine's own session, and held to what they say."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from graphcore.errors import LessonError
from graphcore.lessons import courses
from graphcore.lessons.checking import band_of, check_lesson
from graphcore.lessons.language import parse_call
from graphcore.lessons.play import Play

spec = importlib.util.spec_from_file_location("samples", Path(__file__).with_name("samples.py"))
samples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(samples)
GOOD, lesson, changed = samples.GOOD, samples.lesson, samples.changed


def test_a_lesson_that_keeps_its_word_has_no_fault():
    report = check_lesson(lesson())
    assert report.faults == []
    assert report.measured["y"] == pytest.approx(0.0024726, abs=1e-7)


FAULTS = [
    ("0.0024 .. 0.0025", "0.1 .. 0.2", "outside of its band"),
    ("\n0.0024 .. 0.0025", "", "has no band"),
    ('value("y") > 0.5', 'value("y") < 2', "holds before anything was done"),
    ('value("y") > 0.5', 'value("y") > 2', "does not hold: value"),
    ('value("y") > 0.5', 'value("nobody") > 2', "no node called 'nobody'"),
    ("node neuron", "node nobody", "no node 'nobody' to be highlighted"),
    ("edge x -> neuron", "edge neuron -> x", "no edge"),
    ("panel inspector", "panel cellar", "no panel 'cellar'"),
    ("port neuron.weight", "port neuron.colour", "no port"),
    ("Ask for z.", 'Ask for {grad("nobody")}.', "has no value"),
    ('weight("neuron.weight", 0, -4)', 'weight("neuron.weight", 7, -4)', "has 2 numbers"),
    ('weight("neuron.weight", 0, -4)', 'add("Nothing", after="x")', "Nothing"),
    ('graph = "perceptron"', 'graph = "no-such"', "no preset"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), FAULTS, ids=[f[2] for f in FAULTS])
def test_a_lesson_that_does_not_is_told_so(old, new, says):
    faults = check_lesson(lesson(changed(old, new))).faults
    assert len(faults) == 1
    assert says in faults[0]
    assert faults[0].startswith("one")


@pytest.fixture
def play():
    text = GOOD.replace('graph = "perceptron"', 'graph = "circle"\nsettings = {epochs = 2}')
    return Play(lesson(text))


def ask(play, text):
    return play.state.ask(parse_call(text))


def test_training_is_the_sessions_own(play):
    before = ask(play, 'loss("train")')
    play.act(parse_call("train(epochs=2)"))
    assert ask(play, "epoch()") == 2
    assert ask(play, "step()") == 50
    assert ask(play, 'loss("train")') < before
    assert ask(play, "runs()") == 1
    assert ask(play, 'tried("lr", 0.03)') == 1
    assert ask(play, 'tried("lr", 10)') == 0
    play.act(parse_call("reset()"))
    assert ask(play, 'loss("train")') == before


def test_what_is_asked_after_a_reset_is_of_the_new_run(play):
    """The net that a step begins with may have made as many steps as the one trained in it."""
    play.act(parse_call("train(steps=5)"))
    play.act(parse_call('swap("tanh1", "ReLU")'))
    before = ask(play, 'loss("test")')
    play.act(parse_call("reset()"))
    play.act(parse_call("train(steps=5)"))
    trainer = play.session.trainer
    assert ask(play, 'loss("test")') == trainer.evaluate(trainer.data.test).loss != before


def test_edits_keep_what_they_do_not_touch(play):
    play.act(parse_call("train(steps=5)"))
    weight = ask(play, 'weight("hidden1.weight", 3)')
    play.act(parse_call('swap("tanh1", "ReLU")'))
    play.act(parse_call('add("Dropout", after="tanh1", name="drop", p=0.25)'))
    assert ask(play, 'operator("tanh1")') == "ReLU"
    assert ask(play, 'has("Dropout", after="tanh1", before="out")') == 1
    assert ask(play, 'attribute("drop", "p")') == 0.25
    assert ask(play, 'weight("hidden1.weight", 3)') == weight
    play.act(parse_call('remove("drop")'))
    assert ask(play, 'connected("tanh1", "hidden2")')
    play.act(parse_call('attribute("hidden1", "out_features", 7)'))
    assert ask(play, 'size("hidden1")') == 7
    play.act(parse_call('set("optimizer", "Adam")'))
    assert ask(play, 'setting("optimizer")') == "Adam"
    play.act(parse_call('option("noise", 0.25)'))
    assert ask(play, 'option("noise")') == 0.25
    play.act(parse_call('initializer("hidden1.weight", "zeros")'))
    play.act(parse_call("reset()"))
    assert ask(play, 'units_differ("hidden1")') == 0


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ('set("nothing", 1)', "no setting"), ('set("lr", "fast")', "lr"),
        ('set("optimizer", "Best")', "Best"), ("train(epochs=100000)", "2,000"),
        ('show("cellar")', "no panel"), ('open("../x.json")', "beside the lesson"),
        ('remove("nobody")', "no node"), ('freeze("nobody.weight")', "no node"),
        ('weight("nobody.weight", 0, 1)', "no parameter"),
    ],
)  # fmt: skip
def test_an_action_that_cannot_be_done_says_why(play, action, says):
    with pytest.raises(LessonError, match=says):
        play.act(parse_call(action))


def test_a_run_that_diverges_is_no_fault_of_the_lesson(play):
    play.act(parse_call('swap("answer", "Identity")'))
    play.act(parse_call('swap("tanh1", "Identity")'))
    play.act(parse_call('set("lr", 1000)'))
    play.act(parse_call("train(epochs=1)"))
    assert ask(play, "epoch()") == 0


def test_numbers_of_a_formula_are_right():
    text = GOOD.replace('graph = "perceptron"', 'formula = "J = 3*(a + b*c)"')
    play = Play(lesson(text.replace('value("y")', 'value("J")')))
    for call in ('input("a", 5)', 'input("b", 3)', 'input("c", 2)'):
        play.act(parse_call(call))
    assert ask(play, 'value("J")') == 33
    assert [ask(play, f'grad("{n}")') for n in "abc"] == [3, 6, 9]


def test_the_receptive_field_of_lenets_second_pooling_is_16():
    play = Play(lesson(changed('graph = "perceptron"',
                               'graph = "lenet5"\nsettings = {dataset = "digits"}')))  # fmt: skip
    assert ask(play, 'receptive_field("conv1")') == 5
    assert ask(play, 'receptive_field("pool2")') == 16
    assert ask(play, "parameters()") == 61706
    assert ask(play, 'size("pool1", 1)') == 14


def test_a_band_has_room_round_what_was_measured():
    band = band_of([0.9, 0.92, 0.94])
    assert band.low < 0.9 < 0.94 < band.high
    assert band.high - band.low < 0.11
    assert band.values == (0.9, 0.92, 0.94)
    counted = band_of([0.2, 0.2, 0.4])
    assert counted.low <= 0 < 0.6 <= counted.high, "one more of what was counted"
    exact = band_of([6.0] * 3)
    assert exact.low < 6 < exact.high
    assert exact.high - exact.low < 0.03


@pytest.mark.parametrize("drawn", ["normal", "lognormal"])
def test_a_band_of_ten_seeds_holds_for_nineteen_of_twenty(drawn):
    generator = np.random.default_rng(0)
    draw = getattr(generator, drawn)
    kept = 0
    for _ in range(200):
        band = band_of(draw(size=10).tolist())
        kept += sum(band.low <= x <= band.high for x in draw(size=20)) >= 19
    assert kept >= 190


def test_bands_are_written_and_read_again(tmp_path):
    bands = {"one/y": band_of([1.0, 2.0]), "one/z": band_of([0.0])}
    courses.write_bands(tmp_path, bands)
    assert courses.read_bands(tmp_path) == bands
