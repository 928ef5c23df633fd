"""`eligo export sdtm`: TI, IE, DM, RS and DS from decision and outcome records.

Variables, labels and their order follow SDTMIG 3.4; terms are those of CDISC controlled
terminology (NY, IECATs, SEX, AGEU, ARMNULRS, DSCAT, NCOMPLT, PROTMLST, ONCRSR). Each dataset
is written as Dataset-JSON 1.1, as XPT version 5, as CSV, or as all three.

Study days have no day 0: the day of the infusion is day 1.
"""

from __future__ import annotations

import csv
import errno
import json
import os
import re
from argparse import Namespace
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

from app.exchange.evidence import Evidence
from app.exchange.records import Handed, created_time, read_records
from app.run.exits import REJECTED
from app.run.inputs import print_faults, say, subject_files, unreadable, unwritable
from app.run.printing import put
from app.store.packs import pack_files, read_pack
from app.store.shipped import shipped_pack
from app.store.writing import drafted, made_folder, on_disk
from engine.exchange.questionnaire import days_text
from engine.exchange.recorded import flow
from engine.log import LogFault
from engine.read.packs import SUFFIXES
from engine.read.source import read_document
from engine.read.subjects import read_subject
from engine.record.shape import Decision, Why
from engine.terms import CompletedYears, Days, Protocol, Subject
from engine.terms.faults import InputRejected
from engine.terms.protocol import is_birth_date

LONGEST = 200
"""The longest text that a variable of SDTM, and XPT version 5, can hold."""

LONGEST_CODE = 8
"""The longest IETESTCD, RSTESTCD and variable name."""

LONGEST_LABEL = 40

RESPONSES = {"CR": "CR", "CRi": "CRi", "PR": "PR", "SD": "SD", "PD": "PD", "NR": "NR", "NE": "NE"}
"""Classes of response that are terms of CDISC's codelist ONCRSR; it may be extended."""

SEXES = {"female": "F", "male": "M", "f": "F", "m": "M"}

