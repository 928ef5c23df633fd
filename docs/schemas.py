"""Write the JSON Schemas in docs/ anew: `make schemas`, or `python docs/schemas.py FOLDER`.

Shapes and the forms of their texts and numbers come from the typed dictionaries that the readers
use (engine/read/files.py) and that records are made of (engine/record/shape.py); what each key
means comes from the tables of REFERENCE, RECORD and OUTCOMES in docs/; what a type cannot say
(conditions, keys that go together) is written here.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.outcomes import record as outcome_record  # noqa: E402
from engine.read import files, outcome_files, several  # noqa: E402
from engine.record import messages  # noqa: E402
from engine.record import shape as record  # noqa: E402

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILES = {
    "schemas/protocol.schema.json": ("protocol.yaml of a pack", files.ProtocolFile),
    "schemas/facts.schema.json": ("facts.yaml of a pack", files.FactsFile),
    "schemas/eligibility.schema.json": ("eligibility.yaml of a pack", files.EligibilityFile),
    "schemas/subject.schema.json": ("A subject file", files.SubjectFile),
    "schemas/case.schema.json": ("A file of cases", files.CasesFile),
    "schemas/outcomes.schema.json": ("outcomes.yaml of a pack", outcome_files.OutcomesFile),
    "outcome.schema.json": (
        "A record: one line of `eligo outcomes --format json`",
        outcome_record.Record,
    ),
    "decision.schema.json": ("A record: one line of `eligo screen --format json`", record.Record),
}
TABLES = {
    "key of protocol.yaml": "ProtocolFile",
    "key of facts.yaml": "FactsFile",
    "key of a fact": "FactFile",
    "key of a unit in also_in": "AlsoInFile",
    "key of a derivation": "DeriveFile",
    "key of days_between": "DaysBetweenFile",
    "key of a record list": "RecordListFile",
    "key of a field": "FieldFile",
    "key of eligibility.yaml": "EligibilityFile",
    "key of a criterion": "CriterionFile",
    "key of a condition": "Condition",
    "key of where": "Where",
    "test on a quantity or date": "TestFile",
    "test against another date": "AnchorFile",
    "key of a limit": "LimitFile",
    "key of a limit that is a fact": "FactLimitFile",
    "key of a limit in a table": "TableLimitFile",
    "key of a table": "TableFile",
    "key of a subject file": "SubjectFile",
    "key of imported": "ImportedFile",
    "key of a recorded value": "StatementFile",
    "key of a list as recorded": "EntriesFile",
    "key of a file of cases": "CasesFile",
    "key of a case": "CaseFile",
    "key of change": "ChangeFile",
    "key of expect": "ExpectFile",
    "key of a decision": "Decision",
    "key of protocol in a decision": "ProtocolIdentity",
    "key of software": "Software",
    "key of look_again": "LookAgain",
    "key of criteria": "CriterionRecord",
    "key of why": "Why",
    "key of reading": "ReadingRecord",
    "key of a message": "Message",
    "key of a quantity": "Quantity",
    "key of test": "TestRecord",
    "key of shown": "Shown",
    "key of a recorded field": "FieldRecord",
    "key of a gap": "Gap",
    "key of passed_over": "PassedOver",
    "key of records": "ListRecord",
    "key of confirmation": "Confirmation",
    "key of a recorded entry": "EntryRecord",
    "key of imported in a decision": "Imported",
    "key of an interval": "IntervalValue",
    "key of missing": "Missing",
    "key of a firing": "Firing",
    "key of a rejection": "Rejection",
    "key of its faults": "FaultRecord",
    "key of an engine fault": "EngineFaultRecord",
    "key of outcomes.yaml": "OutcomesFile",
    "key of words": "WordsFile",
    "key of a scale": "ScaleFile",
    "key of a class": "ClassFile",
    "key of response": "ResponseFile",
    "key of mrd": "MrdFile",
    "key of an event": "EventFile",
    "key of an endpoint": "EndpointFile",
    "key of a rule of censoring": "CensoringFile",
    "key of a toxicity": "ToxicityFile",
    "key of fatal": "FatalFile",
    "key of an outcome": "Outcome",
    "key of course": "Happened",
    "key of entries": "EntryOutcome",
    "key of grades": "Graded",
    "key of response in an outcome": "BestResponse",
    "key of endpoints in an outcome": "EndpointOutcome",
    "key of an end": "Followed",
    "key of landmarks": "Landmark",
    "key of toxicities in an outcome": "ToxicityOutcome",
    "key of within": "Worst",
    "key of proofs": "Proof",
    "key of conclusions": "Conclusion",
    "key of a trial": "Trial",
    "key of a proportion": "Proportion",
    "key of classes": "NamedProportion",
    "key of endpoints": "EndpointReport",
    "key of curves": "CurveUnder",
    "key of a curve": "Curve",
    "key of steps": "Step",
    "key of an estimate": "Estimate",
    "key of incidences": "Incidence",
    "key of assumptions": "Assumption",
}
"""The tables of MANUALS: the heading of their first column, and the shape."""

MANUALS = ("REFERENCE", "RECORD", "OUTCOMES")

WORDED = ("ClassFile", "ResponseFile", "EventFile", "EndpointFile", "CensoringFile",
          "ToxicityFile", "FatalFile")  # fmt: skip
"""The shapes that have the keys of words beside their own."""

# --- what a type cannot say -------------------------------------------------------------

NAME = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
DAY = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$"
NOT_BLANK = r"\S"

QUANTITY_KEYS = ("unit", "range", "molar_mass", "uln", "resolution")
SAID: Schema = {"type": "string", "pattern": r"\S"}
CONFIRMED: Schema = {
    "if": {"required": ["complete_on"], "properties": {"complete_on": SAID}},
    "then": {
        "anyOf": [
            {"required": ["entries"], "properties": {"entries": {"type": "array"}}},
            {"required": ["none"], "properties": {"none": {"const": True}}},
        ]
    },
    "not": {
        "required": ["none", "entries"],
        "properties": {"none": {"const": True}, "entries": {"type": "array", "minItems": 1}},
    },
}
"""What goes with the day on which a list was confirmed complete."""

CODE: Schema = {"type": ["string", "number"]}
WHERE: Schema = {
    "type": "object",
    "description": "What an entry must be like: each field that is named, and what is asked.",
    "additionalProperties": {
        "anyOf": [
            {"type": ["string", "number", "boolean"]},
            {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1},
            {"$ref": "#/$defs/TestFile"},
        ]
    },
    "properties": {group: {"$ref": "#/$defs/Ways"} for group in ("all", "any")},
    "minProperties": 1,
}
PAIRS: list[Schema] = [
    {
        "type": "object",
        "description": "So many of several conditions.",
        "properties": {
            "at_least": {"type": "integer", "minimum": 1},
            "of": {"$ref": "#/$defs/Conditions"},
        },
        "required": ["at_least", "of"],
        "additionalProperties": False,
    },
    {
        "type": "object",
        "description": "What is required where a condition holds.",
        "properties": {
            "when": {"$ref": "#/$defs/Condition"},
            "require": {"$ref": "#/$defs/Condition"},
        },
        "required": ["when", "require"],
        "additionalProperties": False,
    },
]
"""Conditions of two keys."""

WAYS: Schema = {"type": "array", "items": {"$ref": "#/$defs/Where"}, "minItems": 1}
CONDITION: Schema = {
    "type": "object",
    "description": "One key: `all`, `any`, `not`, `defined`, `todo`, or a fact with its test.",
    "properties": {
        "all": {"$ref": "#/$defs/Conditions"},
        "any": {"$ref": "#/$defs/Conditions"},
        "not": {"$ref": "#/$defs/Condition"},
        "defined": {"type": "string", "pattern": NAME},
        "todo": {"const": True},
    },
    "additionalProperties": {"$ref": "#/$defs/FactTest"},
    "propertyNames": {"pattern": NAME},
    "minProperties": 1,
    "maxProperties": 1,
}
CONDITIONS: Schema = {
    "type": "array",
    "items": {"$ref": "#/$defs/Condition"},
    "minItems": 1,
}
FACT_TEST: Schema = {
    "description": "`true` or `false`, a code, a list of codes, or an operator with its limit.",
    "anyOf": [
        {"type": "boolean"},
        CODE,
        {"type": "array", "items": CODE, "minItems": 1},
        {"$ref": "#/$defs/TestFile"},
        {"$ref": "#/$defs/AnchorFile"},
    ],
}
ANCHORED: Schema = {
    "oneOf": [{"required": ["before"]}, {"required": ["after"]}],
    "minProperties": 1,
    "maxProperties": 2,
}
"""One of the two sides, and at most one length."""

OF_CONDITIONS: Schema = {
    "Condition": {
        "anyOf": [CONDITION, *PAIRS],
        "description": "A test, a group, `defined`, `todo`, or one of two pairs of keys.",
    },
    "Conditions": CONDITIONS,
    "FactTest": FACT_TEST,
}

VALUE: Schema = {"type": ["string", "number", "boolean", "null"]}
STATEMENT: Schema = {
    "anyOf": [{"required": [key]} for key in ("value", "unknown", "voided")],
    "if": {
        "properties": {"value": {"not": {"enum": [None, ""]}}, "unknown": {"pattern": NOT_BLANK}},
        "required": ["value", "unknown"],
    },
    "then": {"required": ["voided"]},
    "not": {
        "required": ["on", "not_after"],
        "properties": {"on": SAID, "not_after": SAID},
    },
}
ENTRY: Schema = {
    "type": "object",
    "description": "One entry: its fields; `source`, `by`, `note`; `voided` if it is wrong.",
    "additionalProperties": {
        "anyOf": [
            VALUE,
            {"type": "array", "items": VALUE},
            {
                "type": "object",
                "properties": {
                    "value": {"type": ["string", "number"]},
                    "unit": {"type": ["string", "null"]},
                },
                "required": ["value"],
                "additionalProperties": False,
            },
        ]
    },
}
RECORDED: Schema = {"anyOf": [VALUE, {"$ref": "#/$defs/StatementFile"}]}
FACTS_OF_A_SUBJECT: Schema = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [
            VALUE,
            {"$ref": "#/$defs/StatementFile"},
            {"type": "array", "items": RECORDED},
        ]
    },
}


# --- generating -------------------------------------------------------------------------


class Strict(GenerateJsonSchema):
    """Typed dictionaries take no other keys, and a key's name is title enough."""

    def typed_dict_schema(self, schema: Any) -> Schema:
        return super().typed_dict_schema(schema) | {"additionalProperties": False}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def shape_of(kind: Any) -> Schema:
    """The JSON Schema of a type, every shape under `$defs`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # defaults do not matter here
        schema: Schema = TypeAdapter(kind).json_schema(schema_generator=Strict)
    defs = schema.pop("$defs", {})
    if "properties" in schema:
        name = schema["title"]
        defs[name] = schema
        schema = {"$ref": f"#/$defs/{name}"}
    return {**schema, "$defs": defs}


def meanings(manual: str) -> dict[str, dict[str, str]]:
    """What each key means, by shape, from the tables of a manual (their last column)."""
    found: dict[str, dict[str, str]] = {}
    shape = None
    for line in manual.split("\n"):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            shape = None
        elif shape is not None:
            for key in re.findall(r"`(\w+)[^`]*`", cells[0]):
                found[shape][key] = cells[-1].replace("\\|", "|")
        elif cells[0] in TABLES:
            shape = TABLES[cells[0]]
            found.setdefault(shape, {})
    return found


def completed(schema: Schema, title: str, said: dict[str, dict[str, str]]) -> Schema:
    """A generated schema with descriptions, and with what a type cannot say."""
    defs = schema["$defs"]
    if "CriterionFile" in defs:
        condition: Schema = {"$ref": "#/$defs/Condition"}
        defs["CriterionFile"]["properties"]["holds_when"] = dict(condition)
        named = {"type": "object", "additionalProperties": condition}
        defs["EligibilityFile"]["properties"]["definitions"] = named
        tests = shape_of(files.TestFile)["$defs"] | shape_of(files.AnchorFile)["$defs"]
        defs |= tests | OF_CONDITIONS
        defs["TestFile"] |= {"minProperties": 1, "maxProperties": 1}
        defs["AnchorFile"] |= ANCHORED
    if "OutcomesFile" in defs:
        _outcomes(defs)
    if "DeriveFile" in defs:
        _dictionary(defs)
    if "SubjectFile" in defs:
        for shape in ("SubjectFile", "ChangeFile"):
            if shape in defs:
                defs[shape]["properties"]["facts"] = _or_null(FACTS_OF_A_SUBJECT, shape)
        entries = {"type": ["array", "null"], "items": ENTRY}
        defs["EntriesFile"]["properties"]["entries"] = entries
        defs["EntriesFile"] |= CONFIRMED
        defs |= shape_of(files.StatementFile)["$defs"]
        defs["StatementFile"] |= STATEMENT
        defs["StatementFile"]["properties"]["voided"]["not"] = {"const": False}
    if "Message" in defs:
        for kind in (record.Shown, record.Gap, record.FieldRecord):
            defs |= shape_of(kind)["$defs"]
        defs["Message"]["oneOf"] = [_message(id_) for id_ in messages.TEMPLATES]
    if "CaseFile" in defs:
        defs["CaseFile"]["oneOf"] = [{"required": ["subject"]}, {"required": ["base"]}]
        defs["CaseFile"]["dependentRequired"] = {"change": ["base"]}
        defs["CasesFile"]["anyOf"] = [{"required": ["bases"]}, {"required": ["cases"]}]
        some: Schema = {"required": ["answers"], "properties": {"answers": {"minProperties": 1}}}
        defs["ExpectFile"]["anyOf"] = [{"required": ["verdict"]}, some]
    for shape, body in defs.items():
        _describe(shape, body, said)
    return {"$schema": DIALECT, "title": title, **schema, "$defs": dict(sorted(defs.items()))}


def _or_null(schema: Schema, shape: str) -> Schema:
    return {**schema, "type": ["object", "null"] if shape == "SubjectFile" else "object"}


ARGUMENTS: dict[str, Schema] = {
    "text": {"type": "string"},
    "name": {"type": "string", "minLength": 1},
    "day": {"type": "string", "pattern": DAY},
    "number": {"type": "integer"},
    "shown": {"$ref": "#/$defs/Shown"},
    "shown_all": {"type": "array", "items": {"$ref": "#/$defs/Shown"}},
    "values": {"type": "array", "items": {"$ref": "#/$defs/Shown"}},
    "test": {"$ref": "#/$defs/TestRecord"},
    "fields": {"type": "array", "items": {"$ref": "#/$defs/FieldRecord"}},
    "gaps": {"type": "array", "items": {"$ref": "#/$defs/Gap"}},
    "message": {"$ref": "#/$defs/Message"},
}
"""By kind of a message's argument (engine/record/messages.py), its schema."""


