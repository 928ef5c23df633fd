"""The lines of an eligibility text as study records hold it: headings, marks of lists, words.

The text is Markdown more or less, and layout is all that says what is what. A line may hold a
heading inside it, or a whole list: such lines are parted. What looks like a mark is one only
where a list counts on, so `2.5 mg` and `E. coli` at the beginning of a line stay words.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

from engine.drafting.headings import BULLETS, Heading, heading_of, spoken_heading
from engine.read.source import shorten

_EMPHASIS = r"(?!(?<=\*)[^\s*][^*]*\*[\s:：.]*$)"  # `*Cohort 1:*` has no bullet
_BULLET = re.compile(
    rf"(?P<mark>[{BULLETS}])(?<!\*(?=\*)){_EMPHASIS}(?:\s+|(?=[^\s\d.,)*]))(?P<text>\S.*)$"
    r"|(?P<weak>[o+])(?P<wide>\s)\s*(?P<words>\S.*)$"
)
"""A bullet; `o` and `+` are weak ones, which may be words."""

_CIRCLED = "\u2460-\u249b\u2776-\u2793"
_NUMBER = r"\d{1,3}(?:\.\d{1,3}){0,4}"
_ORDERED = re.compile(
    rf"""(?P<mark>(?:[(（\[]|\#(?=\d))?
    (?P<value>{_NUMBER}|[ivx]{{1,5}}|[IVX]{{1,5}}|[A-Za-z]|[{_CIRCLED}])
    (?P<close>\.?[)\]）]|[.．、]|/(?=\s)|\s?-|(?=\s)|(?<=[{_CIRCLED}])))
    (?P<space>\s*)(?P<text>[^\s.,)].*)$""",
    re.VERBOSE,
)
_OWN = re.compile(
    r"(?P<mark>[\[(]?(?P<own>(?P<prefix>I|E|IC|EC|IN|EX|INC|EXC|INCL|EXCL)[-_#.]?(?P<value>\d{1,3}))"
    r"(?P<close>[.):\]]+|\s[-–—](?=\s)|(?=\s)))\s*(?P<text>[^\s.,)].*)$"
)
"""A criterion's own number in its protocol: `E1.`, `[I3]`, `EX01`."""

_INSIDE = re.compile(
    r"""(?P<end>\S)\s+
    (?P<heading>(?:(?:key|main|major|general)\s+)?(?:non-?)?(?:inclusion|exclusion)
      (?:\s+criteri(?:a|on)(?:\s*[:：]|(?=\s+(?:\(?1[.)]|[*•-])\s))|\s*[:：]))""",
    re.IGNORECASE | re.VERBOSE,
)
_MENTION = re.compile(
    r"\b(?:the|an?|any|all|of|these|those|following|meets?|met|no|not|and|or|per|other|with|for"
    r"|by|under|see|in|to)$",
    re.IGNORECASE,
)
_WIDE = re.compile(
    r"^(\W*(?:(?:key|main)\s)?(?:inclusion|exclusion)\scriteria)(?=\s{2,}\w)", re.IGNORECASE
)
"""A heading with a wide gap, once a tab, where others have a colon."""

_KIND = re.compile(r"\b(?:inclusion|exclusion)\b", re.IGNORECASE)
COHORT = re.compile(
    r"(?:sub-?)?(?:cohort|part|phase|arm|group|stratum|period)s?\s+(?:\d+\w?|[A-Z]|[IVX]+[ab]?)"
    r"(?:\s*(?:[-–—:(/,&]|and\b).*)?",
    re.IGNORECASE,
)
"""A line that begins with a cohort's name: `Cohort A`, `Part 2: dose expansion`."""

