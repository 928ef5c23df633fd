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
from argparse import Namespace
from contextlib import ExitStack
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO

from app.exchange.evidence import Evidence
from app.exchange.records import created_time, read_records
from app.exchange.sdtm import CannotExport, Study, all_datasets, rule_texts
from app.run.exits import REJECTED
from app.run.inputs import say, subject_files, unreadable, unwritable
from app.run.printing import put
from app.store.packs import pack_files, read_pack
from app.store.shipped import shipped_pack
from app.store.writing import drafted, made_folder, on_disk
from engine.exchange.domains import LONGEST, LONGEST_LABEL, Dataset
from engine.log import LogFault
from engine.read.subjects import read_subject
from engine.terms import Protocol, Subject
from engine.terms.faults import InputRejected

# Typographic signs that have a plain spelling; XPT version 5 is ASCII.
_PLAIN = str.maketrans({"≥": ">=", "≤": "<=", "–": "-", "—": "-", "’": "'", "‘": "'", "“": '"',
                        "”": '"', "µ": "u", "μ": "u", "°": " deg ", "×": "x", "…": "...",
                        "\u00a0": " "})  # fmt: skip


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
