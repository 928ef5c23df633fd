"""The statements of an eligibility text: what each line of it says, and in which kind.

Headings, cohorts and lists are told apart by layout alone (`engine.drafting.lines` reads it);
what is doubtful is a note to the author. No word is lost: each stands in a statement, in the
heading under which it stands, or in a note, as what is set aside does: a section of definitions.
"""

from __future__ import annotations

import re
from dataclasses import replace

from engine.drafting.draft import (
    ASIDE,
    REMARK,
    SENTENCE,
    SPEAKING_HEADING,
    Doubts,
    Draft,
    Place,
    Statement,
    asks,
    key_of,
)
from engine.drafting.headings import Heading, label_of, one_line
from engine.drafting.lines import COHORT, Line, counts_on, lines_of
from engine.drafting.remarks import (
    doubt_remarks,
    group_remarks,
    layout_remarks,
    remarks_on,
    some_of,
)

_EXCLUDES = re.compile(
    r"\b(?:exclu\w+|ineligible|not\s+(?:be\s+)?eligible|(?:must|may|should|shall|can)\s*not)\b",
    re.IGNORECASE,
)
_DOUBTFUL = re.compile(
    r"\bnot\s+(?:be\s+)?(?:an?\s+)?exclu|\bno\s+exclu|\bexcept|\bunless|\binclusion\b",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"(?:all\s+)?(?:patient|participant|subject|candidate|volunteer)s?\s+(?:must|should|shall|will"
    r"|need\s+to|have\s+to)\s*(?:meet|fulfil\w*|satisfy|have|be)?\s*(?:all|each)?(?:\s+of)?"
    r"(?:\s+(?:the|these))?(?:\s+following)?(?:\s+(?:criteria|conditions))?",
    re.IGNORECASE,
)
"""A sentence that says nothing before its list: `Patients must meet all of the following:`."""

_CHOICE = re.compile(
    r"\b(?:one|any|either|two|three|\d+)\s+(?:\w+\s+)?of\b|\bor\s+more\b|\beither\b", re.IGNORECASE
)
_TOGETHER = re.compile(
    r"\b(?:two|three|four|[2-9])\s+(?:or\s+more\s+)?(?:\w+\s+)?of\b"
    r"|\b(?:all|both)\s+(?:\w+\s+)?of\b(?!.*\bcriteri)",
    re.IGNORECASE,
)
"""Parts that exclude only together: `Two or more of the following:`."""

_DOUBTED = re.compile(
    r"(?P<asked>\brequirements?\b|\brequired\b|\brandomi[sz]ation\s+criteria\b)"
    r"|\b(?:allowed|permitted|acceptable|procedures?|restrictions?)\b",
    re.IGNORECASE,
)
"""Headings of what may be no criterion; what is asked for does not exclude."""

_VALUE = re.compile(r"[A-Z][\w ()/-]{0,40}:(?:\s|$)")  # `Platelets: 100 G/L or more`
_TITLE = re.compile(
    r"(?:the\s+)?(?:(?:study|trial|target|patient|subject|participant)s?\s+)?(?:population|eligibility"
    r"|selection|enrol?lment|selection\s+of\s+(?:study\s+)?(?:patients|subjects|participants)"
    r"|participants|subjects)(?:\s+criteria)?",
    re.IGNORECASE,
)
"""Titles above the headings of kind, which are no criteria."""

_NONE = re.compile(
    r"(?:none(?:\s+(?:known|specified|stated|listed))?|n\.?/?a\.?|nil|not\s+applicable"
    r"|no\s+exclusions?|(?:there\s+are\s+)?no\s+(?:(?:other|specific|further|additional|formal)\s+)?"
    r"(?:in|ex)clusion\s+criteria)[\s.]*",
    re.IGNORECASE,
)
_MAY_APPLY = re.compile(
    r".{0,80}\bcriteria\b.{0,40}\b(?:may|might|could|will|also)\s+(?:also\s+)?appl(?:y|ies)\b.{0,40}"
    r"|.{0,40}\bcontact\b.{0,60}\binformation\b.{0,40}|.{0,20}\binformation\b.{0,60}\bcontact\b.{0,60}",
    re.IGNORECASE,
)
"""`Other protocol-defined criteria may apply`."""