def _message(id_: str) -> Schema:
    """One message of the catalogue: its English, and its arguments."""
    kinds = messages.slots(id_)
    arguments = {
        "properties": {name: ARGUMENTS[kind] for name, kind in kinds.items()},
        "required": list(kinds),
        "additionalProperties": False,
    }
    english = messages.TEMPLATES[id_]
    return {"description": english, "properties": {"id": {"const": id_}, "arguments": arguments}}


def _dictionary(defs: Schema) -> None:
    """Which keys of a fact, a field and a derivation go together."""
    for shape in ("FactFile", "FieldFile"):
        kind = {"properties": {"type": {"const": "choice"}}, "required": ["type"]}
        quantity = {"properties": {"type": {"const": "quantity"}}, "required": ["type"]}
        none_of = [{"required": [key]} for key in QUANTITY_KEYS]
        defs[shape]["allOf"] = [
            {"if": kind, "then": {"required": ["choices"]}, "else": _without("choices")},
            {"if": quantity, "else": {"not": {"anyOf": none_of}}},
        ]
        choices: Schema = defs[shape]["properties"]["choices"]
        for option in choices["anyOf"]:
            ends = "minItems" if option["type"] == "array" else "minProperties"
            option[ends] = 1
            if option["type"] == "array":
                option["uniqueItems"] = True
    defs["FactFile"]["allOf"].append(
        {
            "if": {"required": ["derive"]},
            "then": _without("valid_for", "attested_by", "uln", "molar_mass"),
        }
    )
    derive = defs["DeriveFile"]
    derive["properties"]["where"] = {"$ref": "#/$defs/Where"}
    defs |= shape_of(files.TestFile)["$defs"] | {"Where": WHERE, "Ways": WAYS}
    defs["TestFile"] |= {"minProperties": 1, "maxProperties": 1}
    ways = [key for key in derive["properties"] if key not in several.BESIDE]
    derive["oneOf"] = [{"required": [way]} for way in ways]
    derive["dependentSchemas"] = {
        key: _without(*(way for way in ways if way not in goes))
        for key, goes in several.GOES_WITH.items()
    }
    facts = defs["FactsFile"]["properties"]
    words = sorted(CONDITION["properties"])
    facts["facts"] |= {
        "minProperties": 1,
        "propertyNames": {"pattern": NAME, "not": {"enum": words}},
    }
    facts["records"]["propertyNames"] = {"pattern": NAME}
    fields = defs["RecordListFile"]["properties"]["fields"]
    fields["propertyNames"] = {"pattern": NAME, "not": {"enum": ["all", "any", "voided"]}}


