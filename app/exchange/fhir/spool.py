"""What the first pass over the input keeps, in a file of its own, and which of it is which.

One type, base and id is one resource: its newest version stands for it. So every resource has
a row here, also those that no rule reads: what a later version took back must not count.
Memory does not grow with the input.
"""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from app.exchange.fhir.read import Read, Reference
from app.exchange.fhir.version import Version, newest
from app.exchange.report import Line

State = Literal["live", "old", "same", "gone", "unclear", "again"]
"""What a resource is among those of its identity: the one that stands, an older version, the
same once more, deleted since, one of several versions of which the newest is not known, or one
that equals another and has no id."""

NOBODY = ""

Referred = tuple[int, str, str, str, str, bool, str]
"""A resource's number and name, how it speaks of another, that one's identity and key, whether
the input has it, and the words beside the reference."""


def missing(name: str, key: str, words: str) -> str:
    """What is said of something that is named and is not there."""
    what = " ".join(filter(None, (key, f"({words})" if words else ""))) or "something"
    return f"{name} names {what}, which is not in the input"


@dataclass(frozen=True, slots=True)
class Kept:
    """One resource of a patient. `body` is None where no rule can read it; `why` says why."""

    n: int
    identity: str
    name: str
    kind: str
    state: State
    body: Any
    medication: Reference
    why: str
    look: bool
    day: str


