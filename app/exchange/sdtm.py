"""The SDTM domains TI, IE, DM, RS and DS from decision and outcome records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from app.exchange.records import Handed
from engine.exchange.domains import DM, DS, IE, LONGEST, LONGEST_CODE, RS, TI, Dataset
from engine.exchange.questionnaire import days_text
from engine.exchange.recorded import flow
from engine.read.packs import SUFFIXES
from engine.read.source import read_document
from engine.record.shape import Decision, Why
from engine.terms import CompletedYears, Days, Protocol, Subject
from engine.terms.protocol import is_birth_date

RESPONSES = {"CR": "CR", "CRi": "CRi", "PR": "PR", "SD": "SD", "PD": "PD", "NR": "NR", "NE": "NE"}
"""Classes of response that are terms of CDISC's codelist ONCRSR; it may be extended."""

SEXES = {"female": "F", "male": "M", "f": "F", "m": "M"}


class CannotExport(ValueError):
    """Something of the protocol or of a record has no place in SDTM; the message says what."""


@dataclass(frozen=True, slots=True)
class Study:
    """What all datasets share."""

    protocol: Protocol
    id: str
    site: str
    subjects: Mapping[str, Subject]
    rules: Mapping[str, str]

    def usubjid(self, subject: str) -> str:
        return f"{self.id}-{subject}"


def rule_texts(contents: Mapping[str, bytes]) -> dict[str, str]:
    """By criterion, its condition as the pack's file states it, on one line.

    Definitions stand in it as far as the length allows.
    """
    name = next(f"eligibility{s}" for s in SUFFIXES if f"eligibility{s}" in contents)
    value = read_document(name, contents[name]).value
    definitions = value.get("definitions") or {}

    def whole(condition: Any) -> Any:
        if isinstance(condition, dict):
            if condition.keys() == {"defined"}:
                return whole(definitions[condition["defined"]])
            return {key: whole(child) for key, child in condition.items()}
        return [whole(one) for one in condition] if isinstance(condition, list) else condition

    texts = {}
    for one in value["criteria"]:
        text = flow(whole(one["holds_when"]))
        texts[str(one["id"])] = text if len(text) <= LONGEST else flow(one["holds_when"])
    return texts


def all_datasets(study: Study, handed: Handed) -> list[Dataset]:
    """Every dataset that the records support. Raises: CannotExport."""
    datasets = [ti_of(study), dm_of(study, handed), ie_of(study, handed)]
    if handed.outcomes:
        datasets.append(rs_of(study, handed))
    datasets.append(ds_of(study, handed))
    for dataset in datasets:
        for row in dataset.rows:
            for name, value in row.items():
                if isinstance(value, str) and len(value) > LONGEST:
                    raise CannotExport(f"{dataset.name}.{name}: `{value[:40]}...` is too long")
    return datasets


def criterion_codes(protocol: Protocol) -> dict[str, str]:
    """IETESTCD of each criterion. Raises: CannotExport if one does not fit."""
    codes: dict[str, str] = {}
    for criterion in protocol.criteria:
        code = criterion.id.upper()
        if len(code) > LONGEST_CODE or code in codes.values():
            raise CannotExport(
                f"the criterion id `{criterion.id}` is no IETESTCD: at most {LONGEST_CODE} "
                "characters, and different without regard to case"
            )
        codes[criterion.id] = code
    return codes


def _criterion_text(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 3].rstrip() + "..."


def ti_of(study: Study) -> Dataset:
    """Trial Inclusion/Exclusion Criteria: one row a criterion."""
    protocol, codes = study.protocol, criterion_codes(study.protocol)
    dataset = Dataset("TI", "Trial Inclusion/Exclusion Criteria", TI, reference=True)
    for criterion in protocol.criteria:
        rule = study.rules[criterion.id]
        if len(rule) > LONGEST:  # SDTM cannot hold it: say where it is, and its digest
            digest = sha256(rule.encode()).hexdigest()[:16]
            rule = (
                f"holds_when of {criterion.id} in eligibility.yaml of {protocol.id} "
                f"{protocol.version} (sha256 {digest})"
            )
        dataset.add(
            STUDYID=study.id,
            DOMAIN="TI",
            IETESTCD=codes[criterion.id],
            IETEST=_criterion_text(criterion.text),
            IECAT=criterion.kind.upper(),
            TIRL=rule,
            TIVERS=protocol.version,
        )
    return dataset