_JOINT = re.compile(r"\W*(?:and|or|and\s*/\s*or)\W*", re.IGNORECASE)
_OR_AFTER = re.compile(r"(?:^|[\s,;])(?:and\s*/\s*)?or[\s,;:*_]*$", re.IGNORECASE)
_OR_BEFORE = re.compile(r"\W*(?:and\s*/\s*)?or\b(?!\.)", re.IGNORECASE)
_DEFINED = re.compile(r"\bdefined\b|\bas\s+follows\b", re.IGNORECASE)


def statements(
    text: str, notes: list[str], aside: list[tuple[str, str]] | None = None
) -> list[Statement]:
    """The statements of an eligibility text, in its order. `notes` gets what is doubtful, `aside`
    what is no criterion: its heading and its words."""
    lines = _owned(lines_of(text, notes))
    at = Place()
    found: list[Draft] = []
    labels: list[str] = []
    doubts = Doubts()
    above_all = None
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else None
        if line.heading is not None:
            _keep_loose(at, found)
            above_all = len(found) if above_all is None else above_all
            at.kind = line.heading.kind
            at.leave(line.heading)
            labels.append("" if line.heading.loose else line.heading.group)
        elif _is_title(line, following, at):
            doubts.titles.append(label_of(line.whole))
        elif _names_cohort(line, following, not found and at.kind is None):
            _keep_loose(at, found)
            at.cohort = label_of(line.text or line.whole)
            at.leave(None)
            labels.append(at.cohort)
        elif _is_between(lines, number, at, found):
            found[-1].add_words(line)
            doubts.joined.append(line.whole)
        elif not line.mark and found and not at.fresh and _JOINT.fullmatch(line.whole):
            found[-1].add_words(line)
        elif _names_group(line, following, at):
            label = label_of(line.text or line.whole)
            _open_group(at, label, following, found, doubts)
            labels.append(label)
        elif line.mark:
            _take_item(line, at, found)
        else:
            below = _take_words(line, lines[number - 1] if number else None, at, found)
            if below and not at.last and _resumes(lines, number, at) is not None:
                doubts.between.append(line.whole)
    _keep_loose(at, found)
    if above_all and any(not one.group for one in found[:above_all]):
        words = [one.lines[0] for one in found[:above_all] if not one.group]
        what = "stands" if len(words) == 1 else "stand"
        notes.append(f"{some_of(words)} {what} above the first heading: taken as inclusion; check")
    used = {part for one in found for part in (*one.group, one.aside)}
    found = _set_aside(found, notes, aside)
    kept = [
        Statement(one.kind, "\n".join(one.lines), ", ".join(one.group), one.own) for one in found
    ]
    notes += remarks_on(kept, at.kind is not None or any(line.heading for line in lines))
    notes += layout_remarks(found)
    notes += doubt_remarks(doubts)
    for label in dict.fromkeys(labels):
        if label and label not in used:
            notes.append(f"nothing stands under `{label}`")
    notes += group_remarks([one.group for one in found], [*doubts.turned, *doubts.doubted])
    return kept


def _owned(lines: list[Line]) -> list[Line]:
    """The lines, with `Patient` as a cohort where others have criteria too: `Caregiver`."""
    headings = [line.heading for line in lines if line.heading is not None]
    if not any(
        one.group and not one.everybody and not one.loose and len(one.group.split()) <= 4
        and not COHORT.search(one.group) and not SENTENCE.search(one.group)
        and not SPEAKING_HEADING.search(one.group)
        for one in headings
    ):  # fmt: skip
        return lines
    return [
        replace(line, heading=replace(line.heading, group=line.heading.whose))
        if line.heading is not None and line.heading.whose and not line.heading.everybody
        else line
        for line in lines
    ]