class Spool:
    """The file: resources, lines of the report."""

    def __init__(self, folder: str) -> None:
        self.base = sqlite3.connect(Path(folder) / "spool.db")
        self.base.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4000;"
            "CREATE TABLE seen(n INTEGER PRIMARY KEY, file INT, key TEXT, base TEXT, kind TEXT,"
            " name TEXT, about TEXT, medication TEXT, version TEXT, digest BLOB, body BLOB,"
            " why TEXT, look INT, day TEXT, within INT);"
            "CREATE TABLE placed(n INTEGER PRIMARY KEY, identity TEXT, patient TEXT, state TEXT);"
            "CREATE TABLE known(identity TEXT PRIMARY KEY);"
            "CREATE TABLE refers(n INTEGER, how TEXT, reference TEXT, words TEXT);"
            "CREATE TABLE line(n INTEGER, patient TEXT, name TEXT, day TEXT, gave TEXT, left TEXT,"
            " look INTEGER);"
        )
        self.files: list[tuple[set[str], set[str]]] = []  # bases of full URLs, of references
        self.bases: list[str] = []
        self.ids: dict[tuple[str | None, str], set[str]] = {}

    # --- writing ------------------------------------------------------------------------

    def new_file(self) -> None:
        self.files.append((set(), set()))

    def see(
        self,
        n: int,
        read: Read,
        about: Reference,
        medication: Reference,
        *,
        keep: bool,
        why: str = "",
        look: bool = False,
        day: str = "",
        within: int | None = None,
    ) -> None:
        """Note a resource; `keep`: with all that it says; `within`: which one contains it."""
        resource = read.resource or {}
        for known, base in zip(self.files[-1], (read.base, about.base), strict=True):
            if base:
                known.add(base)
        content = {k: v for k, v in resource.items() if k not in ("meta", "text")}
        if read.within is not None:
            content["within"] = {k: v for k, v in read.within.items() if k not in ("meta", "text")}
        digest = b"" if read.deletes else sha256(
            json.dumps(content, sort_keys=True, default=str).encode()
        ).digest()  # fmt: skip
        version = Version.of(read)
        self.base.execute(
            "INSERT INTO seen VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                n,
                len(self.files) - 1,
                read.key,
                read.base,
                str(resource.get("resourceType", "")),
                read.name,
                _packed(about),
                _packed(medication),
                version.packed(),
                digest,
                pickle.dumps(resource) if keep else None,
                why,
                look,
                day,
                within,
            ),
        )

    def refer(self, n: int, how: str, reference: Reference, words: str) -> None:
        """Note that a resource speaks of another."""
        row = (n, how, _packed(reference), words)
        self.base.execute("INSERT INTO refers VALUES(?,?,?,?)", row)

    def line(self, n: int, patient: str, line: Line) -> None:
        row = (n, patient, line.name, line.day, "\n".join(line.gave), line.left, line.look)
        self.base.execute("INSERT INTO line VALUES(?,?,?,?,?,?,?)", row)

    # --- which is which -----------------------------------------------------------------

    def settle(self) -> None:
        """Once all is read: give every resource its identity, its state and its patient."""
        whole = tuple(set[str]().union(*several) for several in zip(*self.files, strict=True))
        only = _only(*whole) if whole else ""
        bases = [_only(*one) if one[0] or one[1] else only for one in self.files]
        self.bases = bases
        rows = self.base.execute("SELECT n, file, key, base, digest, kind FROM seen")
        placed = (
            (
                n,
                f"{base or bases[file]}|{key}" if key else f"{kind} {digest.hex()}",
                NOBODY,
                "live" if key else "again",
            )
            for n, file, key, base, digest, kind in rows
        )
        self.base.executemany("INSERT INTO placed VALUES(?,?,?,?)", placed)
        self.base.execute("CREATE INDEX placed_identity ON placed(identity)")
        several = self.base.execute(
            "SELECT identity FROM placed GROUP BY identity HAVING COUNT(*) > 1"
            " OR n IN (SELECT n FROM seen WHERE digest = x'')"
        ).fetchall()
        for (identity,) in several:
            self._order(identity)
        self._contained()
        self._know_patients()
        self._give_patients(bases)
        self.base.execute(
            "UPDATE placed SET state='live' WHERE state='again' AND n IN"
            " (SELECT MIN(n) FROM placed WHERE state='again' GROUP BY identity, patient)"
        )
        self.base.executescript(
            "CREATE INDEX refers_n ON refers(n); CREATE INDEX placed_patient ON placed(patient);"
            " CREATE INDEX line_patient ON line(patient);"
        )

    def _order(self, identity: str) -> None:
        """Say which of the resources of one identity stands."""
        rows = self.base.execute(
            "SELECT n, version, digest, state FROM placed JOIN seen USING(n) WHERE identity=?"
            " ORDER BY n",
            (identity,),
        ).fetchall()
        if rows[0][3] == "again":
            return
        versions = [Version.unpacked(packed, digest) for _, packed, digest, _ in rows]
        best = newest(versions)
        first = next((i for i, v in enumerate(versions) if best and v.digest == best.digest), None)
        for i, (n, _, _, _) in enumerate(rows):
            state: State = "unclear"
            if best is not None and versions[i].deletes:
                state = "old"
            elif best is not None and best.deletes:
                state = "gone"
            elif best is not None:
                alike = versions[i].digest == best.digest
                state = "live" if i == first else "same" if alike else "old"
            self.base.execute("UPDATE placed SET state=? WHERE n=?", (state, n))

    def _contained(self) -> None:
        """What is contained in a resource that does not stand does not stand either."""
        rows = self.base.execute(
            "SELECT inner.n, outer.state FROM seen JOIN placed AS inner USING(n)"
            " JOIN placed AS outer ON outer.n=seen.within"
            " WHERE outer.state IN ('old', 'gone', 'unclear') AND inner.state != outer.state"
        ).fetchall()
        self.base.executemany("UPDATE placed SET state=? WHERE n=?", [(s, n) for n, s in rows])

    def _know_patients(self) -> None:
        """The identifiers of the patients, for references by identifier."""
        rows = self.base.execute(
            "SELECT identity, body FROM placed JOIN seen USING(n) WHERE kind='Patient'"
            " AND body IS NOT NULL AND state IN ('live', 'unclear')"
        )
        self.patients: dict[str, None] = {}
        for identity, body in rows:
            self.patients[identity] = None
            self.base.execute("INSERT OR IGNORE INTO known VALUES(?)", (identity,))
            listed = pickle.loads(body).get("identifier")
            for one in listed if isinstance(listed, list) else []:
                if isinstance(one, dict) and isinstance(one.get("value"), str):
                    system = one.get("system") if isinstance(one.get("system"), str) else None
                    self.ids.setdefault((system, one["value"]), set()).add(identity)

    def _give_patients(self, bases: list[str]) -> None:
        """Say of whom each resource is."""
        rows = self.base.execute("SELECT n, file, kind, about FROM seen ORDER BY n")
        found: list[tuple[str, int]] = []
        writer = self.base.cursor()
        for n, file, kind, about in rows:
            if kind == "Patient":
                continue
            reference = Reference(*json.loads(about)) if about else Reference()
            found.append((self._patient_of(reference, bases[file]), n))
            if len(found) == 1_000:
                writer.executemany("UPDATE placed SET patient=? WHERE n=?", found)
                found.clear()
        writer.executemany("UPDATE placed SET patient=? WHERE n=?", found)
        writer.execute(
            "UPDATE placed SET patient=identity WHERE n IN"
            " (SELECT n FROM seen WHERE kind='Patient')"
        )

    def _patient_of(self, reference: Reference, base: str) -> str:
        """A patient's identity, the words for somebody else, or `NOBODY`."""
        named = f"{reference.base or base}|{reference.key}" if reference.key else ""
        if reference.value:
            meant = self.ids.get((reference.system, reference.value), set())
            if named in self.patients:
                return NOBODY if meant - {named} else named
            if len(meant) == 1:
                return next(iter(meant))
        return named

    def others(self, n: int, references: list[Reference]) -> tuple[str, list[str]]:
        """A standing Patient's identity, "" if it does not stand, and those it refers to."""
        identity, state, file = self.base.execute(
            "SELECT identity, state, file FROM placed JOIN seen USING(n) WHERE n=?", (n,)
        ).fetchone()
        others = [self._patient_of(one, self.bases[file]) for one in references]
        return (identity if state in ("live", "unclear") else ""), others

    def holding(self) -> set[str]:
        """The patients of whom there is any resource that stands."""
        rows = self.base.execute(
            "SELECT DISTINCT patient FROM placed JOIN seen USING(n) WHERE kind!='Patient'"
            " AND state IN ('live', 'unclear', 'again')"
        )
        return {patient for (patient,) in rows}

    def taken_out(self) -> dict[str, str]:
        """What a List says was taken out of it, by identity: the name of the List."""
        return {
            to: name for _, name, _, to, _, there, _ in self._referred("how='deleted'") if there
        }

    def stray(self) -> list[str]:
        """What is named by something that is about no patient, and is not in the input."""
        where = "patient NOT IN (SELECT identity FROM known)"
        return [missing(name, key, words) for _, name, _, _, key, there, words
                in self._referred(where) if not there]  # fmt: skip

    def referred(self, patient: str) -> Iterator[Referred]:
        """What a patient's resources speak of."""
        return self._referred("patient=?", patient)

    def _referred(self, where: str, *values: str) -> Iterator[Referred]:
        rows = self.base.execute(
            "SELECT n, name, how, reference, words, file, base FROM placed JOIN refers USING(n)"
            f" JOIN seen USING(n) WHERE state IN ('live', 'unclear', 'again') AND {where}"
            " ORDER BY n",
            values,
        )
        for n, name, how, packed, words, file, base in rows:
            to = Reference(*json.loads(packed)) if packed else Reference()
            identity = f"{to.base or base or self.bases[file]}|{to.key}"
            there = self.base.execute(
                "SELECT 1 FROM placed WHERE identity=? AND state!='gone'", (identity,)
            ).fetchone()
            yield n, name, how, identity, to.key, there is not None, words

    # --- reading ------------------------------------------------------------------------

    def of_patient(self, patient: str) -> Iterator[Kept]:
        """The resources of a patient, in the order of the input, their versions included."""
        rows = self.base.execute(
            "SELECT n, identity, name, kind, state, body, medication, why, look, day FROM placed"
            " JOIN seen USING(n) WHERE patient=? ORDER BY n",
            (patient,),
        )
        for n, identity, name, kind, state, body, medication, why, look, day in rows:
            drug = Reference(*json.loads(medication)) if medication else Reference()
            found = pickle.loads(body) if body is not None else None
            yield Kept(n, identity, name, kind, state, found, drug, why, bool(look), day)

    def patient(self, identity: str) -> Any:
        """The standing version of a Patient."""
        (body,) = self.base.execute(
            "SELECT body FROM placed JOIN seen USING(n) WHERE identity=? AND body IS NOT NULL"
            " AND state IN ('live', 'unclear') ORDER BY n",
            (identity,),
        ).fetchone()
        return pickle.loads(body)

    def versions(self, identity: str) -> int:
        """How many different things the versions of a resource say, to be deleted included."""
        (count,) = self.base.execute(
            "SELECT COUNT(DISTINCT digest) FROM placed JOIN seen USING(n) WHERE identity=?",
            (identity,),
        ).fetchone()
        return int(count)

    def resources(self, reference: Reference, n: int) -> list[Any]:
        """The standing versions of what resource `n` refers to."""
        file, base = self.base.execute("SELECT file, base FROM seen WHERE n=?", (n,)).fetchone()
        place = reference.base or base or self.bases[file]
        rows = self.base.execute(
            "SELECT body FROM placed JOIN seen USING(n) WHERE identity=? AND body IS NOT NULL"
            " AND state IN ('live', 'unclear')",
            (f"{place}|{reference.key}",),
        )
        return [pickle.loads(body) for (body,) in rows]

    def lines(self, patient: str) -> Iterator[Line]:
        """A line a resource, in the order of the input."""
        rows = self.base.execute(
            "SELECT n,name,day,gave,left,look FROM line WHERE patient=? ORDER BY n,rowid",
            (patient,),
        )
        for _, several in groupby(rows, key=lambda row: row[0]):
            parts = list(several)
            gave = tuple(where for row in parts if row[3] for where in row[3].split("\n"))
            left = "; ".join(dict.fromkeys(row[4] for row in parts if row[4]))
            day = next((row[2] for row in parts if row[2]), "")
            yield Line(parts[0][1], gave, left, day, any(row[5] for row in parts))


def _only(full: set[str], referred: set[str]) -> str:
    """The one server that a file is from, "" if that cannot be told."""
    named = full or referred
    return next(iter(named)) if len(named) == 1 else ""


def _packed(reference: Reference) -> str:
    if not reference.key and not reference.value:
        return ""
    return json.dumps([reference.key, reference.base, reference.system, reference.value])
