"""Formulas as graphs: the same numbers as Python's, and one sentence for all that is none."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcore as gc
from graphcore.errors import ExpressionError
from graphcore.ops.formula_text import postfix


def value(text: str, **feeds: float) -> float:
    g = gc.parse_expression(text)
    plan = gc.compile(g, dtype="float64")
    plan.forward(feeds)
    name = "J" if "J" in g else "result"
    return float(plan.value(name))


def test_the_example_of_every_course() -> None:
    g = gc.parse_expression("J = 3*(a + b*c)")
    assert sorted(n.operator for n in g) == [
        "Add",
        "Constant",
        "Input",
        "Input",
        "Input",
        "Mul",
        "Mul",
    ]
    assert g.node("a").attributes["shape"] == ()
    assert g.node("a").attributes["batch"] is False
    plan = gc.compile(g, dtype="float64")
    plan.forward({"a": 5, "b": 3, "c": 2})
    plan.backward("J")
    assert [float(plan.value("J"))] + [float(plan.grad(n)) for n in "abc"] == [33, 3, 6, 9]


@pytest.mark.parametrize(
    "text",
    [
        "a - b - c", "a / b / c", "a - (b - c)", "-a**2", "(-a)**2", "2**-1", "a**b**2",
        "-a - -b", "+a*b", "--a", "1e-2*a + .5", "2*(a + 3)*(b - 1) - 4", "a*-b + c",
        "exp(a) + log(b)*tanh(c)", "relu(a - b) + sigmoid(c)", "(a\n + b)*c", "a + b # c",
        "2 × a − b ÷ c", "a", "+a", "3", "(a)", "exp(-a**2 / 2) / (b + 1)", "a +\\\n b",
    ],
)  # fmt: skip
def test_numbers_are_those_of_python(text: str) -> None:
    feeds = {"a": 0.7, "b": 1.3, "c": 2.1}
    functions = {
        "exp": math.exp, "log": math.log, "tanh": math.tanh, "relu": lambda x: max(x, 0.0),
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    }  # fmt: skip
    python = text.replace("×", "*").replace("−", "-").replace("÷", "/")
    wanted = eval(f"({python}\n)", functions, feeds)
    used = {n.name for n in gc.parse_expression(text) if n.operator == "Input"}
    assert value(text, **{k: v for k, v in feeds.items() if k in used}) == pytest.approx(wanted)


NUMBERS = st.integers(1, 9).map(str) | st.sampled_from("abc")
SUMS = st.recursive(
    NUMBERS,
    lambda inner: (
        st.tuples(inner, st.sampled_from([" + ", " - ", "*", "/"]), inner).map("".join)
        | inner.map(lambda t: f"({t})")
        | inner.map(lambda t: f"-{t}")
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(SUMS)
def test_any_formula_has_the_value_that_python_gives(text: str) -> None:
    feeds = {"a": 0.7, "b": 1.3, "c": 2.1}
    try:
        wanted = eval(text, {}, feeds)
    except ZeroDivisionError:
        return
    used = {n.name for n in gc.parse_expression(text) if n.operator == "Input"}
    assert value(text, **{k: feeds[k] for k in used}) == pytest.approx(wanted, rel=1e-9)


def test_a_repeated_name_is_one_node_with_several_edges() -> None:
    g = gc.parse_expression("x*x")
    assert [(e.source, e.target, e.input) for e in g.edges] == [
        ("x", "result", "a"),
        ("x", "result", "b"),
    ]


def test_assignments_build_on_each_other() -> None:
    g = gc.parse_expression("q = x*y; J = q + z\n\nK = J*q;")
    assert {"q", "J", "K", "x", "y", "z"} == {n.name for n in g}


def test_names_in_the_text_win_over_names_made_up() -> None:
    g = gc.parse_expression("add + b + constant*2 + mul")
    assert {n.name for n in g if n.operator == "Input"} == {"add", "b", "constant", "mul"}


def test_a_name_alone_and_a_number_alone() -> None:
    assert gc.parse_expression("J = a").node("J").operator == "Identity"
    assert gc.parse_expression("J = 3").node("J").operator == "Constant"


@pytest.mark.parametrize("text", ["+".join(["a"] * 10_000), "J = " + " - ".join(["a*b"] * 10_000)])
def test_ten_thousand_terms(text: str) -> None:
    assert len(gc.parse_expression(text)) >= 10_000


REFUSED = {
    "": "empty",
    " \n;": "empty",
    "a = a + 1": "a would mean two things",
    "q = b; q = c": "q would mean two things",
    "x = q; q = 2": "q would mean two things",
    "J =": "nothing follows",
    "= 3": "before =",
    "a + b = c": "before =",
    "a = b = c": "more than one =",
    "a; b": "needs a name",
    "a b": "not a formula",
    "a +": "not a formula",
    "(a": "bracket",
    "a)": "bracket",
    "x^2": "**",
    "exp": "exp(x)",
    "exp = 3": "exp has a meaning",
    "lambda = 3": "lambda has a meaning",
    "exp()": "one value",
    "exp(a, b)": "one value",
    "exp(*a)": "one value",
    "foo(a)": "no function foo",
    "__import__('os').system('x')": "no function",
    "().__class__": "not allowed",
    "a.b": "not allowed",
    "a[0]": "not allowed",
    "[a for a in b]": "not allowed",
    "lambda: a": "not allowed",
    "a if b else c": "not allowed",
    "a < b": "not allowed",
    "a @ b": "not allowed",
    "a := 3": "not a formula",
    "'text'": "not a number",
    "True": "not a number",
    "1j": "not a number",
    "1e999": "too large",
    "9" * 400: "too large",
    "α + 1": "'α'",
    "β = 1": "'β'",
    "\0": "not a formula",
    "(" * 500 + "a" + ")" * 500: "not a formula",
    "*".join(["a"] * 20_000): "nested too deeply",
    "+[" + "-" * 50 + "a]": "not allowed",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_formula_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        gc.parse_expression(text)
    assert REFUSED[text] in str(caught.value)
    assert len(str(caught.value)) < 300


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab1.+-*/()=;\n ,'\"#[]{}:^_eλ\\\t", max_size=12))
def test_any_text_is_a_graph_or_an_expression_error(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        assert len(gc.parse_expression(text)) > 0


def test_postfix_takes_one_formula_without_a_name() -> None:
    assert [s.text or s.value for s in postfix("x*2 + x")] == ["x", 2.0, "Mul", "x", "Add"]
    for bad in ("y = x", "x; x", ""):
        with pytest.raises(ExpressionError):
            postfix(bad)