def _set_aside(
    found: list[Draft], notes: list[str], aside: list[tuple[str, str]] | None
) -> list[Draft]:
    """The drafts that are criteria; the words of the others stand in notes."""
    kept = []
    apart: dict[str, list[str]] = {}
    for one in found:
        if one.aside:
            mark = "- " if one.marked else ""
            head = "".join(f"{part}: " for part in one.group)
            apart.setdefault(one.aside, []).append(mark + head + "\n".join(one.lines))
        elif len(one.lines) == 1 and (
            _NONE.fullmatch(one.lines[0]) or _MAY_APPLY.fullmatch(one.lines[0])
        ):
            where = ", ".join((one.kind, *one.group))
            notes.append(f"`{one.lines[0]}` under {where} is taken as no criterion")
        else:
            kept.append(one)
    for label, words in apart.items():
        said = "; ".join(f"`{one_line(one.removeprefix('- '))}`" for one in words)
        notes.append(f"`{label}` holds no criteria of eligibility, so this is set aside: {said}")
        if aside is not None:
            aside.append((label, "\n".join(words)))
    return kept


def _keep_loose(at: Place, found: list[Draft]) -> None:
    """Keep what a heading that ends was thought to name, if nothing stood under it."""
    if at.heading is not None and at.heading.loose and at.fresh:
        at.heading, words = replace(at.heading, group="", loose=False), at.heading.group
        found.append(Draft(at.here, at.group, [words], False))


def _is_title(line: Line, following: Line | None, at: Place) -> bool:
    """Whether a line is a title above the headings of kind: `STUDY POPULATION`."""
    if line.mark or following is None or following.heading is None or at.kind is not None:
        return False
    return _TITLE.fullmatch(label_of(line.whole)) is not None


def _names_cohort(line: Line, following: Line | None, first: bool) -> bool:
    """Whether a line stands above a heading of kind, and names whom that is about."""
    if following is None or following.heading is None:
        return False
    label = label_of(line.text or line.whole)
    if len(label) > 120:
        return False
    if COHORT.fullmatch(label) and not label.endswith((".", ";")):
        return True
    if line.mark or line.whole[0].isdigit() or ASIDE.fullmatch(label):
        return False
    if first and label.isupper() and len(label.split()) <= 6 and not re.search(r"\d", label):
        return True
    return line.whole.rstrip("*_ ").endswith((":", "："))


def _is_bold(line: Line) -> bool:
    return re.fullmatch(r"(\*{1,3}|_{1,3})[^*_]+\1\W*|#+\s.*", line.whole) is not None


def _resumes(lines: list[Line], number: int, at: Place) -> int | None:
    """Where the list in which a line without a mark stands goes on below it."""
    for place in range(number + 1, min(number + 50, len(lines))):
        line = lines[place]
        if line.heading is not None:
            return None
        if line.mark and line.style == at.style:
            if at.last:
                return place if counts_on({at.last}, line.value) else None
            return place if line.indent == at.base else None
    return None


def _is_between(lines: list[Line], number: int, at: Place, found: list[Draft]) -> bool:
    """Whether words stand between two numbers of a list, and so belong to the first."""
    line = lines[number]
    if line.mark or at.fresh or not at.last or not found or not found[-1].marked:
        return False
    label = label_of(line.whole)
    named = line.whole.rstrip("*_ ").endswith((":", "："))
    if not (line.gap or named) or (at.base is not None and line.indent > at.base):
        return False
    if COHORT.match(label) or _is_bold(line) or label.isupper():
        return False
    if named and (_excludes(label) or ASIDE.fullmatch(label)):
        return False
    place = _resumes(lines, number, at)
    # `Healthy volunteers:` right above the next number is a heading.
    return place is not None and not (named and place == number + 1)