# Typographic signs that have a plain spelling; XPT version 5 is ASCII.
_PLAIN = str.maketrans({"≥": ">=", "≤": "<=", "–": "-", "—": "-", "’": "'", "‘": "'", "“": '"',
                        "”": '"', "µ": "u", "μ": "u", "°": " deg ", "×": "x", "…": "...",
                        "\u00a0": " "})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable: its name, label, type, and place among the keys (0 if it is none)."""

    name: str
    label: str
    type: Literal["string", "integer", "date"] = "string"
    key: int = 0


@dataclass(slots=True)
class Dataset:
    """A domain and its rows; every row has a value, or None, for every variable."""

    name: str
    label: str
    variables: tuple[Variable, ...]
    rows: list[dict[str, str | int | None]] = field(default_factory=list)
    reference: bool = False

    def add(self, **values: str | int | None) -> None:
        """Add a row; a variable that is not named is null."""
        unknown = values.keys() - {variable.name for variable in self.variables}
        assert not unknown, unknown
        self.rows.append({variable.name: values.get(variable.name) for variable in self.variables})


STUDYID = Variable("STUDYID", "Study Identifier", key=1)
DOMAIN = Variable("DOMAIN", "Domain Abbreviation")
USUBJID = Variable("USUBJID", "Unique Subject Identifier", key=2)
IETEST = (
    Variable("IETEST", "Inclusion/Exclusion Criterion"),
    Variable("IECAT", "Inclusion/Exclusion Category"),
)
TI = (
    STUDYID,
    DOMAIN,
    Variable("IETESTCD", "Incl/Excl Criterion Short Name", key=2),
    *IETEST,
    Variable("TIRL", "Inclusion/Exclusion Criterion Rule"),
    Variable("TIVERS", "Protocol Criteria Versions", key=3),
)
IE = (
    STUDYID,
    DOMAIN,
    USUBJID,
    Variable("IESEQ", "Sequence Number", "integer"),
    Variable("IETESTCD", "Inclusion/Exclusion Criterion Short Name", key=3),
    *IETEST,
    Variable("IEORRES", "I/E Criterion Original Result"),
    Variable("IESTRESC", "I/E Criterion Result in Std Format"),
    Variable("IEDTC", "Date/Time of Collection", "date"),
    Variable("IEDY", "Study Day of Collection", "integer"),
)
DM = (
    STUDYID,
    DOMAIN,
    USUBJID,
    Variable("SUBJID", "Subject Identifier for the Study"),
    Variable("RFSTDTC", "Subject Reference Start Date/Time", "date"),
    Variable("RFENDTC", "Subject Reference End Date/Time", "date"),
    Variable("RFXSTDTC", "Date/Time of First Study Treatment", "date"),
    Variable("RFXENDTC", "Date/Time of Last Study Treatment", "date"),
    Variable("RFICDTC", "Date/Time of Informed Consent", "date"),
    Variable("RFPENDTC", "Date/Time of End of Participation", "date"),
    Variable("DTHDTC", "Date/Time of Death", "date"),
    Variable("DTHFL", "Subject Death Flag"),
    Variable("SITEID", "Study Site Identifier"),
    Variable("BRTHDTC", "Date/Time of Birth"),
    Variable("AGE", "Age", "integer"),
    Variable("AGEU", "Age Units"),
    Variable("SEX", "Sex"),
    Variable("RACE", "Race"),
    Variable("ETHNIC", "Ethnicity"),
    Variable("ARMCD", "Planned Arm Code"),
    Variable("ARM", "Description of Planned Arm"),
    Variable("ACTARMCD", "Actual Arm Code"),
    Variable("ACTARM", "Description of Actual Arm"),
    Variable("ARMNRS", "Reason Arm and/or Actual Arm is Null"),
    Variable("ACTARMUD", "Description of Unplanned Actual Arm"),
    Variable("COUNTRY", "Country"),
)
RS = (
    STUDYID,
    DOMAIN,
    USUBJID,
    Variable("RSSEQ", "Sequence Number", "integer"),
    Variable("RSTESTCD", "Assessment Short Name", key=3),
    Variable("RSTEST", "Assessment Name"),
    Variable("RSCAT", "Category for Assessment"),
    Variable("RSORRES", "Result or Finding in Original Units"),
    Variable("RSSTRESC", "Character Result/Finding in Std Format"),
    Variable("RSDTC", "Date/Time of Assessment", "date", key=4),
    Variable("RSDY", "Study Day of Assessment", "integer"),
)
DS = (
    STUDYID,
    DOMAIN,
    USUBJID,
    Variable("DSSEQ", "Sequence Number", "integer"),
    Variable("DSTERM", "Reported Term for the Disposition Event"),
    Variable("DSDECOD", "Standardized Disposition Term", key=3),
    Variable("DSCAT", "Category for Disposition Event"),
    Variable("DSSTDTC", "Start Date/Time of Disposition Event", "date", key=4),
    Variable("DSSTDY", "Study Day of Start of Disposition Event", "integer"),
)


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


def run(arguments: Namespace) -> int:
    """Export; returns the exit code."""
    folder = arguments.protocol or shipped_pack()
    try:
        created = created_time(arguments.created)
        protocol = read_pack(folder)
        with Evidence(arguments, protocol) as evidence:
            handed = read_records(arguments.records, protocol, evidence)
        subjects = _subjects(arguments.subjects or [], protocol)
        rules = rule_texts(pack_files(folder))
        study = Study(
            protocol, arguments.study or protocol.id.upper(), arguments.site, subjects, rules
        )
        datasets = all_datasets(study, handed)
        forms = ("json", "xpt", "csv") if arguments.format == "all" else (arguments.format,)
        if "xpt" in forms:  # before anything is written
            for dataset in datasets:
                _xpt_columns(dataset)
    except InputRejected as rejected:
        print_faults(rejected.faults)
        return REJECTED
    except OSError as error:
        say(unreadable(Path(error.filename or folder), error).text())
        return REJECTED
    except (CannotExport, LogFault, ValueError) as error:
        say(str(error))
        return REJECTED
    try:
        made_folder(arguments.out)
        with ExitStack() as stack:  # no dataset has its name before all are on the disk
            for dataset in datasets:
                for form in forms:
                    path = arguments.out / f"{dataset.name.lower()}.{form}"
                    write(dataset, study, stack.enter_context(drafted(path)), form, created)
    except OSError as error:
        say(unwritable(Path(error.filename or arguments.out), error).text())
        return REJECTED
    except (CannotExport, ValueError) as error:
        say(str(error))
        return REJECTED
    for line in handed.passed:
        say(f"left out: {line}")
    for dataset in datasets:
        put(f"{dataset.name.lower()}: {len(dataset.rows)} rows, {dataset.label}")
    put(f"written to {arguments.out.as_posix()}, as {', '.join(forms)}")
    return 0


def _subjects(paths: list[Path], protocol: Protocol) -> dict[str, Subject]:
    files, missing = subject_files(paths)
    if missing:
        raise InputRejected(missing)
    read = (read_subject(file.path.read_bytes(), file.name, protocol) for file in files)
    return {subject.id: subject for subject in read}


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


# --- datasets ---------------------------------------------------------------------------


def all_datasets(study: Study, handed: Handed) -> list[Dataset]:
    """Every dataset that the records support. Raises: CannotExport."""
    datasets = [_ti(study), _dm(study, handed), _ie(study, handed)]
    if handed.outcomes:
        datasets.append(_rs(study, handed))
    datasets.append(_ds(study, handed))
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


def _ti(study: Study) -> Dataset:
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


def _ie(study: Study, handed: Handed) -> Dataset:
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
        reading = why.get("reading")
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


def _dm(study: Study, handed: Handed) -> Dataset:
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


def _rs(study: Study, handed: Handed) -> Dataset:
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


def _ds(study: Study, handed: Handed) -> Dataset:
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


# --- files ------------------------------------------------------------------------------


def write(dataset: Dataset, study: Study, file: BinaryIO, form: str, created: str) -> None:
    """Write one dataset in one form, to the disk. Raises: CannotExport, OSError."""
    if form == "json":
        text = json.dumps(dataset_json(dataset, study, created), ensure_ascii=False, indent=1)
        file.write(text.encode() + b"\n")
    elif form == "csv":
        stream = StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow([variable.name for variable in dataset.variables])
        writer.writerows(["" if v is None else v for v in row.values()] for row in dataset.rows)
        file.write(stream.getvalue().encode())
    else:
        write_xpt(dataset, Path(file.name))
    on_disk(file)


def _length(dataset: Dataset, name: str) -> int:
    """The longest text of a variable, at least 1."""
    return max([1, *(len(str(row[name])) for row in dataset.rows if row[name] is not None)])


def dataset_json(dataset: Dataset, study: Study, created: str) -> dict[str, Any]:
    """A dataset as Dataset-JSON 1.1.

    Source: CDISC Dataset-JSON 1.1, the model `dataset.yaml` of the published specification.
    """
    columns = []
    for variable in dataset.variables:
        column: dict[str, Any] = {
            "itemOID": f"IT.{dataset.name}.{variable.name}",
            "name": variable.name,
            "label": variable.label,
            "dataType": variable.type,
        }
        if variable.type == "string":
            column["length"] = _length(dataset, variable.name)
        if variable.key:
            column["keySequence"] = variable.key
        columns.append(column)
    return {
        "datasetJSONCreationDateTime": created,
        "datasetJSONVersion": "1.1.0",
        "fileOID": f"eligo.{study.id}.{dataset.name}.{study.protocol.digest[7:23]}",
        "originator": "Eligo",
        "sourceSystem": {"name": "Eligo", "version": version("eligo")},
        "studyOID": f"ST.{study.id}",
        "metaDataVersionOID": f"MDV.{study.id}.SDTMIG.3.4",
        "itemGroupOID": f"IG.{dataset.name}",
        "isReferenceData": dataset.reference,
        "records": len(dataset.rows),
        "name": dataset.name,
        "label": dataset.label,
        "columns": columns,
        "rows": [list(row.values()) for row in dataset.rows],
    }


def _ascii(dataset: Dataset, name: str, text: str) -> str:
    plain = text.translate(_PLAIN)
    if not plain.isascii():
        raise CannotExport(
            f"{dataset.name}.{name}: XPT version 5 holds ASCII only, and `{text[:40]}` is not; "
            "choose --format json or csv"
        )
    if len(plain) > LONGEST:
        raise CannotExport(f"{dataset.name}.{name}: `{plain[:40]}...` is too long for XPT")
    return plain


def _xpt_columns(dataset: Dataset) -> dict[str, list[Any]]:
    """A dataset's columns as XPT holds them. Raises: CannotExport."""
    columns: dict[str, list[Any]] = {}
    for variable in dataset.variables:
        values = [row[variable.name] for row in dataset.rows]
        if variable.type == "integer":
            columns[variable.name] = [float("nan") if v is None else float(v) for v in values]
        else:
            columns[variable.name] = [
                "" if v is None else _ascii(dataset, variable.name, str(v)) for v in values
            ]
    return columns