def _outcomes(defs: Schema) -> None:
    """Conditions, and what an event must say."""
    condition: Schema = {"$ref": "#/$defs/Condition"}
    for shape in ("ClassFile", "FatalFile"):
        defs[shape]["properties"]["holds_when"] = dict(condition)
    defs["EventFile"]["properties"]["after_remission"] = dict(condition)
    shown = ("on", "after_remission", "failure")
    defs["EventFile"]["anyOf"] = [{"required": [key]} for key in shown]
    named = {"type": "object", "additionalProperties": condition}
    top = defs["OutcomesFile"]["properties"]
    top["definitions"] = {"type": "object", "additionalProperties": named}
    tests = shape_of(files.TestFile)["$defs"] | shape_of(files.AnchorFile)["$defs"]
    defs |= tests | OF_CONDITIONS
    defs["TestFile"] |= {"minProperties": 1, "maxProperties": 1}
    defs["AnchorFile"] |= ANCHORED


def _without(*keys: str) -> Schema:
    return {"not": {"anyOf": [{"required": [key]} for key in keys]}}


def _describe(shape: str, body: Schema, said: dict[str, dict[str, str]]) -> None:
    body.pop("title", None)
    if "description" in body:
        body["description"] = " ".join(body["description"].split("\n\n")[0].split())
    for key, schema in body.get("properties", {}).items():
        if shape not in said or key not in said[shape]:
            raise SystemExit(f"no page of docs/ says anything about the key `{key}` of {shape}")
        body["properties"][key] = {"description": said[shape][key], **schema}
    if body.get("properties") and (over := said[shape].keys() - body["properties"].keys()):
        raise SystemExit(f"a page of docs/ tells of keys that {shape} lacks: {sorted(over)}")


def generated() -> dict[str, str]:
    """The text of every schema file, by its path in docs/."""
    said: dict[str, dict[str, str]] = {}
    for name in MANUALS:
        said |= meanings((ROOT / "docs" / f"{name}.md").read_text("utf-8"))
    for shape in WORDED:
        said[shape] = said["WordsFile"] | said[shape]
    texts = {}
    for path, (title, kind) in FILES.items():
        schema = completed(shape_of(kind), title, said)
        texts[path] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return texts


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"
    for path, text in generated().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
