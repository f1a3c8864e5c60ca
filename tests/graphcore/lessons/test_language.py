"""The language of checks: what it takes, what it comes to, and what it refuses in a sentence."""

import time

import pytest

from graphcore.errors import LessonError
from graphcore.lessons import facts  # noqa: F401 - registers the functions
from graphcore.lessons.functions import FACTS, known_fact
from graphcore.lessons.language import Call, evaluate, parse, parse_call


def value(text, **known):
    return evaluate(parse(text, known_fact), lambda call: known[call.name])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7.0),
        ("-2 / 4", -0.5),
        ("1 < 2 < 3", True),
        ("1 < 2 > 3", False),
        ("not (1 == 1) or 2 != 3", True),
        ('"a" == "a"', True),
        ("abs(-3) + max(1, 2) + min(4, 5) + round(2.4)", 11.0),
        ("sqrt(16) > 3.9 and log(1) == 0", True),
        ("True and 1", True),
    ],
)
def test_an_expression_comes_to_its_value(text, expected):
    assert value(text) == expected


def test_a_check_asks_for_what_it_names():
    found = parse('accuracy("test") >= 0.97 and epoch() <= 3', known_fact)
    assert found.calls == (Call("accuracy", ("test",)), Call("epoch"))
    assert value('accuracy("test") >= 0.97 and epoch() <= 3', accuracy=0.98, epoch=2.0)
    assert not value('accuracy("test") >= 0.97 and epoch() <= 3', accuracy=0.98, epoch=4.0)


def test_what_is_not_reached_is_not_asked():
    assert value("epoch() > 0 and accuracy() > 0.5", epoch=0.0) is False


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("__import__('os').system('true')", "no function"),
        ("open('/etc/passwd')", "no check function called 'open'"),
        ("epoch.__class__", "not part of a check"),
        ("[x for x in y]", "not part of a check"),
        ("lambda: 1", "not part of a check"),
        ("9 ** 9 ** 9", "not part of a check"),
        ("1 if 2 else 3", "not part of a check"),
        ("(y := 1)", "not part of a check"),
        ("f'{epoch()}'", "not part of a check"),
        ("accuracy(epoch())", "plain number or text"),
        ("accuracy('middle')", "is one of 'test', 'train', 'validation'"),
        ("accuracy(1, 2, 3)", "does not fit accuracy("),
        ("accuracy(**{})", "**"),
        ("acuracy('test')", "did you mean accuracy"),
        ("value('y', 1.5)", "a whole number"),
        ("1 +", "cannot be read"),
        ("epoch() = 3", "cannot be read"),
        ("(" * 60 + "1" + ")" * 60, "brackets 60 deep"),
        ("not " * 90 + "1", "long-winded"),
        ("1" + "+1" * 300, "at most 400 characters"),
        ("epoch() > 1e999", "no number"),
        ("1j == 1", "no number"),
        ("epoch() and " * 13 + "epoch()", "things"),
    ],
)
def test_what_is_not_in_the_language_is_refused_in_a_sentence(text, says):
    with pytest.raises(LessonError) as refused:
        parse(text, known_fact)
    assert says in str(refused.value)
    assert len(str(refused.value)) <= 300


@pytest.mark.parametrize(
    ("text", "says"),
    [("1 / 0", "divides by zero"), ("exp(1000)", "no finite value"), ("log(0)", "no finite value"),
     ('1 < "a"', "mixes"), ('"a" + 1', "mixes")],
)  # fmt: skip
def test_what_has_no_value_says_so(text, says):
    with pytest.raises(LessonError) as refused:
        value(text)
    assert says in str(refused.value)


def test_a_call_that_is_written_out_reads_the_same_again():
    call = parse_call('attribute("conv1", "stride", [2, 2])', 7)
    assert call.line == 7
    assert parse_call(str(call), 7) == call


def test_hostile_texts_are_refused_at_once():
    begun = time.process_time()
    for text in ("(" * 399, "not " * 99 + "1", "a" * 400, "1" * 400, "--" * 199 + "1", "'" * 399):
        with pytest.raises(LessonError):
            parse(text, known_fact)
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize("function", list(FACTS), ids=lambda f: f.name)
def test_every_check_function_documents_itself(function):
    assert len(function.summary) > 20
    assert function.summary[-1] in ".:"
