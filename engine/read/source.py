"""Read YAML and JSON files into plain values that remember where they stood.

A document's value is made of dict, list, str, `Num` (a number, still as text), bool and
None. Nothing is coerced: `no` stays a word and `7.10` keeps its digits. A place inside a
document is a path, a tuple of keys and list positions; `Document.span` finds its line and
column, and reads the file a second time only if somebody asks (JSON), so that good files
stay cheap.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

from engine.terms import Span
from engine.terms.faults import Fault, InputRejected, clean

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 50
BAD_TEXT = "a text holds a character that is not allowed in text"
MAX_NODES = 400_000
"""Nodes after aliases are expanded: what a YAML bomb runs into."""

EXCERPT = 66
"""How many characters of a source line a fault shows."""

Path = tuple[str | int, ...]


class Num(str):
    """A JSON or YAML number as it was written."""

    __slots__ = ()


_YAML_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_YAML_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_YAML_BOOL = {w: w.lower() == "true" for w in ("true", "True", "TRUE", "false", "False", "FALSE")}
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(slots=True)
class Document:
    """A file's value, and the way back from a path in it to a line and column."""

    path: str
    text: str
    value: Any
    faults: tuple[Fault, ...] = ()
    """What is wrong with the file, and does not keep the rest of it from being looked at."""
    positions: tuple[dict[Path, Span], dict[Path, Span]] | None = None
    _locate: Callable[[], tuple[dict[Path, Span], dict[Path, Span]]] | None = None
    lines: list[str] = field(default_factory=list)
    tail: Path | None = None
    """Where a YAML file may have been cut off: the last thing in it, unless the line `...`
    ends the file. None where nothing can have been lost unseen."""

    def span(self, path: Path, *, key: bool = False) -> Span:
        """Where the value at `path` (or its key) stands; the nearest parent's place if absent."""
        if self.positions is None:
            self.positions = self._locate() if self._locate else ({}, {})
        values, keys = self.positions
        table = keys if key else values
        while path and path not in table:
            path, table = path[:-1], values
        return table.get(path, Span(self.path, 1, 1))

    def fault(
        self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False
    ) -> Fault:
        """A fault at `path`, with its source line."""
        return self.fault_at(self.span(path, key=key), code, message, hint)

    def fault_at(self, span: Span, code: str, message: str, hint: str = "") -> Fault:
        if not self.lines:
            self.lines = self.text.split("\n")
        line = self.lines[span.line - 1] if span.line <= len(self.lines) else ""
        excerpt, caret = _excerpt(line, span.column)
        return Fault(span, code, clean(message), clean(hint), excerpt, caret)