def write_xpt(dataset: Dataset, path: Path) -> None:
    """Write SAS transport version 5. Raises: CannotExport; also where the library is missing."""
    try:
        import pandas
        import pyreadstat
    except ImportError:
        hint = "install eligo with the extra `sdtm`"
        raise CannotExport(f"XPT needs pyreadstat and pandas: {hint}") from None
    types = {v.name: "float64" if v.type == "integer" else "object" for v in dataset.variables}
    frame = pandas.DataFrame(_xpt_columns(dataset)).astype(types)
    try:
        pyreadstat.write_xport(
            frame,
            str(path),
            file_label=dataset.label[:LONGEST_LABEL],
            column_labels=[variable.label for variable in dataset.variables],
            table_name=dataset.name,
            file_format_version=5,
        )
    except pyreadstat.ReadstatError as error:
        raise OSError(errno.EIO, str(error)) from None
    # The library does not see each disk that is full.
    if path.stat().st_size % 80 or _rows_of(path, len(frame)) != len(frame):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _rows_of(path: Path, expected: int) -> int:
    """How many rows can be read back; a dataset without any is not asked."""
    import pyreadstat

    try:
        return len(pyreadstat.read_xport(str(path))[0]) if expected else 0
    except pyreadstat.ReadstatError:
        return -1