def _names_group(line: Line, following: Line | None, at: Place) -> bool:
    """Whether a line names the statements below it: `Cohort A:`, then a list."""
    label = label_of(line.whole)
    if line.value and following is not None and following.value == (1,) and not line.indent:
        # `4. Criteria for discontinuation:`, after `3. Exclusion criteria:` and its list
        section = label_of(line.text)
        return bool(ASIDE.fullmatch(section) or re.search(r"\bcriteria$", section))
    if line.mark or following is None or len(label) > 120:
        return False
    if at.base is not None and line.indent > at.base:
        return False
    below = bool(following.mark) or following.whole.endswith((":", "："))
    named = line.whole.rstrip("*_ ").endswith((":", "："))
    if ASIDE.fullmatch(label):
        short = len(label.split()) <= 4 and not label.endswith(".")
        return named or (line.gap and (short or _is_bold(line)))
    frame = _FRAME.fullmatch(label) is not None
    if not named:
        below = below or at.section.isupper()  # capitals have been headings before
        capitals = (
            following.heading is None
            and not following.text.isupper()
            and re.fullmatch(r"[A-Z][A-Z\s/&,()'-]{3,}", label) is not None
        )
        sure = _is_bold(line) or frame or capitals or COHORT.fullmatch(label) is not None
        return below and line.gap and sure
    if _excludes(label):
        return True
    # "One of the following:" and its list say one thing together; so does a definition.
    below = below or (following.gap and frame)
    together = _DEFINED.search(label) or (
        _CHOICE.search(label) if at.here == "inclusion" else _TOGETHER.search(label)
    )
    # A heading of headings stands above one, as `PATIENT CHARACTERISTICS:` does.
    return below and not together


def _excludes(label: str) -> bool:
    return bool(_EXCLUDES.search(label)) and not _DOUBTFUL.search(label)


def _open_group(
    at: Place, label: str, following: Line | None, found: list[Draft], doubts: Doubts
) -> None:
    if _excludes(label) and re.search(r"exclu|eligible", label, re.IGNORECASE):
        # "Patients will be excluded if:" is as good as a heading, and holds like one.
        _keep_loose(at, found)
        if at.kind != "exclusion":
            doubts.turned.append(label)
        at.kind = "exclusion"
        at.leave(Heading("exclusion", label))
        return
    aside = ASIDE.fullmatch(label)
    if aside is None and at.aside and not _DOUBTED.search(label) and not _excludes(label):
        # `Relapse:` under `Definitions:` is one of them.
        prose = ASIDE.fullmatch(at.aside)
        if prose and prose["prose"] and len(label.split()) <= 4 and not label.isupper():
            at.inner = label
            at.new_list()
            return
    at.aside = label if aside else ""
    outer = following is not None and not following.mark and following.whole.endswith((":", "："))
    if aside:
        _keep_loose(at, found)
        at.section = at.inner = ""
        at.over = None
    elif outer or (label.isupper() and (at.section.isupper() or not at.section)):
        at.section, at.inner = label, ""
        at.over = "exclusion" if _excludes(label) else None
    else:
        at.inner = label
        at.over = "exclusion" if _excludes(label) or _excludes(at.section) else None
    if at.over == "exclusion":
        at.over = None if at.kind == "exclusion" else at.over
        if at.over:
            doubts.turned.append(label)
    elif not aside and (doubted := _DOUBTED.search(label)):
        doubts.doubted[label] = ""
        if doubted["asked"] and at.kind == "exclusion":
            at.over = "inclusion"
            doubts.doubted[label] = ", and is taken as inclusion"
    at.new_list()


def _drafted(line: Line, at: Place) -> Draft:
    """A statement that begins with a line."""
    marked = bool(line.mark)
    inner = (at.inner,) if at.inner else ()
    group = inner if at.aside else at.group
    words = line.text if marked else line.whole
    levels = [(line.indent, key_of(line))]
    return Draft(at.here, group, [words], marked, levels, line.own, at.aside)


