"""Fault rules for a proxy, switched on and off while it runs.

    rule = Rule(on=Requests(("POST",), path="/secrets$"), do=SwallowAnswer())
    with proxy.faults.active(rule):
        ...
    assert rule.fired == 1

A rule is for some requests (`on`, see `faults_matching`), acts on some of those
(`when`) and does one thing (`do`, see `faults_requests`, `faults_answers`,
`faults_events` and `crashpoints`). It meets the requests that come while it is on.
A watch that runs already goes on undisturbed, until its end or
`reset_connections` of the proxy makes the client open it anew.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from random import SystemRandom
from typing import Protocol

from tests.support.faults_matching import (
    ALWAYS,
    EVERYTHING,
    Chance,
    Occasion,
    Requests,
)
from tests.support.requestlog import RequestHead
from tests.support.upstream import Answer, Ask, Question, Upstream

_SEEDS = 2**32
_log = logging.getLogger(__name__)


class Action(Protocol):
    """Answers a question in its own way, with or without what `ask` would answer.

    Raises ConnectionCut, also out of the answer's body, to break the client's
    connection. Answers of `ask` stay open until the client has its own.
    """

    async def answer(self, question: Question, ask: Ask) -> Answer: ...


class Rule:
    """One fault. It counts its matches for as long as it lives.

    A rule may be on at several proxies; then it counts the requests of all.
    `name` is what the log of the proxy calls it; by default it tells everything.
    """

    def __init__(
        self,
        *,
        do: Action,
        on: Requests = EVERYTHING,
        when: Occasion = ALWAYS,
        name: str = "",
    ) -> None:
        self.name = name or f"{do!r} on {on}"
        self.matched = 0
        self.fired = 0
        self.seed = "0"  # for a Chance; the plan of a rule draws it
        self._do = do
        self._on = on
        self._when = when

    def ask(
        self, question: Question, upstream: Upstream
    ) -> AbstractAsyncContextManager[Answer]:
        """Count the question if it matches, and act on it when it is time."""
        if not self._is_due(question.head):
            return upstream.ask(question)
        self.fired += 1
        question.notes.faulted(self.name)
        return self._act(question, upstream)

    def _is_due(self, head: RequestHead) -> bool:
        if not self._on.include(head):
            return False
        self.matched += 1
        return self._when.arises(self.matched, seed=self.seed)

    @asynccontextmanager
    async def _act(
        self, question: Question, upstream: Upstream
    ) -> AsyncIterator[Answer]:
        async with AsyncExitStack() as answers:

            async def ask(asked: Question) -> Answer:
                return await answers.enter_async_context(upstream.ask(asked))

            yield await self._do.answer(question, ask)

    def __str__(self) -> str:
        seed = f" from seed {self.seed}" if isinstance(self._when, Chance) else ""
        counts = f"matched {self.matched}, fired {self.fired}"
        return f"{self.name}, {self._when}{seed}: {counts}"


class FaultPlan:
    """Rules whose chances are drawn from one seed.

    Without a seed one is drawn. It is printed with the plan, so that the chances
    of a run that failed can be had again.
    """

    def __init__(self, *rules: Rule, seed: int | None = None) -> None:
        self.seed = SystemRandom().randrange(_SEEDS) if seed is None else seed
        self.rules = rules
        for number, rule in enumerate(rules):
            rule.seed = f"{self.seed}/{number}"

    def __str__(self) -> str:
        return "\n  ".join([f"FaultPlan(seed={self.seed})", *map(str, self.rules)])


class Faults:
    """The rules that are on at one proxy."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        """Switch a rule on; those that are on already come before it."""
        self._rules.append(rule)

    def remove(self, rule: Rule) -> None:
        """Switch a rule off. What it has begun with a request, it ends."""
        self._rules.remove(rule)

    @contextmanager
    def active(self, *faults: Rule | FaultPlan) -> Iterator[None]:
        """Have rules on for the length of the `with` block.

        At its end the log tells how often each acted, and from which seed.
        """
        rules = [rule for fault in faults for rule in _rules_of(fault)]
        for rule in rules:
            self.add(rule)
        try:
            yield
        finally:
            for rule in rules:
                self.remove(rule)
            for fault in faults:
                # A warning is what pytest shows of a failed test without being asked.
                _log.warning("%s", fault)

    def before(self, server: Upstream) -> Upstream:
        """Return `server` with the rules before it that are on now."""
        upstream = server
        for rule in reversed(self._rules):
            upstream = _Guarded(rule=rule, upstream=upstream)
        return upstream


class _Guarded:
    def __init__(self, *, rule: Rule, upstream: Upstream) -> None:
        self._rule = rule
        self._upstream = upstream

    def ask(self, question: Question) -> AbstractAsyncContextManager[Answer]:
        return self._rule.ask(question, self._upstream)


def _rules_of(fault: Rule | FaultPlan) -> tuple[Rule, ...]:
    return fault.rules if isinstance(fault, FaultPlan) else (fault,)
