"""The rows of all tables of an import, by subject, in a store of its own: memory does not grow
with the tables, and work grows in step with them."""

from __future__ import annotations

import errno
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app.exchange.csv_read import Row, Table
from app.run.inputs import looks_like, may_be_one
from engine.terms import Span
from engine.terms.faults import Fault, InputRejected

MOST_ROWS = 20_000
"""How many rows one subject may have."""

Place = tuple[int, Row]
"""A row, and the number of the table it stands in."""


@dataclass(frozen=True, slots=True)
class Stood:
    """A subject as the tables have it.

    `rows`: how many rows it has, `main`: how many of them are main rows. `as_well`: another
    spelling of the same id; `near`: an id without a main row that may be meant for it.
    """

    subject: str
    rows: int
    main: int
    as_well: str
    near: str


class Rows:
    """What was read. The store lies in memory, and on disk where that is too little.

    Used in a `with` block, which raises OSError where the disk is too little as well.
    """

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self.base = sqlite3.connect("")
        self.base.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000;"
            "PRAGMA temp_store=FILE;"
            "CREATE TABLE row(n INTEGER PRIMARY KEY, id TEXT, main INT, t INT, line INT,"
            " cells TEXT);"
        )

    def __enter__(self) -> Rows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        self.base.close()
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(errno.ENOSPC, str(error), tempfile.gettempdir()) from error

    def load(self, table: Table, is_main: Callable[[Row], bool]) -> None:
        """Read a table to its end; `is_main`: whether a row makes a subject of its id.

        Raises: InputRejected.
        """
        at = table.heading.cells.index("subject")
        number = len(self.tables)
        self.tables.append(table)
        self.base.executemany(
            "INSERT INTO row(id, main, t, line, cells) VALUES(?,?,?,?,?)",
            ((row.cell(at), is_main(row), number, row.line, json.dumps(row.cells))
             for row in table.rows),
        )  # fmt: skip

    def finish(self) -> None:
        """Sort what was read by subject. Raises: InputRejected if the first table has no row."""
        if not self.base.execute("SELECT 1 FROM row WHERE t=0").fetchone():
            raise InputRejected([self._about("blank", "the table has no rows below its heading")])
        self.base.create_function("looks", 1, looks_like, deterministic=True)
        self.base.create_function("near", 1, may_be_one, deterministic=True)
        self.base.executescript(
            "CREATE INDEX row_id ON row(id);"
            "CREATE TABLE subject AS SELECT id, sum(main) AS main, min(n) AS n,"
            " count(*) AS rows, looks(id) AS looks, near(id) AS near FROM row GROUP BY id;"
            "CREATE INDEX subject_looks ON subject(looks);"
            "CREATE INDEX subject_near ON subject(near) WHERE main = 0;"
        )

    def subjects(self) -> Iterator[Stood]:
        """Every id that stands in a table, in the order of the rows."""
        for id, rows, main, as_well, near in self.base.execute(
            "SELECT id, rows, main,"
            " (SELECT o.id FROM subject o WHERE o.looks = s.looks AND o.id <> s.id LIMIT 1),"
            " (SELECT o.id FROM subject o WHERE o.near = s.near AND o.id <> s.id AND o.main = 0"
            " LIMIT 1) FROM subject s ORDER BY n"
        ):
            yield Stood(id, rows, main, as_well or "", near or "" if main else "")

    def stated(self, number: int | None) -> None:
        """Hold the first table against the number of rows that somebody states.

        Raises: InputRejected if it has another.
        """
        (have,) = self.base.execute("SELECT count(*) FROM row WHERE t=0").fetchone()
        if number is not None and have != number:
            what = f"the table has {have} rows below its heading, and {number} were stated"
            raise InputRejected([self._about("count", what, "save it whole again")])

    def _about(self, code: str, what: str, hint: str = "") -> Fault:
        """A fault of the first table as a whole."""
        return Fault(Span(self.tables[0].name, 1, 1), code, what, hint)

    def nobodys(self) -> Place | None:
        """The first row of nobody that is no main row, if there is one."""
        found = self.base.execute(
            "SELECT t, line, cells FROM row WHERE id='' AND main=0 ORDER BY n LIMIT 1"
        ).fetchone()
        return (found[0], Row(found[1], tuple(json.loads(found[2])))) if found else None

    def somebodys(self) -> bool:
        """Whether there are rows of somebody who is not known: without an id, or a main row."""
        found = self.base.execute("SELECT 1 FROM subject WHERE id='' OR main=0 LIMIT 1")
        return found.fetchone() is not None

    def of(self, subject: str) -> Sequence[Place]:
        """The rows of a subject, table by table, in their order."""
        found = self.base.execute(
            "SELECT t, line, cells FROM row WHERE id=? ORDER BY n", (subject,)
        )
        return [(t, Row(line, tuple(json.loads(cells)))) for t, line, cells in found]