def _excerpt(line: str, column: int) -> tuple[str, int]:
    """The part of a long line round its column (a one-line file must not be quoted whole)."""
    if len(line) <= EXCERPT:
        return line, column
    start = min(max(0, column - 1 - EXCERPT // 3), max(0, len(line) - EXCERPT))
    before, after = "..." if start else "", "..." if start + EXCERPT < len(line) else ""
    return f"{before}{line[start : start + EXCERPT]}{after}", column - start + len(before)


def read_document(path: str, data: bytes) -> Document:
    """Read a `.json` file as JSON and anything else as YAML.

    `path` is the name that faults carry. Raises: InputRejected.
    """
    document = scan_document(path, data)
    if document.faults:
        raise InputRejected(document.faults)
    return document


def scan_document(path: str, data: bytes) -> Document:
    """As `read_document`, but a key that stands twice, a tag and a character that text may not
    hold are `faults` of the document, for whoever finds the others (a `Sheet` counts them).

    Raises: InputRejected for anything worse.
    """
    text = _decode(path, data)
    return _read_json(path, text) if path.lower().endswith(".json") else _read_yaml(path, text)


def _reject(span: Span, text: str, code: str, message: str, hint: str = "") -> NoReturn:
    document = Document(span.path, text, None)
    raise InputRejected([document.fault_at(span, code, message, hint)])


def _decode(path: str, data: bytes) -> str:
    if len(data) > MAX_BYTES:
        _reject(
            Span(path, 1, 1),
            "",
            "too-large",
            f"the file has {len(data)} bytes; the limit is {MAX_BYTES}",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        place = Span(path, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
        _reject(place, "", "encoding", "the file is not UTF-8 text", "save it as UTF-8")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    bad = _FORBIDDEN.search(text)
    if bad:
        place = _place(path, text, bad.start())
        what = f"character U+{ord(bad.group()):04X} is not allowed in a text file"
        _reject(place, "", "encoding", what, "is this a text file?")
    return text


def _place(path: str, text: str, offset: int) -> Span:
    return Span(path, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


# --- a tree with places, shared by both formats ---------------------------------------

_Placed = tuple[Any, dict[Path, Span], dict[Path, Span]]


@dataclass(slots=True)
class _Node:
    """A parsed node: `value` is a scalar, a list of nodes, or a list of (key node, node)."""

    kind: str  # scalar | list | mapping | alias-in-progress
    value: Any
    span: Span
    flow: bool = False


def _plain(root: _Node, path: str, text: str, faults: list[Fault]) -> _Placed:
    """The plain value of a tree and the places of its values and keys.

    Every key that stands twice is added to `faults`; its first value counts.
    Raises: InputRejected when the tree is too large.
    """
    values: dict[Path, Span] = {}
    keys: dict[Path, Span] = {}
    document = Document(path, text, None)
    count = 0

    def build(node: _Node, at: Path) -> Any:
        nonlocal count
        count += 1
        if count > MAX_NODES:
            _reject(
                node.span,
                text,
                "too-large",
                f"the file has more than {MAX_NODES} values once its aliases are expanded",
            )
        if len(at) >= MAX_DEPTH and node.kind != "scalar":
            _reject(node.span, text, "too-deep", f"nested more than {MAX_DEPTH} levels deep")
        values[at] = node.span
        if node.kind == "list":
            return [build(child, (*at, i)) for i, child in enumerate(node.value)]
        if node.kind == "mapping":
            result: dict[str, Any] = {}
            for key, child in node.value:
                name = str(key.value)
                here = (*at, name)
                if name in result:
                    faults.append(
                        document.fault_at(
                            key.span,
                            "duplicate-key",
                            f"`{shorten(name)}` stands here twice",
                            f"the first is on line {keys[here].line}; keep one",
                        )
                    )
                    continue
                keys[here] = key.span
                result[name] = build(child, here)
            return result
        return node.value

    return build(root, ()), values, keys


def shorten(text: str, limit: int = 60) -> str:
    """A user's text, fit to be quoted in a message: one line, at most `limit` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


# --- YAML -----------------------------------------------------------------------------


def _read_yaml(path: str, text: str) -> Document:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    faults: list[Fault] = []
    try:
        root, closed = _yaml_tree(path, text, yaml.parse(text, Loader=loader), faults)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        span = Span(path, mark.line + 1, mark.column + 1) if mark else Span(path, 1, 1)
        detail = ": ".join(p for p in (error.context, error.problem) if p)
        _reject(span, text, "syntax", f"not YAML: {detail}", _mended(text, span.line))
    except yaml.YAMLError as error:
        _reject(Span(path, 1, 1), text, "syntax", f"not YAML: {shorten(str(error))}")
    value, values, keys = _plain(root, path, text, faults)
    tail = None if closed else _tail(root, text)
    return Document(path, text, value, tuple(faults), (values, keys), tail=tail)


_NO_SPACE = re.compile(r"\s*(?:- +)?([A-Za-z_]\w*):([^\s:/].*)")


def _mended(text: str, line: int) -> str:
    """How to mend what is not YAML: the line at fault, or the one above, may lack a space."""
    for number, one in list(enumerate(text.split("\n"), start=1))[max(0, line - 2) : line]:
        found = _NO_SPACE.match(one)
        if found:
            spaced = shorten(f"{found[1]}: {found[2]}")
            return f"line {number}: put a space after the colon: `{spaced}`"
    return "check indentation, quotes and colons"


def _tail(root: _Node, text: str) -> Path:
    """The path of the last thing in the file that could go on, were there more of it.

    What is in brackets or on a line that is ended is whole; what goes on in lines of its own
    is not known to be.
    """
    path: Path = ()
    node = root
    while node.value and node.kind != "scalar" and not node.flow:
        if node.kind == "list":
            path, node = (*path, len(node.value) - 1), node.value[-1]
        else:
            key, node = node.value[-1]
            path = (*path, str(key.value))
    return path if not text.endswith("\n") else path[:-1]


def _yaml_tree(
    path: str, text: str, events: Iterator[Any], faults: list[Fault]
) -> tuple[_Node, bool]:
    """Build the node tree from parser events, on a stack of our own: no recursion, no tags.

    Also says whether the document is ended by the line `...`.
    """
    import yaml

    anchors: dict[str, _Node] = {}
    open_nodes: list[_Node] = []
    pending_keys: list[_Node | None] = []
    root: _Node | None = None
    documents, closed = 0, False
    document = Document(path, text, None)

    def place(mark: Any) -> Span:
        return Span(path, mark.line + 1, mark.column + 1)

    def attach(node: _Node) -> None:
        nonlocal root
        if not open_nodes:
            root = node
            return
        parent = open_nodes[-1]
        if parent.kind == "list":
            parent.value.append(node)
        elif pending_keys[-1] is None:
            if node.kind != "scalar" or node.value is None:
                _reject(node.span, text, "key", "a key must be a word", "write `word: value`")
            pending_keys[-1] = node
        else:
            parent.value.append((pending_keys[-1], node))
            pending_keys[-1] = None

    for event in events:
        raw: Any = event
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                span = place(event.start_mark)
                _reject(
                    span, text, "syntax", "a second document starts here", "one document a file"
                )
        elif isinstance(event, yaml.DocumentEndEvent):
            closed = bool(raw.explicit)
        elif isinstance(event, yaml.AliasEvent):
            span = place(event.start_mark)
            target = anchors.get(raw.anchor)
            if target is None:
                _reject(span, text, "alias", f"no anchor `{shorten(raw.anchor)}` before this alias")
            if any(target is node for node in open_nodes):
                _reject(span, text, "alias", "an alias inside the thing it stands for")
            attach(target)
        elif isinstance(event, yaml.NodeEvent):
            span = place(event.start_mark)
            if raw.tag not in (None, "!"):
                what = f"the tag `{shorten(raw.tag)}` is not used here"
                faults.append(document.fault_at(span, "tag", what, "drop it"))
            if isinstance(event, yaml.ScalarEvent):
                is_key = (
                    bool(open_nodes)
                    and open_nodes[-1].kind == "mapping"
                    and (pending_keys[-1] is None)
                )
                tagged = raw.tag not in (None, "!")
                plain = event.implicit[0] or (tagged and event.style is None)
                value = _yaml_scalar(event.value) if plain and not is_key else event.value
                if _FORBIDDEN.search(event.value):
                    faults.append(document.fault_at(span, "encoding", BAD_TEXT))
                    value = _FORBIDDEN.sub("\ufffd", event.value)
                node = _Node("scalar", value, span)
                attach(node)
            else:
                kind = "list" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
                node = _Node(kind, [], span, flow=bool(raw.flow_style))
                attach(node)
                if len(open_nodes) >= MAX_DEPTH:
                    _reject(span, text, "too-deep", f"nested more than {MAX_DEPTH} levels deep")
                open_nodes.append(node)
                pending_keys.append(None)
            if event.anchor is not None:
                anchors[event.anchor] = node
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            open_nodes.pop()
            pending_keys.pop()
    return root or _Node("scalar", None, Span(path, 1, 1)), closed


def _yaml_scalar(text: str) -> Any:
    """What a plain scalar is, after YAML 1.2's core schema; dates stay words."""
    if text in _YAML_NULL:
        return None
    if text in _YAML_BOOL:
        return _YAML_BOOL[text]
    return Num(text) if _YAML_NUMBER.fullmatch(text) else text


# --- JSON -----------------------------------------------------------------------------


class _Doubtful(Exception):
    """The quick reader met something that the careful one must look at."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _Doubtful
    return result


_QUICK = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=Num, parse_float=Num, parse_constant=Num
)


def _read_json(path: str, text: str) -> Document:
    def careful(faults: list[Fault]) -> _Placed:
        return _plain(_JsonReader(path, text, faults).read(), path, text, faults)

    def locate() -> tuple[dict[Path, Span], dict[Path, Span]]:
        _, values, keys = careful([])
        return values, keys

    # Surrogate and control-character escapes are legal JSON that only the careful reader checks.
    if not any(escape in text for escape in ("\\u", "\\b", "\\f")):
        try:
            value = _QUICK.decode(text)
            if _shallow(value):
                return Document(path, text, value, _locate=locate)
        except (_Doubtful, ValueError, RecursionError):
            pass
    faults: list[Fault] = []
    value, values, keys = careful(faults)
    return Document(path, text, value, tuple(faults), (values, keys))


def _shallow(value: Any) -> bool:
    """Whether a value is nested at most `MAX_DEPTH` deep."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return True
        inside = [v.values() if isinstance(v, dict) else v for v in level if v]
        level = [child for each in inside for child in each if isinstance(child, dict | list)]
    return not level


class _JsonReader:
    """A JSON reader that keeps places (RFC 8259, plus the words NaN and Infinity as `Num`)."""

    _space = re.compile(r"[ \t\n\r]*")
    _number = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
    _chunk = re.compile(r'[^"\\\x00-\x1f]*')
    _escapes: ClassVar[dict[str, str]] = {
        '"': '"',
        "\\": "\\",
        "/": "/",
        "b": "\b",
        "f": "\f",
        "n": "\n",
        "r": "\r",
        "t": "\t",
    }
    _words: ClassVar[dict[str, Any]] = {
        "true": True,
        "false": False,
        "null": None,
        "NaN": Num("NaN"),
        "Infinity": Num("Infinity"),
        "-Infinity": Num("-Infinity"),
    }

    def __init__(self, path: str, text: str, faults: list[Fault]) -> None:
        self.path, self.text, self.at, self.faults = path, text, 0, faults
        self.line_starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def read(self) -> _Node:
        node = self._value(0)
        self._skip()
        if self.at < len(self.text):
            self._fail("something follows the end of the value")
        return node

    def _span(self) -> Span:
        from bisect import bisect_right

        line = bisect_right(self.line_starts, self.at)
        return Span(self.path, line, self.at - self.line_starts[line - 1] + 1)

    def _fail(self, message: str, hint: str = "", code: str = "syntax") -> NoReturn:
        _reject(
            self._span(), self.text, code, f"not JSON: {message}" if code == "syntax" else message
        )

    def _skip(self) -> None:
        match = self._space.match(self.text, self.at)
        assert match
        self.at = match.end()

    def _take(self, character: str) -> bool:
        self._skip()
        if self.text.startswith(character, self.at):
            self.at += 1
            return True
        return False

    def _value(self, depth: int) -> _Node:
        self._skip()
        span = self._span()
        if depth >= MAX_DEPTH and self.text.startswith(("{", "["), self.at):
            self._fail(f"nested more than {MAX_DEPTH} levels deep", code="too-deep")
        if self._take("{"):
            return self._mapping(span, depth)
        if self._take("["):
            return self._list(span, depth)
        if self.text.startswith('"', self.at):
            return _Node("scalar", self._string(), span)
        for word, value in self._words.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return _Node("scalar", value, span)
        number = self._number.match(self.text, self.at)
        if not number:
            self._fail("a value is missing here" if self.at < len(self.text) else "the file ends")
        self.at = number.end()
        return _Node("scalar", Num(number.group()), span)

    def _list(self, span: Span, depth: int) -> _Node:
        items: list[_Node] = []
        if self._take("]"):
            return _Node("list", items, span)
        while True:
            items.append(self._value(depth + 1))
            if self._take("]"):
                return _Node("list", items, span)
            if not self._take(","):
                self._fail("expected `,` or `]`")

    def _mapping(self, span: Span, depth: int) -> _Node:
        items: list[tuple[_Node, _Node]] = []
        if self._take("}"):
            return _Node("mapping", items, span)
        while True:
            self._skip()
            key_span = self._span()
            if not self.text.startswith('"', self.at):
                self._fail("expected a key in double quotes")
            key = _Node("scalar", self._string(), key_span)
            if not self._take(":"):
                self._fail("expected `:`")
            items.append((key, self._value(depth + 1)))
            if self._take("}"):
                return _Node("mapping", items, span)
            if not self._take(","):
                self._fail("expected `,` or `}`")

    def _string(self) -> str:
        start = self._span()
        self.at += 1
        parts: list[str] = []
        while True:
            match = self._chunk.match(self.text, self.at)
            assert match
            parts.append(match.group())
            self.at = match.end()
            if self.at >= len(self.text):
                self._fail("a text is not closed")
            character = self.text[self.at]
            if character == '"':
                self.at += 1
                break
            if character != "\\":
                self._fail("a control character inside a text")
            parts.append(self._escape())
        # Joining makes surrogate pairs one character; a lone half stays and is refused below.
        text = "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        whole = "".join(parts)
        if _FORBIDDEN.search(text) or (
            "\ufffd" in text and text.count("\ufffd") > whole.count("\ufffd")
        ):
            document = Document(self.path, self.text, None)
            self.faults.append(document.fault_at(start, "encoding", BAD_TEXT))
            return _FORBIDDEN.sub("\ufffd", text)
        return text

    def _escape(self) -> str:
        letter = self.text[self.at + 1 : self.at + 2]
        if letter == "u":
            digits = self.text[self.at + 2 : self.at + 6]
            if not re.fullmatch("[0-9a-fA-F]{4}", digits):
                self._fail("`\\u` needs four hexadecimal digits")
            self.at += 6
            return chr(int(digits, 16))
        if letter not in self._escapes or not letter:
            self._fail(f"`\\{letter}` is not an escape of JSON")
        self.at += 2
        return self._escapes[letter]
