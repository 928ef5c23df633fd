"""Entries: their canonical bytes, what each field may hold, and salted digests."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.log import canonical
from engine.log.canonical import NotCanonical
from engine.log.entry import (
    Content,
    Decided,
    Details,
    EntryFault,
    LogEntry,
    Meaning,
    Redacted,
    Signed,
    details_bytes,
    digest_of,
    entry_bytes,
    read_details,
    read_entry,
    sealed,
    unsealed,
    utc_text,
)
from engine.log.manifest import pack_manifest, read_manifest
from engine.read.packs import pack_digest
from tests.log.made import PACK

OPEN = "sha256:" + "0a" * 32
SALTED = "salted-sha256:" + "0b" * 32
TIME = "2026-11-20T09:00:00Z"
DECIDED = Decided(
    index=0,
    after=OPEN,
    time=TIME,
    by="N. Nurse",
    as_of="2026-11-20",
    pack=OPEN,
    software={"eligo": "0.1.0", "durable_rules": "2.0.28", "python": "3.11"},
    details=SALTED,
    facts=SALTED,
    record=SALTED,
)
SIGNED = Signed(1, OPEN, TIME, "Dr A. Example", 0, OPEN, "approval")
REDACTED = Redacted(2, OPEN, TIME, "D. Officer", (0,), (SALTED, SALTED, SALTED), "withdrawn")
DETAILS = Details("S-1", "ineligible", "p", "1.0", ("E06",), "yaml", "re-screened")

NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=50)


@pytest.mark.parametrize("entry", [DECIDED, SIGNED, REDACTED])
def test_an_entry_is_read_back_from_canonical_json(entry: LogEntry) -> None:
    data = entry_bytes(entry)
    assert read_entry(data) == entry
    assert canonical.encode(json.loads(data)) == data
    assert json.loads(data)["schema"] == "eligo.entry/1"
    assert json.loads(data)["kind"] == entry.kind


@given(NAMES, NAMES, st.integers(0, 2**50))
def test_entries_have_the_bytes_of_rfc_8785_whatever_they_say(by: str, why: str, n: int) -> None:
    for entry in (
        replace(DECIDED, by=by, index=n),
        replace(SIGNED, by=by, of=n),
        replace(REDACTED, by=by, reason=why, of=(n, n + 1)),
    ):
        data = entry_bytes(entry)
        assert read_entry(data) == entry
        assert canonical.decode(data) == json.loads(data)


def spelled(data: bytes, **changes: Any) -> bytes:
    return canonical.encode({**json.loads(data), **changes})


@pytest.mark.parametrize(
    ("entry", "changes"),
    [
        (DECIDED, {"schema": "eligo.entry/2"}),
        (DECIDED, {"kind": "note"}),
        (DECIDED, {"kind": ["decision"]}),
        (DECIDED, {"kind": "signature"}),
        (DECIDED, {"more": 1}),
        (DECIDED, {"index": -1}),
        (DECIDED, {"index": True}),
        (DECIDED, {"index": "0"}),
        (DECIDED, {"after": SALTED}),
        (DECIDED, {"after": OPEN.upper()}),
        (DECIDED, {"after": OPEN + "\n"}),
        (DECIDED, {"time": "2026-11-20T09:00:00"}),
        (DECIDED, {"time": "2026-11-31T09:00:00Z"}),
        (DECIDED, {"time": "2026-11-20T09:00:00+00:00"}),
        (DECIDED, {"by": ""}),
        (DECIDED, {"by": " N. Nurse"}),
        (DECIDED, {"by": "N.\nNurse"}),
        (DECIDED, {"by": "N" * 101}),
        (DECIDED, {"as_of": "20 November"}),
        (DECIDED, {"record": OPEN}),
        (DECIDED, {"software": {"eligo": "0.1.0"}}),
        (DECIDED, {"software": ["eligo"]}),
        (SIGNED, {"meaning": "waiver"}),
        (SIGNED, {"meaning": ["approval"]}),
        (SIGNED, {"of": None}),
        (SIGNED, {"entry": SALTED}),
        (REDACTED, {"of": []}),
        (REDACTED, {"of": [1.5]}),
        (REDACTED, {"of": 0}),
        (REDACTED, {"removed": [OPEN]}),
        (REDACTED, {"reason": ""}),
    ],
)
def test_a_malformed_entry_is_refused(entry: LogEntry, changes: dict[str, Any]) -> None:
    with pytest.raises(EntryFault):
        read_entry(spelled(entry_bytes(entry), **changes))


def test_a_missing_field_is_refused() -> None:
    for entry in (DECIDED, SIGNED, REDACTED):
        plain = json.loads(entry_bytes(entry))
        for name in plain:
            with pytest.raises(EntryFault):
                read_entry(canonical.encode({k: v for k, v in plain.items() if k != name}))


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b"{}", b"\xff"])
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    with pytest.raises((EntryFault, NotCanonical)):
        read_entry(data)


def test_another_spelling_of_an_entry_is_refused() -> None:
    data = entry_bytes(DECIDED)
    for other in (
        data + b"\n",
        data.replace(b'"index":0', b'"index": 0'),
        data.replace(b"N. Nurse", b"N. \\u004eurse"),
        data.replace(b'"index":0', b'"index":0,"index":0'),
        json.dumps(dict(reversed(json.loads(data).items())), separators=(",", ":")).encode(),
    ):
        with pytest.raises((EntryFault, NotCanonical)):
            read_entry(other)


def test_what_a_person_got_wrong_is_said_in_their_words() -> None:
    for entry, says in (
        (replace(DECIDED, by=""), "must name a person"),
        (
            replace(SIGNED, meaning=cast(Meaning, "waiver")),
            "must mean one of authorship, review, approval, resp",
        ),
        (replace(REDACTED, reason=""), "a reason must be given"),
    ):
        with pytest.raises(EntryFault, match=says):
            entry_bytes(entry)


def test_details_are_read_back() -> None:
    assert read_details(details_bytes(DETAILS)) == DETAILS
    for data in (b"", b"{}", b"[]", b'{"determined_by":1}', b"null"):
        with pytest.raises(EntryFault):
            read_details(data)


def test_a_salted_digest_is_that_of_salt_and_data() -> None:
    one, two = sealed(b"facts"), sealed(b"facts")
    assert one.digest != two.digest and one.salt != two.salt
    assert one.salt is not None and len(one.salt) == 32
    assert one.digest == sha256(one.salt + b"facts").digest()
    assert one.name() == "salted-sha256:" + one.digest.hex()
    assert digest_of(one.name()) == one.digest
    assert one.holds() and not one.redacted
    assert unsealed(b"facts").digest == sha256(b"facts").digest()
    assert unsealed(b"facts").holds()


def test_no_other_salt_or_data_has_the_digest() -> None:
    one = sealed(b"facts")
    assert one.salt is not None
    assert not replace(one, data=b"fact").holds()
    assert not replace(one, salt=bytes(32)).holds()
    assert not replace(one, salt=None).holds()
    # Bytes must not cross from the salt into the data.
    assert not replace(one, salt=one.salt + b"f", data=b"acts").holds()
    assert not replace(one, salt=one.salt[:31], data=one.salt[31:] + b"facts").holds()
    assert not Content(sha256(b"facts").digest(), True, None, b"facts").holds()
    gone = replace(one, salt=None, data=None)
    assert gone.redacted and not gone.holds()


def test_a_moment_is_written_in_utc() -> None:
    east = datetime(2026, 11, 20, 1, 30, 59, 999_999, timezone(timedelta(hours=3, minutes=30)))
    assert utc_text(east) == "2026-11-19T22:00:59Z"
    assert utc_text(datetime(2026, 11, 20, 9, 0, tzinfo=UTC)) == TIME
    with pytest.raises(ValueError, match="time zone"):
        utc_text(datetime(2026, 11, 20, 9, 0))


def test_a_pack_is_named_by_its_manifest() -> None:
    manifest = pack_manifest(PACK)
    assert unsealed(manifest).name() == pack_digest(PACK)
    assert read_manifest(manifest) == {path: unsealed(data).name() for path, data in PACK.items()}
    assert read_manifest(pack_manifest({"a b/c d.yaml": b""})) == {
        "a b/c d.yaml": unsealed(b"").name()
    }


@pytest.mark.parametrize(
    "path", ["../out", "a/../b", "/abs", "a//b", "", ".", "a\\b", "a\nb", "c:/x/./y"]
)
def test_a_manifest_names_only_files_inside_the_pack(path: str) -> None:
    with pytest.raises(EntryFault):
        read_manifest(pack_manifest({path: b""}))


@pytest.mark.parametrize("manifest", [b"a.yaml\n", b"a.yaml 00\n", b"\xff " + b"0" * 63 + b"\n"])
def test_a_malformed_manifest_is_refused(manifest: bytes) -> None:
    with pytest.raises(EntryFault):
        read_manifest(manifest)