UNFINISHED = re.compile(
    r"\b(?:of|either|both|following(?:\s+[\w/-]+){0,5}|(?:of|all|any)\s+(?:these|those)"
    r"|including|includes?|such\s+as|defined\s+(?:as|by)|as\s+follows|who|with|without|are|is"
    r"|have|has|had|must|or|and|that|if|by|for|in|to|than)\s*[,;–—-]*\s*$",
    re.IGNORECASE,
)
"""The end of words that say nothing without what follows them: `Patients with one of`."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank. `mark` is its bullet or number, "" where it has none; `value`
    says which of its list an ordered mark is: (1, 2) for `1.2`, (3,) for `c)`. `own` is the
    criterion's own number in its protocol."""

    whole: str
    indent: int
    gap: bool
    heading: Heading | None = None
    mark: str = ""
    style: str = ""
    value: tuple[int, ...] = ()
    text: str = ""
    own: str = ""


def lines_of(text: str, notes: list[str]) -> list[Line]:
    """The lines of a text, those parted that hold a heading or a whole list."""
    lines: list[Line] = []
    gap, base = True, None
    for raw in _cleaned(text):
        if not raw.strip():
            gap = True
            continue
        indent = len(raw) - len(raw.lstrip())
        marked = _BULLET.match(raw.strip()) or _ORDERED.match(raw.strip())
        # `Exclusion: ...` below an item belongs to the item, and turns nothing.
        nested = marked is not None and base is not None and indent > base + 1
        for number, part in enumerate([raw.strip()] if nested else _parts(raw.strip())):
            heading = heading_of(part)
            if heading is not None and ((nested and heading.rest) or _wraps(part, gap, lines)):
                heading = None
            if heading is None:
                pieces = _listed(part)
                base = base if not marked else indent if base is None else min(base, indent)
            else:
                if heading.kind is None:
                    notes.append(
                        f"`{shorten(part)}` names both kinds: what stands under it is taken as "
                        "inclusion; check each"
                    )
                elif heading.rest and marked and base is not None and not number:
                    notes.append(
                        f"`{shorten(part)}` stands in a list: what follows it is taken as "
                        f"{heading.kind}; check each"
                    )
                base = None
                if number:
                    notes.append(
                        f"`{shorten(_INSIDE_END.sub('', part))}` stands inside a paragraph: "
                        f"what follows it is taken as {heading.kind}; check each"
                    )
                lines.append(Line(part, indent, gap, heading))
                pieces = _listed(heading.rest) if heading.rest else []
                gap = True
            for piece in pieces:
                lines.append(Line(piece, indent, gap))
                gap = False
        gap = False
    lines = _marked(lines)
    for number, (line, following) in enumerate(pairwise(lines)):
        # `Exclusion criteria include`, then a list.
        if not line.mark and line.heading is None and following.mark:
            short = len(line.whole.split()) <= 10 and not line.whole.endswith((".", ";", ","))
            if short and (line.gap or line.whole[0].isupper()):
                heading = spoken_heading(f"{line.whole.rstrip(':：')}:")
                lines[number] = replace(line, heading=heading)
    return lines


def _wraps(part: str, gap: bool, lines: list[Line]) -> bool:
    """Whether `exclusion criteria` on a line of its own is the end of a broken sentence."""
    return bool(lines) and not gap and part[0].islower() and ":" not in part


