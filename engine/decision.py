"""Screen a subject: readings, fired rules, the reference beside them, and the record."""

from __future__ import annotations

import platform
import traceback
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath

from engine import reference
from engine.explain import Explanation, prepare
from engine.faults import EngineFault, Fault, InputRejected
from engine.model import (
    All,
    Any,
    Criterion,
    Defined,
    Not,
    Protocol,
    Reading,
    Subject,
    Todo,
    Truth,
    Verdict,
)
from engine.packs import derived_from
from engine.readings import Found, find_readings, readings_only
from engine.record import (
    CriterionRecord,
    Decision,
    EngineFaultRecord,
    FaultRecord,
    Firing,
    Rejection,
    Software,
)
from engine.rules import compile_protocol, condition_paths
from engine.session import ENGINE_VERSION, Outcome, Session

VERDICTS: Mapping[Truth, Verdict] = {
    "true": "eligible",
    "false": "ineligible",
    "unknown": "undetermined",
}


def software() -> Software:
    """The software that decides."""
    try:
        own = version("eligo")
    except PackageNotFoundError:
        own = "uninstalled"
    python = ".".join(platform.python_version_tuple()[:2])
    return {"eligo": own, "durable_rules": ENGINE_VERSION, "python": python}


def only_needed(protocol: Protocol) -> Protocol:
    """The protocol with the facts that its conditions look at, directly or through derivations.

    A dictionary also holds facts that serve other questions; screening leaves them alone.
    """
    needed: set[str] = set()
    todo = [
        condition.fact
        for condition in condition_paths(protocol).values()
        if not isinstance(condition, All | Any | Not | Defined | Todo)
    ]
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo.extend(derived_from(protocol.facts[name]))
    facts = {name: fact for name, fact in protocol.facts.items() if name in needed}
    return replace(protocol, facts=facts)


class Screener:
    """A protocol ready to screen subjects: its rules compiled, loaded and self-tested.

    Raises: EngineFault when made, if the engine does not do what the rules say.
    """

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = only_needed(protocol)
        self.program = compile_protocol(self.protocol)
        self.session = Session(self.program)
        self.branches = prepare(self.protocol, self.program.paths)
        self.software = software()
        self._firing_words = [(rule.name, rule.concluded) for rule in self.program.rules]

    def close(self) -> None:
        """Free the rules. The screener cannot be used after this."""
        self.session.close()

    def __enter__(self) -> Screener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def decide(self, subject: Subject, as_of: date) -> Decision:
        """The decision on one subject, cross-checked.

        Raises: EngineFault if the rules or their engine fail, or the two derivations differ.
        """
        try:
            found = find_readings(self.protocol, subject, as_of)
            readings = readings_only(found)
            outcome = self.session.run(readings, as_of)
            self._cross_check(subject, as_of, readings, outcome)
            return self._record(subject, as_of, found, outcome)
        except EngineFault:
            raise
        except Exception as error:
            # A defect of ours must cost this subject its verdict, and nothing else.
            raise EngineFault(_where(error)) from error

    def _cross_check(
        self, subject: Subject, as_of: date, readings: Mapping[str, Reading], outcome: Outcome
    ) -> None:
        """Compare the two derivations at every point. Raises: EngineFault, naming the first."""
        theirs = reference.readings(self.protocol, subject, as_of)
        if theirs != readings:
            names = [n for n in self.protocol.facts if theirs.get(n) != readings.get(n)]
            name = names[0] if names else "a fact that is not in the dictionary"
            raise EngineFault(f"the two derivations of the reading of `{name}` differ")
        truths = reference.truths(self.protocol, theirs, as_of)
        fired = outcome.truths
        paths = self.program.paths
        if truths.keys() != paths.keys():
            raise EngineFault("the two derivations do not hold the same conditions")
        for path, truth in truths.items():
            if fired[paths[path]] != truth:
                raise EngineFault(f"the rules and the reference differ at `{path}`")
        answers = reference.answers(self.protocol, truths)
        statuses = reference.statuses(self.protocol, answers)
        for criterion in self.protocol.criteria:
            mine = self._status(criterion, outcome)
            if mine != (answers[criterion.id], statuses[criterion.id]):
                raise EngineFault(f"the rules and the reference differ on `{criterion.id}`")
        if reference.verdict(statuses) != VERDICTS[fired[self.program.verdict]]:
            raise EngineFault("the rules and the reference differ on the verdict")

    def _status(self, criterion: Criterion, outcome: Outcome) -> tuple[str, str]:
        """Answer and status, read off the rule that concluded the criterion."""
        truth = outcome.truths[self.program.criteria[criterion.id]]
        answer = {"true": "yes", "false": "no", "unknown": "unknown"}[truth]
        return answer, self.program.statuses[criterion.id, truth]

    def _record(
        self, subject: Subject, as_of: date, found: Mapping[str, Found], outcome: Outcome
    ) -> Decision:
        truths, branches = outcome.truths, self.branches
        explanation = Explanation(self.protocol, found, truths, as_of)
        verdict = VERDICTS[truths[self.program.verdict]]
        criteria: list[CriterionRecord] = []
        for criterion in self.protocol.criteria:
            answer, status = self._status(criterion, outcome)
            criteria.append(
                {
                    "id": criterion.id,
                    "kind": criterion.kind,
                    "text": criterion.text,
                    "interpretation": criterion.interpretation,
                    "basis": criterion.basis,
                    "answer": answer,  # type: ignore[typeddict-item]
                    "status": status,  # type: ignore[typeddict-item]
                    "why": explanation.why(branches[criterion.id]),
                    "missing": explanation.missing(branches[criterion.id])
                    if status == "open"
                    else [],
                }
            )
        failed = [c["id"] for c in criteria if c["status"] == "failed"]
        open_ = [c["id"] for c in criteria if c["status"] == "open"]
        said = self._firing_words
        firings: list[Firing] = [
            {"rule": said[n][0], "because": [because], "concluded": said[n][1]}
            for n, because in outcome.firings
        ]
        return {
            "schema": "eligo.decision/1",
            "subject": subject.id,
            "as_of": as_of.isoformat(),
            "protocol": {
                "id": self.protocol.id,
                "version": self.protocol.version,
                "digest": self.protocol.digest,
                "title": self.protocol.title,
            },
            "facts_digest": subject.digest,
            "software": self.software,
            "verdict": verdict,
            "determined_by": failed or open_,
            "look_again": explanation.look_again(
                verdict, [branches[id_] for id_ in failed], branches.values()
            ),
            "criteria": criteria,
            "firings": firings,
        }


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
