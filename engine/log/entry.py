"""The entries a log is made of, as canonical JSON, and the contents they commit to.

An entry never holds a subject's data. It names each piece by a *salted digest*: the SHA-256
of 32 random bytes, the salt, followed by the piece. While salt and piece are kept, anyone can
check that they belong to the entry; once both are removed, the digest says nothing about
what it stood for, and the entry, its place and every proof remain as they were.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar, Literal, get_args

from engine.log import LogFault, canonical
from engine.record.shape import Software

SCHEMA = "eligo.entry/1"
SALT = 32
"""The length of a salt, in bytes."""

LONGEST_NAME = 100
LONGEST_REASON = 2_000
Meaning = Literal["authorship", "review", "approval", "responsibility"]
"""What a signature means: the meanings that 21 CFR 11.50(a)(3) names."""

MEANINGS: tuple[Meaning, ...] = get_args(Meaning)
REPORT_FORMS = ("html", "pdf", "md", "text")
"""The forms of a report, as `eligo screen --format` names them."""

_HEX = re.compile(r"[0-9a-f]{64}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SALTED = re.compile(r"salted-sha256:[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class EntryFault(LogFault):
    """An entry, or what should become one, that is not as entries must be."""


# --- contents -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Content:
    """A piece that entries name by digest.

    Open pieces (a pack's files) have no salt. A private piece (what speaks of a subject) has
    one, and loses both salt and data when it is redacted.
    """

    digest: bytes
    private: bool
    salt: bytes | None
    data: bytes | None

    @property
    def redacted(self) -> bool:
        """Whether the piece was removed."""
        return self.data is None

    def name(self) -> str:
        """The digest as entries write it."""
        return ("salted-sha256:" if self.private else "sha256:") + self.digest.hex()

    def holds(self) -> bool:
        """Whether salt and data are what the digest was made of (a redacted piece is not)."""
        if self.data is None or self.private != (self.salt is not None):
            return False
        return content_digest(self.data, self.salt) == self.digest


def content_digest(data: bytes, salt: bytes | None) -> bytes:
    """The digest of a piece: of the salt, where there is one, and the data."""
    if salt is not None and len(salt) != SALT:
        return b""  # no digest: salts of other lengths would let bytes cross from one to the other
    return sha256((salt or b"") + data).digest()


def sealed(data: bytes) -> Content:
    """A private piece under a new salt."""
    salt = secrets.token_bytes(SALT)
    return Content(content_digest(data, salt), True, salt, data)


def unsealed(data: bytes) -> Content:
    """An open piece."""
    return Content(content_digest(data, None), False, None, data)


def digest_of(name: str) -> bytes:
    """The bytes of a digest as entries write it."""
    return bytes.fromhex(name.rpartition(":")[2])


# --- entries --------------------------------------------------------------------------

# Every entry says where it stands (`index`), which checkpoint it follows (`after`: the SHA-256
# of the signed note), when it was appended (UTC) and by whom. The chain of checkpoints is thus
# part of what the next checkpoint signs.


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision was made: under which pack, by which software, who asked for it and when.

    `details`, `facts` and `record` are salted digests of a summary (`Details`), the subject
    file and the decision record, to the byte.
    """

    kind: ClassVar[str] = "decision"
    index: int
    after: str
    time: str
    by: str
    as_of: str
    pack: str
    software: Software
    details: str
    facts: str
    record: str


@dataclass(frozen=True, slots=True)
class Signed:
    """`by` signed the decision at index `of`. `entry` is that entry's leaf hash."""

    kind: ClassVar[str] = "signature"
    index: int
    after: str
    time: str
    by: str
    of: int
    entry: str
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Issued:
    """A report of the decision at index `of` was made, for `by`.

    `entry` is that decision's leaf hash; `report` the salted digest of `report_bytes`. A report
    that prints its place in the log can only be digested once the decision is in the log, so it
    has an entry of its own.
    """

    kind: ClassVar[str] = "report"
    index: int
    after: str
    time: str
    by: str
    of: int
    entry: str
    report: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """The private contents of the decisions `of` were removed: their digests, and why.

    `reason` stays in the log for good, so it must not itself speak of the subject.
    """

    kind: ClassVar[str] = "redaction"
    index: int
    after: str
    time: str
    by: str
    of: tuple[int, ...]
    removed: tuple[str, ...]
    reason: str


LogEntry = Decided | Signed | Issued | Redacted


@dataclass(frozen=True, slots=True)
class Details:
    """What lists show of a decision, and why it was made; private, like the decision.

    `determined_by` are the failed criteria, else the open ones, as in the record; `form` is
    how the subject file is written.
    """

    subject: str
    verdict: str
    protocol: str
    version: str
    determined_by: tuple[str, ...]
    form: Literal["json", "yaml"]
    reason: str


def utc_text(moment: datetime) -> str:
    """A moment as entries write it: UTC, to the second.

    Raises: ValueError if the moment does not know its time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def entry_bytes(entry: LogEntry) -> bytes:
    """The canonical bytes of an entry: a leaf of the tree.

    Raises: EntryFault if the entry is not as entries must be.
    """
    plain: dict[str, Any] = {"schema": SCHEMA, "kind": entry.kind}
    for name in entry.__dataclass_fields__:
        value = getattr(entry, name)
        plain[name] = list(value) if isinstance(value, tuple) else value
    _check(plain, _SHAPES[entry.kind])
    return canonical.encode(plain)


def read_entry(data: bytes) -> LogEntry:
    """The entry in a leaf. Raises: EntryFault, NotCanonical."""
    import orjson

    try:
        plain = orjson.loads(data)
    except ValueError:
        raise canonical.NotCanonical("not JSON") from None
    entry = entry_of(plain)
    # Sorted, this is canonical JSON where keys are ASCII and numbers whole, as the shapes see
    # to; 100,000 entries are read in a second, where the general encoder takes four.
    if orjson.dumps(plain, option=orjson.OPT_SORT_KEYS) != data:
        raise canonical.NotCanonical("an entry that is not in its canonical form")
    return entry


def entry_of(plain: Any) -> LogEntry:
    """The entry in a plain value. Raises: EntryFault."""
    if not isinstance(plain, dict) or plain.get("schema") != SCHEMA:
        raise EntryFault(f"not an entry of the form {SCHEMA}")
    kind = plain.get("kind")
    if not isinstance(kind, str) or kind not in _SHAPES:
        raise EntryFault("an entry of an unknown kind")
    _check(plain, _SHAPES[kind])
    values = {name: plain[name] for name in _SHAPES[kind]}
    if kind == "decision":
        return Decided(**values)
    if kind == "signature":
        return Signed(**values)
    if kind == "report":
        return Issued(**values)
    return Redacted(**{**values, "of": tuple(values["of"]), "removed": tuple(values["removed"])})


def details_bytes(details: Details) -> bytes:
    """The canonical bytes of a decision's details."""
    plain = {name: getattr(details, name) for name in details.__dataclass_fields__}
    return canonical.encode(plain)


def read_details(data: bytes) -> Details:
    """The details in the bytes that an entry names. Raises: EntryFault."""
    import orjson

    try:
        plain = orjson.loads(data)
        known = {name: plain[name] for name in Details.__dataclass_fields__}
        return Details(**{**known, "determined_by": tuple(known["determined_by"])})
    except (ValueError, TypeError, LookupError):
        raise EntryFault("the details of a decision are not as they must be") from None


def report_bytes(report: bytes, form: str) -> bytes:
    """What a log keeps of a report's file: its form (`pdf`) and the SHA-256 of its bytes."""
    return canonical.encode({"form": form, "sha256": sha256(report).hexdigest()})


def read_report(data: bytes) -> tuple[str, str]:
    """The form and the SHA-256 that `report_bytes` wrote. Raises: EntryFault."""
    try:
        plain = canonical.decode(data)
    except LogFault:
        plain = None
    if not isinstance(plain, dict) or plain.keys() != {"form", "sha256"}:
        raise EntryFault("what is kept of a report is malformed")
    if plain["form"] not in REPORT_FORMS or not _is(_HEX)(plain["sha256"]):
        raise EntryFault("what is kept of a report is malformed")
    return plain["form"], plain["sha256"]


# --- what each field may hold ----------------------------------------------------------


def _is(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _list_of(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(test, value))


def _text(longest: int) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, str)
        and value == value.strip() != ""
        and len(value) <= longest
        and value.isprintable()
    )


