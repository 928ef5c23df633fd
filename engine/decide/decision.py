"""Screen a subject: readings, fired rules, the reference beside them, and the record."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePath
from typing import TypedDict

from engine import __version__
from engine import terms as m
from engine.compile.rules import compile_protocol
from engine.explain.explanation import Explanation, prepare
from engine.explain.passed import passed_over
from engine.explain.recorded import list_record
from engine.fire.session import ENGINE_VERSION, Conclusions, Session
from engine.record.shape import (
    SEMANTICS,
    CriterionRecord,
    Decision,
    EngineFaultRecord,
    FaultRecord,
    Firing,
    Imported,
    Rejection,
    Software,
)
from engine.reference import evaluator as reference
from engine.select.found import Found
from engine.select.readings import find_readings, readings_only
from engine.terms.dictionary import facts_behind
from engine.terms.faults import EngineFault, Fault, InputRejected
from engine.terms.protocol import condition_paths

VERDICTS: Mapping[m.Truth, m.Verdict] = {
    "true": "eligible",
    "false": "ineligible",
    "unknown": "undetermined",
}
ANSWERS: Mapping[m.Truth, m.Answer] = {"true": "yes", "false": "no", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything needed to explain and re-check one verdict.

    `found` are the readings with their statements and entries, `outcome` the truths and
    firings; answers and statuses are by criterion id, in the protocol's order.
    """

    subject: m.Subject
    as_of: date
    found: Mapping[str, Found]
    outcome: Conclusions
    answers: Mapping[str, m.Answer]
    statuses: Mapping[str, m.Status]
    verdict: m.Verdict


