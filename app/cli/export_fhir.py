"""`eligo export fhir`: one ResearchSubject a patient, with its decision as its provenance.

A decision supports two states and no more: `ineligible`, and `candidate` for everyone else.
Nobody is enrolled, nor called eligible in a registry, by a program.
"""

from __future__ import annotations

from argparse import Namespace
from base64 import b64encode
from hashlib import sha1, sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

from app.exchange.evidence import Evidence
from app.exchange.records import created_time, read_records
from app.run.exits import REJECTED
from app.run.inputs import protocol_from, say, unreadable, unwritable
from app.run.printing import put
from app.store.writing import made_folder, write_file
from engine.exchange.recorded import json_text
from engine.log import LogFault
from engine.record.shape import Decision, dump
from engine.terms import Protocol

PROVENANCE_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def run(arguments: Namespace) -> int:
    """Export; returns the exit code."""
    try:
        created = created_time(arguments.created)
        protocol = protocol_from(arguments.protocol)
        with Evidence(arguments, protocol) as evidence:
            handed = read_records(arguments.records, protocol, evidence)
        decisions = [handed.decisions[subject] for subject in sorted(handed.decisions)]
        text = json_text(bundle(decisions, protocol, created))
    except (LogFault, ValueError) as error:
        say(str(error))
        return REJECTED
    except OSError as error:
        say(unreadable(Path(error.filename or arguments.records[0]), error).text())
        return REJECTED
    path = arguments.out / "research-subjects.json"
    try:
        made_folder(arguments.out)
        write_file(path, text)
    except OSError as error:
        say(unwritable(Path(error.filename or path), error).text())
        return REJECTED
    for line in handed.passed:
        say(f"left out: {line}")
    candidates = sum(decision["verdict"] != "ineligible" for decision in decisions)
    put(f"candidates: {candidates}, ineligible: {len(decisions) - candidates}")
    put(f"written to {path.as_posix()}")
    return 0


def _urn(*parts: str) -> str:
    """A URN that is the same for the same parts."""
    digest = sha256("\n".join(parts).encode()).digest()
    return UUID(bytes=digest[:16], version=5).urn


def bundle(decisions: list[Decision], protocol: Protocol, created: str) -> dict[str, Any]:
    """The Bundle (collection) of a study's subjects."""
    study, device = _urn(protocol.id, protocol.digest), _urn("eligo", version("eligo"))
    entries = [(study, _study(protocol)), (device, _device())]
    for decision in decisions:
        entries += _subject(decision, protocol, study, device, created)
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": created,
        "entry": [{"fullUrl": urn, "resource": resource} for urn, resource in entries],
    }


def _study(protocol: Protocol) -> dict[str, Any]:
    registry = protocol.source.get("registry")
    identifiers = [{"system": "urn:eligo:protocol", "value": f"{protocol.id} {protocol.version}"}]
    if registry:
        identifiers.append({"system": "urn:eligo:registry", "value": registry})
    return {
        "resourceType": "ResearchStudy",
        "identifier": identifiers,
        "title": protocol.title,
        "status": "active",
    }


def _device() -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "deviceName": [{"name": "Eligo", "type": "user-friendly-name"}],
        "version": [{"value": version("eligo")}],
    }


def _subject(
    decision: Decision, protocol: Protocol, study: str, device: str, created: str
) -> list[tuple[str, dict[str, Any]]]:
    """A subject, the decision as a document, and the provenance that joins them."""
    name, record = decision["subject"], dump(decision)
    key = (protocol.digest, name, decision["as_of"], decision["facts_digest"])
    subject, document = _urn("subject", *key), _urn("decision", *key)
    ineligible = decision["verdict"] == "ineligible"
    return [
        (
            subject,
            {
                "resourceType": "ResearchSubject",
                "identifier": [{"system": "urn:eligo:subject", "value": name}],
                "status": "ineligible" if ineligible else "candidate",
                "study": {"reference": study},
                "individual": {
                    "type": "Patient",
                    "identifier": {"system": "urn:eligo:subject", "value": name},
                },
            },
        ),
        (
            document,
            {
                "resourceType": "DocumentReference",
                "status": "current",
                "date": created,
                "description": f"Decision of {decision['as_of']}: {decision['verdict']}"
                + (
                    f" ({', '.join(decision['determined_by'])})"
                    if decision["determined_by"]
                    else ""
                ),
                "content": [
                    {
                        "attachment": {
                            "contentType": "application/json",
                            "data": b64encode(record).decode(),
                            "size": len(record),
                            # FHIR asks for SHA-1 here; the record holds SHA-256 digests.
                            "hash": b64encode(
                                sha1(record, usedforsecurity=False).digest()
                            ).decode(),
                            "title": decision["schema"],
                        }
                    }
                ],
            },
        ),
        (
            _urn("provenance", *key),
            {
                "resourceType": "Provenance",
                "target": [{"reference": subject}],
                "occurredDateTime": decision["as_of"],
                "recorded": created,
                "agent": [
                    {
                        "type": {"coding": [{"system": PROVENANCE_AGENT, "code": "assembler"}]},
                        "who": {"reference": device},
                    }
                ],
                "entity": [
                    {"role": "source", "what": {"reference": document}},
                    {
                        "role": "source",
                        "what": {
                            "identifier": {
                                "system": "urn:eligo:facts",
                                "value": decision["facts_digest"],
                            }
                        },
                    },
                    {
                        "role": "source",
                        "what": {
                            "identifier": {"system": "urn:eligo:pack", "value": protocol.digest}
                        },
                    },
                ],
            },
        ),
    ]