def _cleaned(text: str) -> list[str]:
    """The lines of a text without the registry's escapes."""
    plain = html.unescape(re.sub("\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text))
    plain = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", plain.replace("\t", "    "))
    plain = re.sub("[\x00-\x09\x0e-\x1f\x7f\u200b\ufeff\ufffe\uffff\ud800-\udfff]", "", plain)
    lines = [line.replace("\u00a0", " ").rstrip() for line in plain.split("\n")]
    return [_WIDE.sub(r"\1:", line) for line in lines]


_INSIDE_END = re.compile(r"(?<=[:：]).*$", re.DOTALL)


def _parts(line: str) -> list[str]:
    """A line parted before each heading that stands inside it, after other words."""
    cuts = [0]
    for match in _INSIDE.finditer(line):
        before, heading = line[: match.end("end")], match["heading"]
        # Small letters in the middle of a sentence speak of criteria: `the exclusion criteria:`.
        ends = before[-1] in ".;:!?)]"
        if not cuts[1:] and _opens(before, match["heading"]):
            continue
        if _MENTION.search(before) or not (ends or heading[0].isupper()):
            continue
        if ends or re.search(r"criteri", heading, re.IGNORECASE):
            cuts.append(match.start("heading"))
    return [line[a:b].strip() for a, b in zip(cuts, [*cuts[1:], len(line)], strict=True)]


def _opens(before: str, heading: str) -> bool:
    """Whether a line's first words belong to its heading: `1. `, `Main`, `Part A`."""
    if re.fullmatch(r"[\W\d_]*(?:[A-Za-z]|[ivxIVX]{1,4})?[.)]?", before):
        return True
    if before[-1] in ".;:!?" or _KIND.search(before):
        return False
    marked = _BULLET.match(before) or _ORDERED.match(before)
    label = marked["text"] if marked and marked["text"] else before
    named = heading_of(f"{label} {heading.rstrip(':： ')}:")
    return named is not None and (not marked or not named.group or bool(COHORT.match(label)))


def _listed(text: str) -> list[str]:
    """A list that stands in one line, `1) ...; 2) ... 3) ...`, as lines; else the line."""
    for first, other in (
        (r"\(1\)\s", r"\s(\({}\)\s)"), (r"1\)\s?", r"[\s;,]({}\)\s?)"),
        (r"1\.\s", r"[.;]\s({}\.\s)"),
        (r"a\)\s", r"\s({}\)\s)"), (r"\(a\)\s", r"\s(\({}\)\s)"),
    ):  # fmt: skip
        if not re.match(first, text):
            continue
        cuts, at = [0], 0
        for number in range(2, 500):
            sign = str(number) if "1" in first else chr(ord("a") + number - 1)
            found = re.compile(other.format(sign)).search(text, at)
            if found is None or not (sign.isdigit() or number <= 26):
                break
            at = found.start(1)
            cuts.append(at)
        return [text[a:b].strip() for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    bullet = re.match(r"[•●▪■]\s", text)
    if bullet:
        return [bullet[0] + part.strip() for part in text[1:].split(f" {bullet[0]}")]
    if re.match(r"[-–*]\s+[A-Z]", text):
        parts = text[1:].split(f" {text[0]} ")
        if len(parts) > 2 and all(part.strip()[:1].isupper() for part in parts):
            return [f"{text[0]} {part.strip()}" for part in parts]
    return [text]


def _marked(lines: list[Line]) -> list[Line]:
    """The lines with their marks. An amount at the beginning of a line (`2.5 mg`) or a genus
    (`E. coli`) looks like one: what counts is whether a list counts on there."""
    made: list[Line] = []
    seen: dict[str, set[tuple[int, ...]]] = {}
    last: dict[str, tuple[int, ...]] = {}
    ordered = [
        None if line.heading else _OWN.match(line.whole) or _ORDERED.match(line.whole)
        for line in lines
    ]
    options = [_readings(match) if match else [] for match in ordered]
    after: dict[str, tuple[int, ...]] = {}
    following: list[dict[str, tuple[int, ...]]] = []
    for readings in reversed(options):
        following.append(dict(after))
        after |= dict(readings)
    following.reverse()
    weak = Counter(line.whole[:2] for line in lines if line.heading is None)
    above = ""
    for line, match, readings, ahead in zip(lines, ordered, options, following, strict=True):
        before_it, above = above, line.whole
        if line.heading:
            made.append(line)
            continue
        bullet = _BULLET.match(line.whole)
        if bullet and bullet["weak"] and not _is_bullet(bullet, weak, before_it):
            bullet = None
        if bullet:
            text = bullet["text"] or bullet["words"]
            style = bullet["mark"] or bullet["weak"]
            made.append(replace(line, mark="-", style=style, text=text))
            continue
        chosen = None
        for style, value in readings:
            before = seen.get(style, set()) if style[0] == "1" else {last.get(style, ())}
            if style.startswith("own "):
                before = before - {()}  # one alone is a word: `E1. `
            if counts_on(before, value) or (
                style in ahead and counts_on(_with_parents(value), ahead[style])
            ):
                chosen = style, value
                break
        if match is None:
            made.append(line)
        elif chosen:
            style, value = chosen
            seen.setdefault(style, set()).update(_with_parents(value))
            last[style] = value
            mark = match["mark"].strip()
            own = match["own"] if match.re is _OWN else ""
            made.append(
                replace(line, mark=mark, style=style, value=value, text=match["text"], own=own)
            )
        elif match.re is not _OWN and _alone(match):
            style, value = readings[0]
            if value != (1,) and not line.gap and UNFINISHED.search(before_it):
                made.append(line)  # `Platelets of`, then `100. G/L`
                continue
            # The first of a list may be its only one; any other number stays in the words.
            text = match["text"] if value == (1,) else line.whole
            mark = match["mark"].strip() if value == (1,) else "-"
            made.append(replace(line, mark=mark, style=style, value=value, text=text))
        else:
            made.append(line)
    return made


def _is_bullet(match: re.Match[str], weak: Counter[str], above: str) -> bool:
    """Whether `o` or `+` before words is a bullet: others are, or nothing else makes sense."""
    words = match["words"]
    return (
        weak[match[0][:2]] > 1
        or above.endswith((":", "："))
        or not (words[0].islower() or words[0].isdigit())
        or match[0].startswith("o  ")
    )


def _alone(match: re.Match[str]) -> bool:
    """Whether an ordered mark needs no other beside it: `1. `, `3) `, `(b) `."""
    whole = match["value"].isdigit()
    if match["close"] in ("）", "、", "．"):
        return whole
    if not match["value"].isascii():
        return True
    if ")" in match["close"]:
        return whole or "(" in match["mark"] or bool(match["space"])
    return whole and match["close"] == "." and bool(match["space"])


def _readings(match: re.Match[str]) -> list[tuple[str, tuple[int, ...]]]:
    """The lists that a mark may belong to: `i)` stands between h and j, or before ii."""
    value, close = match["value"], match["close"].strip()
    if match.re is _OWN:
        sure = close or len(match["prefix"]) > 1
        return [(f"own {match['prefix']}", (int(value),))] if sure else []
    if not value.isascii():
        return [("①", (int(unicodedata.numeric(value)),))]
    if close in (".", "-") and not match["space"] and not value.replace(".", "").isdigit():
        return []  # `e.g.`, `i.e.`, `T-cell`
    if not close and "." not in value and match["mark"][0] != "#":
        return []  # `5 prior lines`, `A person`
    bracket = ")" if close[-1:] in (")", "]", "）") else ""
    if value[0].isdigit():
        return [("1" + bracket, tuple(int(one) for one in value.split(".")))]
    made: list[tuple[str, tuple[int, ...]]] = []
    if len(value) == 1:
        made.append((("a" if value.islower() else "A") + bracket, (ord(value.lower()) - 96,)))
    if set(value.lower()) <= set("ivx"):
        made.append((("i" if value.islower() else "I") + bracket, (_roman(value.lower()),)))
    return made


def _roman(numeral: str) -> int:
    worth = [{"i": 1, "v": 5, "x": 10}[letter] for letter in numeral]
    return sum(
        -one if any(other > one for other in worth[at + 1 : at + 2]) else one
        for at, one in enumerate(worth)
    )


def _with_parents(value: tuple[int, ...]) -> set[tuple[int, ...]]:
    return {value[: length + 1] for length in range(len(value))}


def counts_on(seen: set[tuple[int, ...]], value: tuple[int, ...]) -> bool:
    """Whether a list that holds `seen` goes on with `value`: 1.2 after 1.1, or 2.1 after 1.2."""
    *parent, last = value
    if (*parent, last - 1) in seen:
        return True
    if last != 1 or not parent:
        return False
    return tuple(parent) in seen or (*parent[:-1], parent[-1] - 1) in seen
