"""Lesson texts that tests change."""

from graphcore.lessons.reader import parse_lesson

GOOD = """+++
title = "One neuron"
graph = "perceptron"
concepts = ["000: perceptron"]
+++
What it is about.

## Look
y is {value("y"):.4f}, also {y}; $x_{1}$ stays as it is.

```predict guess
What is y?
( ) a half
(x) nearly nothing
```
```predict number
And in numbers?
= value("y") +- 10%
```
```look
node neuron
port neuron.weight
edge x -> neuron
panel inspector
```
```reveal
Nearly nothing.
```
```measure y
value("y")
0.0024 .. 0.0025
```

## Change
```do
Make y larger than a half.
```
```check
value("y") > 0.5
```
```else
when not edited("neuron.weight"): no weight was changed
y is {value("y"):.2f}
```
```hint
A negative weight.
```
```solution
weight("neuron.weight", 0, -4)
```
```note
Ask for z.
```
"""


def lesson(text=GOOD, name="one.lesson.md"):
    return parse_lesson(text.encode(), name)


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)