def software() -> Software:
    """The software that decides."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"eligo": __version__, "durable_rules": ENGINE_VERSION, "python": python}


def only_needed(protocol: m.Protocol) -> m.Protocol:
    """The protocol with the facts that its conditions look at, directly or through derivations.

    A dictionary also holds facts that serve other questions; screening leaves them alone.
    """
    tests = (one for one in condition_paths(protocol).values() if isinstance(one, m.Leaf))
    needed = facts_behind(protocol.facts, tests)
    return replace(protocol, facts={name: protocol.facts[name] for name in needed})


class Screener:
    """A protocol ready to screen subjects: its rules compiled, loaded and self-tested.

    Raises: EngineFault when made, if the engine does not do what the rules say.
    """

    def __init__(self, protocol: m.Protocol) -> None:
        self.whole = protocol
        self.protocol = only_needed(protocol)
        asked = {getattr(f.derive, "records", "") for f in self.protocol.facts.values()}
        self.lists = {n: one for n, one in protocol.records.items() if n in asked}
        self.program = compile_protocol(self.protocol)
        self.session = Session(self.program)
        self.branches = prepare(self.protocol, self.program.paths)
        self.software = software()
        self._firing_words = [(rule.name, rule.concluded) for rule in self.program.rules]
        of_outcomes = any(c.about != "criterion" for c in protocol.criteria)
        nodes = self.program.nodes
        self._aside = frozenset(
            number
            for number, rule in enumerate(self.program.rules)
            if of_outcomes and nodes[rule.node].kind in ("section", "verdict")
        )
        """Rules that conclude what only eligibility has: sections and a verdict."""

    def close(self) -> None:
        """Free the rules. The screener cannot be used after this."""
        self.session.close()

    def __enter__(self) -> Screener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def decide(self, subject: m.Subject, as_of: date) -> Decision:
        """The published record of one screening: its trace, explained.

        Raises: EngineFault if the rules or their engine fail, or the two derivations differ.
        """
        trace = self.trace(subject, as_of)
        try:
            return self._record(trace)
        except Exception as error:
            # A defect of ours must cost this subject its verdict, and nothing else.
            raise EngineFault(_where(error)) from error

    def trace(self, subject: m.Subject, as_of: date) -> Trace:
        """Readings, firings, answers and verdict, cross-checked.

        Raises: EngineFault if the rules or their engine fail, or the two derivations differ.
        """
        try:
            found = find_readings(self.protocol, subject, as_of)
            readings = readings_only(found)
            outcome = self.session.run(readings, as_of)
            trace = self._conclude(subject, as_of, found, outcome)
            self._cross_check(trace, readings)
            return trace
        except EngineFault:
            raise
        except Exception as error:
            # As above: no verdict for this subject, and the next one is unharmed.
            raise EngineFault(_where(error)) from error

    def _conclude(
        self, subject: m.Subject, as_of: date, found: Mapping[str, Found], outcome: Conclusions
    ) -> Trace:
        """Answers, statuses and verdict, read off the rules that concluded them."""
        concluded = {id_: outcome.truths[node] for id_, node in self.program.criteria.items()}
        return Trace(
            subject,
            as_of,
            found,
            outcome,
            {id_: ANSWERS[truth] for id_, truth in concluded.items()},
            {id_: self.program.statuses[id_, truth] for id_, truth in concluded.items()},
            VERDICTS[outcome.truths[self.program.verdict]],
        )

    def _cross_check(self, trace: Trace, readings: Mapping[str, m.Reading]) -> None:
        """Compare the two derivations at every point. Raises: EngineFault, naming the first."""
        theirs = reference.readings(self.protocol, trace.subject, trace.as_of)
        if theirs != readings:
            names = [n for n in self.protocol.facts if theirs.get(n) != readings.get(n)]
            name = names[0] if names else "a fact that is not in the dictionary"
            raise EngineFault(f"the two derivations of the reading of `{name}` differ")
        truths = reference.truths(self.protocol, theirs, trace.as_of)
        fired, paths = trace.outcome.truths, self.program.paths
        if truths != {path: fired[node] for path, node in paths.items()}:
            differ = [p for p in paths if truths.get(p) != fired[paths[p]]]
            place = differ[0] if differ else "a condition that is not in the protocol"
            raise EngineFault(f"the rules and the reference differ at `{place}`")
        answers = reference.answers(self.protocol, truths)
        statuses = reference.statuses(self.protocol, answers)
        for criterion in self.protocol.criteria:
            mine = trace.answers[criterion.id], trace.statuses[criterion.id]
            if mine != (answers[criterion.id], statuses[criterion.id]):
                raise EngineFault(f"the rules and the reference differ on `{criterion.id}`")
        if reference.verdict(statuses) != trace.verdict:
            raise EngineFault("the rules and the reference differ on the verdict")

    def _record(self, trace: Trace) -> Decision:
        branches, statuses = self.branches, trace.statuses
        explanation = Explanation(
            self.protocol, trace.subject, trace.found, trace.outcome.truths, trace.as_of
        )
        criteria: list[CriterionRecord] = [
            {
                "id": criterion.id,
                "kind": criterion.kind,
                "text": criterion.text,
                "interpretation": criterion.interpretation,
                "basis": criterion.basis,
                "answer": trace.answers[criterion.id],
                "status": statuses[criterion.id],
                "why": explanation.why(branches[criterion.id]),
                "missing": explanation.missing(branches[criterion.id])
                if statuses[criterion.id] == "open"
                else [],
            }
            for criterion in self.protocol.criteria
        ]
        failed = [id_ for id_, status in statuses.items() if status == "failed"]
        open_ = [id_ for id_, status in statuses.items() if status == "open"]
        said = self._firing_words
        firings: list[Firing] = [
            {"rule": said[n][0], "because": [because], "concluded": said[n][1]}
            for n, because in trace.outcome.firings
            if n not in self._aside
        ]
        subject, as_of = trace.subject, trace.as_of
        return {
            "schema": "eligo.decision/2",
            "semantics": SEMANTICS,
            "subject": subject.id,
            "as_of": as_of.isoformat(),
            "protocol": {
                "id": self.protocol.id,
                "version": self.protocol.version,
                "digest": self.protocol.digest,
                "title": self.protocol.title,
            },
            "facts_digest": subject.digest,
            **_imported(subject),
            "software": self.software,
            "verdict": trace.verdict,
            "determined_by": failed or open_,
            "look_again": explanation.look_again(
                trace.verdict, [branches[id_] for id_ in failed], branches.values()
            ),
            "passed_over": passed_over(self.whole, self.lists, subject, trace.found, as_of),
            "records": [
                list_record(one, subject.records.get(name), as_of)
                for name, one in self.lists.items()
            ],
            "criteria": criteria,
            "firings": firings,
        }


class _From(TypedDict, total=False):
    imported: Imported


def _imported(subject: m.Subject) -> _From:
    one = subject.imported
    if one is None:
        return {}
    return {"imported": {"from": one.source, "whole": one.whole, "left_out": one.left_out}}


def _where(error: BaseException) -> str:
    """Where a defect of ours showed, without values, which may be a patient's."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    module = PurePath(frame.filename).stem
    return f"{type(error).__name__} in {module}.{frame.name}, line {frame.lineno}"


def rejection(rejected: InputRejected, subject: str | None) -> Rejection:
    """The record of a subject that nothing was decided on."""
    return {
        "schema": "eligo.rejection/1",
        "subject": subject,
        "faults": [_fault_record(fault) for fault in rejected.faults],
    }


def _fault_record(fault: Fault) -> FaultRecord:
    return {
        "file": fault.span.path,
        "line": fault.span.line,
        "column": fault.span.column,
        "code": fault.code,
        "message": fault.message,
        "hint": fault.hint,
    }


def engine_fault(fault: EngineFault, subject: str | None) -> EngineFaultRecord:
    """The record of a subject on whom the software was in doubt about itself."""
    return {"schema": "eligo.fault/1", "subject": subject, "where": fault.where}