def ie_of(study: Study, handed: Handed) -> Dataset:
    """Criteria not met: only violated ones. An open criterion makes no row."""
    codes = criterion_codes(study.protocol)
    dataset = Dataset("IE", "Inclusion/Exclusion Criteria Not Met", IE)
    for subject in sorted(handed.decisions):
        decision = handed.decisions[subject]
        failed = [one for one in decision["criteria"] if one["status"] == "failed"]
        for number, one in enumerate(failed, start=1):
            answer = "N" if one["kind"] == "inclusion" else "Y"
            dataset.add(
                STUDYID=study.id,
                DOMAIN="IE",
                USUBJID=study.usubjid(subject),
                IESEQ=number,
                IETESTCD=codes[one["id"]],
                IETEST=_criterion_text(one["text"]),
                IECAT=one["kind"].upper(),
                IEORRES=answer,
                IESTRESC=answer,
                IEDTC=decision["as_of"],
                IEDY=_study_day(decision["as_of"], _started(handed, subject)),
            )
    return dataset


def _started(handed: Handed, subject: str) -> str | None:
    outcome = handed.outcomes.get(subject)
    return outcome["started_on"] if outcome else None


def _study_day(day: str, start: str | None) -> int | None:
    """SDTM's study day: 1 on the day of the start, -1 on the day before; there is no 0."""
    if start is None:
        return None
    days = (date.fromisoformat(day) - date.fromisoformat(start)).days
    return days + 1 if days >= 0 else days


def _event(study: Study, handed: Handed, subject: str) -> str | None:
    """The day of death, from the outcome record."""
    outcome, rules = handed.outcomes.get(subject), study.protocol.outcomes
    if outcome is None or rules is None:
        return None
    return next((one["on"] for one in outcome["course"] if one["what"] == rules.died), None)


def _readings(decision: Decision) -> dict[str, Any]:
    """The values that the decision read, by fact."""
    found: dict[str, Any] = {}

    def walk(why: Why) -> None:
        for reading in (why.get("reading"), why.get("against")):
            if reading is not None:
                found[reading["fact"]] = reading["value"]
        for child in why["children"]:
            walk(child)

    for criterion in decision["criteria"]:
        walk(criterion["why"])
    return found


def _person(study: Study, handed: Handed, subject: str) -> dict[str, str | int | None]:
    """Birth, age and sex, as far as the decision or the subject's file knows them."""
    protocol, known = study.protocol, study.subjects.get(subject)
    person: dict[str, str | int | None] = {"SEX": "U"}
    decision = handed.decisions.get(subject)
    readings = _readings(decision) if decision else {}
    for fact in protocol.facts.values():
        value = readings.get(fact.name)
        if isinstance(fact.derive, CompletedYears) and is_birth_date(
            protocol, protocol.facts[fact.derive.since]
        ):
            years = str(value) if isinstance(value, int | float | str) else ""
            if re.fullmatch(r"[0-9]+(\.0+)?", years):
                person |= {"AGE": int(float(years)), "AGEU": "YEARS"}
    if isinstance(readings.get("sex"), str):
        person["SEX"] = SEXES.get(readings["sex"].lower(), "U")
    if known is None:
        return person
    for fact in protocol.facts.values():
        said = [
            s.value for s in known.facts.get(fact.name, ()) if s.value is not None and not s.voided
        ]
        if not said or any(value != said[0] for value in said):
            continue
        if is_birth_date(protocol, fact) and isinstance(said[0], Days):
            person["BRTHDTC"] = days_text(said[0])
        if fact.name == "sex" and isinstance(said[0], str):
            person["SEX"] = SEXES.get(said[0].lower(), "U")
    return person