def _moment(value: Any) -> bool:
    if not _is(_TIME)(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _software(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == Software.__annotations__.keys()
        and all(map(_text(LONGEST_NAME), value.values()))
    )


_COMMON: Mapping[str, Callable[[Any], bool]] = {
    "index": _number,
    "after": _is(DIGEST),
    "time": _moment,
    "by": _text(LONGEST_NAME),
}
_SHAPES: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "decision": {
        **_COMMON,
        "as_of": _is(_DAY),
        "pack": _is(DIGEST),
        "software": _software,
        "details": _is(_SALTED),
        "facts": _is(_SALTED),
        "record": _is(_SALTED),
    },
    "signature": {
        **_COMMON,
        "of": _number,
        "entry": _is(DIGEST),
        "meaning": lambda value: value in MEANINGS,
    },
    "report": {
        **_COMMON,
        "of": _number,
        "entry": _is(DIGEST),
        "report": _is(_SALTED),
    },
    "redaction": {
        **_COMMON,
        "of": _list_of(_number),
        "removed": _list_of(_is(_SALTED)),
        "reason": _text(LONGEST_REASON),
    },
}
"""By kind of entry, its fields and what each may hold."""

_SAID = {
    "by": f"`by` must name a person in at most {LONGEST_NAME} characters on one line",
    "reason": f"a reason must be given, in at most {LONGEST_REASON} characters on one line",
    "meaning": f"a signature must mean one of {', '.join(MEANINGS)}",
}


def _check(plain: Mapping[str, Any], shape: Mapping[str, Callable[[Any], bool]]) -> None:
    """Refuse fields that are missing, unknown or malformed. Raises: EntryFault."""
    if plain.keys() - {"schema", "kind"} != shape.keys():
        raise EntryFault("an entry with other fields than its kind has")
    for name, holds in shape.items():
        if not holds(plain[name]):
            raise EntryFault(_SAID.get(name, f"an entry whose `{name}` is malformed"))
