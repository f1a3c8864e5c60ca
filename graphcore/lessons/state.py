"""What a check looks at: one session's net, data and runs, and what the window shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from graphcore.engine.plan import Plan
from graphcore.errors import GradscapeError, LessonError
from graphcore.graph.graph import Graph
from graphcore.lessons.functions import FACTS
from graphcore.lessons.language import Call, Expression, Value, evaluate
from graphcore.runs.runs import Run
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES = 200
"""Of the training split, that gradients and units are looked at on."""


@dataclass
class State:
    """Asked by checks; changes nothing.

    Attributes:
        shown: names of the panels that can be seen.
        plane: kind of the plane that the landscape shows, or "".
        start: parameters when the step began, by name.
    """

    session: Session
    shown: frozenset[str] = frozenset()
    plane: str = ""
    start: Mapping[str, Tensor] = field(default_factory=dict)
    _begun: Plan | None = None
    _passes: tuple[object, Plan] | None = None
    _known: tuple[object, dict[Call, Value]] = (None, {})

    def begin(self) -> None:
        """A step begins: what moves is measured from the weights of now."""
        plan = self.session.trainer.plan if self.session.trainer else None
        if plan is None and self.session.calculation is not None:
            plan = self.session.calculation[0]
        self.start, self._begun, self._known = {}, plan, (None, {})
        if plan is None:
            return
        if plan.waits:  # nothing is drawn for a net of which only sizes are asked
            plan.when_drawn(partial(self._note_start, plan))
        else:
            self._note_start(plan)

    def _note_start(self, plan: Plan) -> None:
        if plan is self._begun:
            self.start = {name: w.detach().clone() for name, w in plan.places.items()}

    def value(self, expression: Expression) -> Value:
        """Return what an expression comes to; raises GradscapeError where it has no value."""
        return evaluate(expression, self.ask)

    def ask(self, call: Call) -> Value:
        """Return the value of one registered function; asked again, it is the same."""
        moment = self._moment()
        if self._known[0] != moment:
            self._known = moment, {}
        known = self._known[1]
        if call not in known:
            known[call] = FACTS.call(self, call)
        return known[call]

    def _moment(self) -> tuple[object, ...]:
        """What is another whenever a fact may be."""
        s = self.session
        return (*s.moment, id(s.graph), s.graph.training.lr, s.revision, len(s.runs.all),
                self.shown, self.plane)  # fmt: skip

    # -- what facts are made of ---------------------------------------------------------------

    @property
    def graph(self) -> Graph:
        """The graph as it is now."""
        return self.session.graph

    @property
    def trainer(self) -> Trainer:
        """The run; raises LessonError where the graph cannot be trained."""
        if self.session.trainer is None:
            raise LessonError("The graph cannot be trained as it is now.")
        return self.session.trainer

    @property
    def plan(self) -> Plan:
        """The net's own plan; raises LessonError where there is none."""
        calculation = self.session.calculation
        if self.session.trainer is not None:
            return self.session.trainer.plan
        if calculation is None:
            raise LessonError("The graph cannot be run as it is now.")
        return calculation[0]

    @property
    def runs(self) -> Iterator[Run]:
        """The runs that trained, oldest first."""
        return (r for r in self.session.runs.all.values() if r.steps > r.begun_at)

    def passes(self) -> Plan:
        """A plan that has run both passes with the weights of the moment.

        A calculation is run on its own inputs, a net on the first training samples.
        """
        if self.session.trainer is None:
            return self.plan
        key = (self.session.trainer, self.session.trainer.step, self.session.weights_moved)
        if self._passes is not None and self._passes[0] == key:
            return self._passes[1]
        trainer = self.session.trainer
        plan, b = trainer.looking_plan(), trainer.binding
        if b.input:
            x, t = trainer.tensors(trainer.data.train, SAMPLES)
            plan.forward(b.feeds(x, t))
        else:
            plan.forward({})
        if trainer.trains:
            import torch

            plan.backward(b.loss, grad=torch.ones_like(plan.value(b.loss)))
        self._passes = key, plan
        return plan

    def parameter(self, name: str) -> Any:
        """A parameter as it is now; raises LessonError if there is none of that name."""
        found = self.plan.parameters.get(name)
        if found is None:
            listed = ", ".join(list(self.plan.parameters)[:8]) or "none"
            raise LessonError(f"There is no parameter {name!r}; there are: {listed}.")
        return found

    def node(self, name: str) -> Any:
        """A node, inside composites by its path; raises LessonError if there is none."""
        try:
            return self.graph.at(name)
        except GradscapeError as error:
            raise LessonError(str(error)) from None