def _take_item(line: Line, at: Place, found: list[Draft]) -> None:
    """A line with a mark: a statement, or a part of the one above it."""
    if found and not at.fresh and _belongs(line, at, found[-1]):
        if line.indent <= (at.base if at.base is not None else line.indent):
            at.run = line.style
        level = line.style == at.style and line.indent <= (at.base or 0)
        if level and _by_or(line, at, found[-1]):
            # A sibling, but for the `or` between them; its number counts on.
            found[-1].joined = True
            at.run, at.last = "", line.value
            if line.value:
                at.tops[line.style] = line.value
        found[-1].add_item(line)
    else:
        at.base = line.indent if at.base is None else min(at.base, line.indent)
        at.style, at.last, at.run = line.style, line.value, ""
        if line.value:
            at.tops[line.style] = line.value
        at.parent = at.fresh = False
        found.append(_drafted(line, at))
    if line.value:
        at.numbers.add(line.value)


def _by_or(line: Line, at: Place, above: Draft) -> bool:
    """Whether an `or` stands between an item and what is above it: apart, both were required."""
    if at.here != "inclusion" or not above.marked:
        return False
    before = line.style == at.style and _OR_BEFORE.match(line.text)
    return bool(before or _OR_AFTER.search(above.lines[-1]))


def _counts_on(last: dict[str, tuple[int, ...]], line: Line) -> bool:
    return line.style in last and counts_on({last[line.style]}, line.value)


def _belongs(line: Line, at: Place, above: Draft) -> bool:
    """Whether an item is a part of the statement above it."""
    if len(line.value) > 1 and line.value[:-1] in at.numbers:
        return True
    if _by_or(line, at, above):
        return True
    within = (at.parent or line.style != at.style) and _counts_on(above.parts, line)
    goes_on = _counts_on(at.tops, line) and not within
    if at.parent:
        if goes_on or len(above.levels) < 2 or line.indent > above.levels[1][0] + 1:
            return not goes_on
        # Below `a)` and `b)` a bullet begins another list, and the other way round.
        numbered = "/" in above.levels[1][1]
        return numbered == bool(line.value) or asks(above.lines[-1])
    if at.base is None:
        return False
    if line.indent > at.base + 1:
        return True
    if goes_on:
        return False
    if line.indent > at.base:
        return above.asks()
    inside = line.style == at.run or any(key == key_of(line) for _, key in above.levels[1:])
    return line.style != at.style and (inside or above.asks())


def _take_words(line: Line, above: Line | None, at: Place, found: list[Draft]) -> bool:
    """A line without a mark: it goes on with the statement above it, or is one. Returns
    whether it is one below a list."""
    last = found[-1] if found and not at.fresh else None
    if last is not None and above is not None and not line.gap and _goes_on(line, above, last):
        inside = at.base is not None and at.base < line.indent <= last.levels[-1][0]
        if inside and len(last.levels) > 1 and len(above.whole) < 60:
            last.add_words(line)  # not broken, so it goes on with the whole
        elif REMARK.match(line.whole):
            last.lines.append(line.whole)
        elif (
            at.base is not None
            and line.indent > at.base
            and (above.whole[-1] in ":;：；" or _VALUE.match(line.whole))
        ):
            last.add_words(line)
        else:
            last.lines[-1] += " " + line.whole
        return False
    if last is not None and at.base is not None and line.indent > at.base:
        last.add_words(line)
        return False
    deeper = last is not None and not last.marked and line.indent > last.levels[0][0] + 1
    if last is not None and deeper and asks(last.lines[0]):
        last.add_words(line)
        return False
    below = last is not None and last.marked
    if below and at.over != "exclusion" and not COHORT.match(at.inner):
        at.inner = at.aside = ""  # a list under its heading has ended
        at.over = None
    found.append(_drafted(line, at))
    at.fresh, at.run = False, ""
    at.parent = asks(line.whole)
    return below


def _goes_on(line: Line, above: Line, last: Draft) -> bool:
    """Whether words without a mark, right below others, are of one sentence with them."""
    if last.marked or above.mark or line.whole[0].islower():
        return True
    # A line that was broken is long; a short one is a statement of its own.
    return not above.whole.endswith((".", ";")) and (
        above.whole.endswith((",", "(")) or len(above.whole) >= 60
    )
