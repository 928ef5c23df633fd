"""The words of the command line: every command with its options."""

from __future__ import annotations

import argparse
import re
from datetime import date
from pathlib import Path
from typing import Any

from app.cli.log_words import add_commands as add_log_commands
from app.run.printing import shown
from engine import __version__


def _day(text: str) -> date:
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError  # ISO has other forms, week dates among them
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not a date; write YYYY-MM-DD") from None
    if not 1900 <= day.year <= 2999:
        raise argparse.ArgumentTypeError(f"`{text}`: the year must be from 1900 to 2999")
    return day


def _jobs(text: str) -> int:
    if not text.isdigit() or len(text) > 6 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of processes from 1 up")
    return int(text)


def _times(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 4 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number from 1 to 9999")
    return int(text)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 4 or int(text) > 3660:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of days from 0 to 3660")
    return int(text)


def _rows(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of rows")
    return int(text)


def _missing(text: str) -> dict[str, str]:
    """What missing-data codes say, by code."""
    found = {}
    for word in text.split(","):
        code, _, reason = (part.strip() for part in word.partition("="))
        if not code or reason not in ("", "pending", "not_done"):
            raise argparse.ArgumentTypeError(f"`{word}`: write CODE, CODE=pending or CODE=not_done")
        found[code] = reason or "not_done"
    return found


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(shown(message), file)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; each names the module that carries it out."""
    parser = _Parser(
        prog="eligo",
        description="Decide, criterion by criterion, whether a patient may enter a clinical "
        "trial, and show why.",
    )
    parser.add_argument("--version", action="version", version=f"eligo {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    screen = commands.add_parser(
        "screen",
        help="screen subjects: a decision each, with its proof",
        description="Screen subject files (YAML or JSON) or folders of them. One subject prints "
        "its report, several print a summary; --format and --out give more.",
    )
    screen.add_argument("subjects", nargs="+", type=Path, metavar="SUBJECTS")
    screen.add_argument("--protocol", type=Path, metavar="DIR", help="the pack; default: shipped")
    screen.add_argument(
        "--as-of", type=_day, metavar="DATE", help="the date to decide for; default: today"
    )
    screen.add_argument(
        "--format",
        choices=("text", "json", "html", "pdf", "md", "csv", "ics"),
        help="json: one record a line; html and pdf need --out; csv and ics need --summary",
    )
    screen.add_argument("--out", type=Path, metavar="DIR", help="write a report a subject there")
    summary = "a worklist instead: what to do next for each subject, the soonest first"
    screen.add_argument("--summary", action="store_true", help=summary)
    screen.add_argument("--log", type=Path, metavar="LOG", help="append decisions to this log")
    screen.add_argument("--key-file", type=Path, metavar="FILE", help="the log's private key")
    screen.add_argument("--by", metavar="NAME", help="who screens, for the log")
    screen.add_argument("--reason", default="", metavar="TEXT", help="why, for the log")
    screen.add_argument("--trace", action="store_true", help="append the trace to the reports")
    jobs = "processes; default: as many as help"
    screen.add_argument("--jobs", type=_jobs, metavar="N", help=jobs)
    screen.set_defaults(module="app.cli.screen")

    plan = commands.add_parser(
        "plan",
        help="when, what to collect, what would have to change",
        description="What comes after the verdict, from subject files (YAML or JSON) or folders "
        "of them: the days on which time alone changes it, the least that must still be "
        "collected, and what would have to come out differently.",
    )
    plan.add_argument("subjects", nargs="+", type=Path, metavar="SUBJECTS")
    plan.add_argument("--protocol", type=Path, metavar="DIR", help="the pack; default: shipped")
    plan.add_argument(
        "--as-of", type=_day, metavar="DATE", help="the date to plan from; default: today"
    )
    plan.add_argument(
        "--horizon",
        type=_days,
        default=180,
        metavar="DAYS",
        help="days to look ahead; default: 180",
    )
    plan.add_argument(
        "--format",
        choices=("text", "json", "html", "pdf"),
        default="text",
        help="json: one plan a line; html and pdf need --out",
    )
    plan.add_argument("--out", type=Path, metavar="DIR", help="write a plan a subject there")
    plan.set_defaults(module="app.cli.plan")

    check = commands.add_parser(
        "check",
        help="look for faults in packs or subject files, and look into packs",
        description="Read packs (folders) or subject files and print every fault; of packs, "
        "every finding too, proved or shown by a witness.",
    )
    check.add_argument("inputs", nargs="+", type=Path, metavar="PACK_OR_SUBJECTS")
    check.add_argument("--protocol", type=Path, metavar="DIR", help="the pack subjects belong to")
    check.add_argument("--as-of", type=_day, metavar="DATE", help="for subjects; default: today")
    check.add_argument("--format", choices=("text", "json", "sarif"), default="text")
    check.add_argument("--out", type=Path, metavar="DIR", help="write the witnesses there")
    check.add_argument(
        "--watch", action="store_true", help="check and test the pack again on every save"
    )
    check.add_argument(
        "--close", action="store_true", help="show the lists of subject files, and end the files"
    )
    check.set_defaults(module="app.cli.check")

    test = commands.add_parser(
        "test",
        help="run a pack's cases; see what they cover and would miss",
        description="Run the cases in the pack's cases/ folder by the fired rules.",
    )
    test.add_argument("protocol", nargs="?", type=Path, metavar="PACK", help="default: shipped")
    test.add_argument("--run", metavar="PATTERN", help="only cases whose file or name has it")
    test.add_argument(
        "--coverage", action="store_true", help="what the cases show of every condition"
    )
    test.add_argument("--mutate", action="store_true", help="what mistakes the cases would miss")
    test.add_argument(
        "--write", action="store_true", help="append suggested cases to cases/suggested.yaml"
    )
    test.set_defaults(module="app.cli.test")

    diff = commands.add_parser(
        "diff",
        help="what an amendment changes, with a witness for every claim",
        description="Compare two versions of a pack: folders, or REV:FOLDER in a git checkout.",
    )
    diff.add_argument("old", metavar="OLD", help="a pack, or REV:FOLDER")
    diff.add_argument("new", metavar="NEW", help="a pack, or REV:FOLDER")
    diff.add_argument("--subjects", type=Path, metavar="DIR", help="who of these flips")
    diff.add_argument("--as-of", type=_day, metavar="DATE", help="for subjects; default: today")
    diff.add_argument("--format", choices=("text", "json", "html"), default="text")
    diff.add_argument("--out", type=Path, metavar="FILE", help="write it there")
    diff.set_defaults(module="app.cli.diff")

    for one in (check, test, diff):
        effort = "how many times the usual effort may be spent; default: 1"
        one.add_argument("--effort", type=_times, default=1, metavar="TIMES", help=effort)

    new = commands.add_parser(
        "new",
        help="a pack's skeleton from a ClinicalTrials.gov record",
        description="Write a pack's skeleton from a study record (JSON, version 2 of the API).",
    )
    new.add_argument("study", type=Path, metavar="STUDY.json")
    new.add_argument("--out", type=Path, required=True, metavar="DIR", help="the pack to make")
    new.set_defaults(module="app.cli.new")

    facts = commands.add_parser(
        "facts",
        help="the data dictionary of a pack, and blank forms",
        description="Print what a pack asks for: the dictionary, a blank subject file or a "
        "CSV heading.",
    )
    facts.add_argument("protocol", nargs="?", type=Path, metavar="PACK", help="default: shipped")
    form = facts.add_mutually_exclusive_group()
    form.add_argument("--blank", action="store_true", help="a blank subject file (YAML)")
    form.add_argument("--csv", action="store_true", help="a CSV heading, a subject a row")
    form.add_argument("--json", action="store_true", help="the dictionary as JSON")
    form.add_argument("--redcap", action="store_true", help="the REDCap data dictionary (CSV)")
    form.add_argument("--questionnaire", action="store_true", help="a FHIR R4 Questionnaire")
    facts.set_defaults(module="app.cli.facts")

    outcomes = commands.add_parser(
        "outcomes",
        help="what became of the patients: response, survival, toxicity",
        description="The trial report at a data cut-off, from subject files (YAML or JSON) or "
        "folders of them. json: one record a patient and line, then the trial's; csv: a row a "
        "patient.",
    )
    outcomes.add_argument("subjects", nargs="+", type=Path, metavar="SUBJECTS")
    outcomes.add_argument("--protocol", type=Path, metavar="DIR", help="the pack; default: shipped")
    outcomes.add_argument(
        "--as-of", type=_day, metavar="DATE", help="the data cut-off; default: today"
    )
    outcomes.add_argument(
        "--format",
        choices=("text", "json", "html", "pdf", "csv"),
        default="text",
        help="html and pdf need --out",
    )
    outcomes.add_argument("--out", type=Path, metavar="FILE_OR_DIR", help="write the report there")
    outcomes.add_argument("--jobs", type=_jobs, metavar="N", help=jobs)
    outcomes.set_defaults(module="app.cli.outcomes")

    survival = commands.add_parser(
        "survival",
        help="Kaplan-Meier estimates of any table of times",
        description="The estimator of the trial report on a CSV table of your own: a row a "
        "patient, no pack needed.",
    )
    survival.add_argument("table", type=Path, metavar="FILE.csv")
    survival.add_argument(
        "--time", required=True, metavar="COLUMN", help="time to event or censoring"
    )
    survival.add_argument(
        "--event", required=True, metavar="COLUMN", help="1 for an event, 0 for censored"
    )
    survival.add_argument("--group", metavar="COLUMN", help="one curve a group")
    survival.add_argument(
        "--at", default="", metavar="T,T,...", help="times to report the curve at"
    )
    survival.add_argument("--decimal", choices=("point", "comma"), default="point")
    survival.add_argument("--format", choices=("text", "json"), default="text")
    survival.set_defaults(module="app.cli.survival")
    _imports(commands)
    _exports(commands)
    add_log_commands(commands, _day)
    return parser


def _imports(commands: Any) -> None:
    """The words of `eligo import`."""
    imports = commands.add_parser(
        "import",
        help="records of others as subject files",
        description="Turn FHIR R4 records, tables or a REDCap export into subject files.",
    ).add_subparsers(dest="what", required=True, metavar="WHAT")

    fhir = imports.add_parser(
        "fhir",
        help="FHIR R4 Bundles, resources and NDJSON",
        description="Read FHIR R4 JSON (Bundles, single resources, NDJSON, folders of them) by "
        "the pack's sources/fhir.yaml. Writes subject files to DIR/subjects and what became of "
        "each resource to DIR/import-report.",
    )
    fhir.add_argument("inputs", nargs="+", type=Path, metavar="INPUT")
    fhir.add_argument(
        "--confirm",
        action="append",
        metavar="[SUBJECT:]LIST=DATE[:COUNT]",
        help="you confirm that this record list was complete on that day, with so many entries; "
        "the count is needed for NDJSON and folders",
    )
    fhir.add_argument("--by", metavar="NAME", help="who confirms")
    fhir.add_argument(
        "--id-system", metavar="URL", help="the identifier that is the study id; default: the id"
    )
    fhir.set_defaults(module="app.cli.import_fhir")

    table = imports.add_parser(
        "csv",
        help="a table with a subject a row",
        description="Read a table with the columns of `eligo facts PACK --csv`.",
    )
    table.add_argument("input", type=Path, metavar="FILE")
    table.add_argument(
        "--list",
        action="append",
        metavar="LIST=FILE",
        help="a record list's table, an entry a row: subject, and the list's fields",
    )
    table.set_defaults(module="app.cli.import_csv")

    redcap = imports.add_parser(
        "redcap",
        help="a REDCap export of raw data",
        description="Read the CSV export (raw) of a REDCap project made from "
        "`eligo facts PACK --redcap`.",
    )
    redcap.add_argument("input", type=Path, metavar="EXPORT")
    redcap.set_defaults(module="app.cli.import_redcap")

    for one in (table, redcap):
        one.add_argument("--delimiter", choices=(",", ";", "tab", "|"), help="default: by heading")
        one.add_argument("--encoding", default="utf-8", help="default: utf-8, or a byte-order mark")
        one.add_argument("--decimal", choices=("point", "comma"), default="point")
        one.add_argument(
            "--missing",
            type=_missing,
            default={},
            metavar="CODE,...",
            help="cells that say a value is missing; CODE=pending if it is still awaited",
        )
        one.add_argument(
            "--ignore",
            type=lambda text: text.split(","),
            default=[],
            metavar="COLUMN,...",
            help="columns that are not to be read",
        )
        one.add_argument(
            "--rows", type=_rows, metavar="N", help="how many rows the table has, if that is known"
        )
    for one in (fhir, table, redcap):
        one.add_argument("--protocol", type=Path, metavar="PACK", help="default: shipped")
        one.add_argument("--out", type=Path, required=True, metavar="DIR")
        one.add_argument("--format", choices=("yaml", "json"), default="yaml")


def _exports(commands: Any) -> None:
    """The words of `eligo export`."""
    exports = commands.add_parser(
        "export",
        help="decisions and outcomes as CDISC SDTM or FHIR",
        description="Hand on what `eligo screen --format json` and `eligo outcomes --format json` "
        "wrote.",
    ).add_subparsers(dest="what", required=True, metavar="WHAT")

    sdtm = exports.add_parser(
        "sdtm",
        help="TI, IE, DM, RS and DS as Dataset-JSON 1.1, XPT version 5 or CSV",
        description="Write SDTM datasets from decision and outcome records.",
    )
    sdtm.add_argument(
        "--format", choices=("json", "xpt", "csv", "all"), default="all", help="default: all"
    )
    sdtm.add_argument("--study", metavar="ID", help="STUDYID; default: the protocol's id")
    sdtm.add_argument("--site", metavar="ID", default="", help="SITEID")
    sdtm.set_defaults(module="app.cli.export_sdtm")

    fhir = exports.add_parser(
        "fhir",
        help="a ResearchSubject a patient, with the decision as its provenance",
        description="Write one FHIR R4 Bundle from decision records.",
    )
    fhir.set_defaults(module="app.cli.export_fhir")

    for one in (sdtm, fhir):
        one.add_argument("records", nargs="+", type=Path, metavar="RECORDS")
        one.add_argument(
            "--subjects",
            nargs="+",
            type=Path,
            metavar="SUBJECTS",
            help="the subject files, on which every record is decided again",
        )
        one.add_argument("--log", type=Path, metavar="LOG", help="the log that holds the records")
        one.add_argument(
            "--key",
            default="",
            metavar="KEY",
            help="the log's public key, for records with a .tlog-proof beside them",
        )
        one.add_argument("--protocol", type=Path, metavar="PACK", help="default: shipped")
        one.add_argument("--out", type=Path, required=True, metavar="DIR")
        one.add_argument(
            "--created", metavar="TIME", help="the time stated as that of creation; default: now"
        )