def dm_of(study: Study, handed: Handed) -> Dataset:
    """Demographics: one row a subject."""
    dataset = Dataset("DM", "Demographics", DM)
    for subject in handed.subjects:
        start, died = _started(handed, subject), _event(study, handed, subject)
        decision = handed.decisions.get(subject)
        treated: dict[str, str | int | None] = {"ARMNRS": "NOT ASSIGNED"}
        if start is not None:
            arm = {"ARMCD": "TREAT", "ARM": "Treatment"}
            treated = {**arm, "ACTARMCD": "TREAT", "ACTARM": "Treatment"}
        elif decision is not None and decision["verdict"] == "ineligible":
            treated = {"ARMNRS": "SCREEN FAILURE"}
        dataset.add(
            STUDYID=study.id,
            DOMAIN="DM",
            USUBJID=study.usubjid(subject),
            SUBJID=subject,
            SITEID=study.site or None,
            RFSTDTC=start,
            RFXSTDTC=start,
            RFXENDTC=start,
            DTHDTC=died,
            DTHFL="Y" if died else None,
            **_person(study, handed, subject),
            **treated,
        )
    return dataset


def rs_of(study: Study, handed: Handed) -> Dataset:
    """Disease response: one row an assessment that the protocol's response scale looked at."""
    dataset = Dataset("RS", "Disease Response and Clin Classification", RS)
    rules = study.protocol.outcomes
    if rules is None:
        return dataset
    for subject in sorted(handed.outcomes):
        outcome = handed.outcomes[subject]
        number = 0
        for entry in sorted(outcome["entries"], key=lambda one: (one["on"], one["entry"])):
            for grade in entry["grades"]:
                if grade["scale"] != rules.response.scale:
                    continue
                number += 1
                found = grade["value"] or "NE"  # a class that is open is no result
                dataset.add(
                    STUDYID=study.id,
                    DOMAIN="RS",
                    USUBJID=study.usubjid(subject),
                    RSSEQ=number,
                    RSTESTCD="OVRLRESP",
                    RSTEST="Overall Response",
                    RSCAT="PROTOCOL DEFINED RESPONSE CRITERIA",
                    RSORRES=found,
                    RSSTRESC=RESPONSES.get(found, found.upper()),
                    RSDTC=entry["on"],
                    RSDY=_study_day(entry["on"], outcome["started_on"]),
                )
    return dataset


def ds_of(study: Study, handed: Handed) -> Dataset:
    """Disposition: eligibility met, screen failure, death."""
    dataset = Dataset("DS", "Disposition", DS)
    for subject in handed.subjects:
        rows: list[tuple[str, str, str, str]] = []
        decision, start = handed.decisions.get(subject), _started(handed, subject)
        if decision is not None and decision["verdict"] == "eligible":
            term = "ELIGIBILITY CRITERIA MET"
            rows.append((decision["as_of"], term, term, "PROTOCOL MILESTONE"))
        elif decision is not None and decision["verdict"] == "ineligible" and start is None:
            term = _criterion_text(f"Screen failure: {', '.join(decision['determined_by'])}")
            rows.append((decision["as_of"], term, "SCREEN FAILURE", "DISPOSITION EVENT"))
        died = _event(study, handed, subject)
        if died is not None:
            rows.append((died, "Death", "DEATH", "DISPOSITION EVENT"))
        for number, (on, term, code, category) in enumerate(sorted(rows), start=1):
            dataset.add(
                STUDYID=study.id,
                DOMAIN="DS",
                USUBJID=study.usubjid(subject),
                DSSEQ=number,
                DSTERM=term,
                DSDECOD=code,
                DSCAT=category,
                DSSTDTC=on,
                DSSTDY=_study_day(on, start),
            )
    return dataset
