"""The report on an amendment: text for a terminal, HTML for the amendment's file.

It prints what the comparison's record says (`engine.workbench.diff_record`) and decides nothing.
Jinja2 is loaded on first use.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from engine.workbench.witness import file_lines
from reports.formats import HERE, environment

WIDTH = 80
MOST_SAID = 4
"""How many sentences of one version a terminal shows for one status; JSON and HTML have all."""

Plain = Mapping[str, Any]

RELATIONS: Mapping[str, str] = {
    "same": "the same",
    "stricter": "stricter",
    "looser": "looser",
    "different": "stricter for some, looser for others",
    "stricter-for-some": "stricter for some; whether looser for others is not decided",
    "looser-for-some": "looser for some; whether stricter for others is not decided",
    "undecided": "not decided within the limit",
    "never worse": "not stricter; whether looser is not decided",
    "never better": "not looser; whether stricter is not decided",
    "added": "added",
    "removed": "removed",
}
OF_ENTRIES: Mapping[str, str] = {
    **RELATIONS,
    "stricter": "narrower",
    "looser": "wider",
    "different": "narrower for some entries, wider for others",
    "stricter-for-some": "narrower for some entries; whether wider for others is not decided",
    "looser-for-some": "wider for some entries; whether narrower for others is not decided",
    "never worse": "not narrower; whether wider is not decided",
    "never better": "not wider; whether narrower is not decided",
}
"""Of a class or an event: which entries it takes."""

PROOFS: Mapping[str, str] = {
    "same": "Proved over everything that both versions accept.",
    "stricter": "Shown by a subject; proved that nobody stands better.",
    "looser": "Shown by a subject; proved that nobody stands worse.",
    "different": "Shown by a subject in each direction.",
    "stricter-for-some": "Shown by a subject; whether anybody stands better is not decided.",
    "looser-for-some": "Shown by a subject; whether anybody stands worse is not decided.",
    "undecided": "Not decided within the limit.",
    "never worse": "Proved that nobody stands worse; whether anybody stands better is not decided.",
    "never better": "Proved that nobody stands better; whether anybody stands worse is not"
    " decided.",
}
ENTRY_PROOFS: Mapping[str, str] = {
    **PROOFS,
    "stricter": "Shown by an entry; proved that it takes in no other.",
    "looser": "Shown by an entry; proved that it leaves out no other.",
    "different": "Shown by an entry in each direction.",
    "stricter-for-some": "Shown by an entry; whether it takes in others is not decided.",
    "looser-for-some": "Shown by an entry; whether it leaves out others is not decided.",
    "never worse": "Proved that it leaves out no entry; whether it takes in others is not decided.",
    "never better": "Proved that it takes in no other entry; whether it leaves out any is not"
    " decided.",
}
HEADLINES: Mapping[str, str] = {
    "same": "No verdict changes.",
    "stricter": "Some verdicts get worse, none gets better.",
    "looser": "Some verdicts get better, none gets worse.",
    "different": "Some verdicts get worse, and some better.",
    "stricter-for-some": "Some verdicts get worse; whether any gets better is not decided.",
    "looser-for-some": "Some verdicts get better; whether any gets worse is not decided.",
    "undecided": "Whether a verdict changes is not decided within the limit.",
    "never worse": "No verdict gets worse; whether any gets better is not decided.",
    "never better": "No verdict gets better; whether any gets worse is not decided.",
}
"""Of the verdict: a criterion may move otherwise."""

ANSWERS: Mapping[str, Mapping[str, str]] = {
    "class": {"yes": "belongs to the class", "no": "does not belong", "unknown": "not known"},
    "event": {"yes": "shows it", "no": "does not show it", "unknown": "not known"},
}
VERDICTS: Mapping[str | None, str] = {
    "eligible": "eligible",
    "ineligible": "ineligible",
    "undetermined": "undetermined",
    None: "rejected",
}
KINDS: Mapping[str, str] = {"inclusion": "an inclusion", "exclusion": "an exclusion"}


def _moved(change: Plain) -> str:
    """A relation; of one that is not decided, the direction that is proved absent."""
    if change["relation"] == "undecided":
        for way in ("worse", "better"):
            if change[f"never_{way}"]:
                return f"never {way}"
    return str(change["relation"])


def relation(change: Plain) -> str:
    """How a meaning moved, in a few words."""
    words = RELATIONS if change["about"] in ("criterion", "verdict") else OF_ENTRIES
    return words[_moved(change)]


def heading(change: Plain) -> str:
    """What happened to a criterion, in a few words."""
    words = relation(change)
    if change["relation"] == "same":
        words = "same meaning"
        if change["reworded"]:
            words += ", text changed"
        if change["rewritten"] and not change["turned"]:
            words += ", rule rewritten"
    if change["turned"]:
        words += f", now {KINDS[change['new']['kind']]}"
    if change["renumbered"]:
        words += f", was {change['old']['id']}"
    return words


def name(change: Plain) -> str:
    """The id a criterion goes by: the new one, or the old one of a removed criterion."""
    side = change["new"] or change["old"]
    return str(side["id"])


def unchanged(change: Plain) -> bool:
    touched = any(change[how] for how in ("renumbered", "turned", "reworded", "rewritten"))
    return change["relation"] == "same" and not touched


def summary(found: Plain) -> str:
    """The amendment in a few sentences."""
    if found["alike"]:
        return "The two versions mean the same."
    if _only_written(found):
        return "The two versions mean the same; what is written differs."
    moved = HEADLINES[_moved(found["verdict"])]
    if found["accepts"] != "the same":
        # What is proved says nothing of a file that one version rejects.
        if found["verdict"]["relation"] == "same":
            moved = (
                "No verdict changes of anybody whom both versions accept; a file may be accepted"
                " by one alone (see the dictionary)."
            )
        else:
            moved += (
                " This is said of those whom both versions accept; a file may be accepted by one"
                " alone (see the dictionary)."
            )
    said = [_many(found["criteria"], "criterion changes", "criteria change"), moved]
    if any(not unchanged(c) for c in found["outcomes"]):
        said.append(_many(found["outcomes"], "outcome class changes", "outcome classes change"))
    return " ".join(said)


def _only_written(found: Plain) -> bool:
    """Whether it is proved that two versions mean the same. A criterion's own words may mean
    something else, and so may a dictionary; nothing is proved of those."""
    return not (
        found["accepts"] != "the same"
        or found["verdict"]["relation"] != "same"
        or found["dictionary"]
        or found["other"]
        or any(
            change["relation"] != "same" or change["turned"] or change["reworded"]
            for change in (*found["criteria"], *found["outcomes"])
        )
    )


def _many(changes: Sequence[Plain], one: str, more: str) -> str:
    count = sum(not unchanged(c) for c in changes)
    return f"{count} {one if count == 1 else more}."


def certainty(change: Plain) -> str:
    """How the claim is known."""
    of_entry = change["about"] in ("class", "event")
    if change["relation"] in ("added", "removed"):
        shown = change["worse"] or change["better"]
        return f"Shown by {'an entry' if of_entry else 'a subject'}." if shown else ""
    said = (ENTRY_PROOFS if of_entry else PROOFS)[_moved(change)]
    moved = change["relation"] not in ("same", "undecided")
    if change["about"] == "class" and moved and change["old"]["rule"] == change["new"]["rule"]:
        said += " Its own rule stays: a class before it, or the dictionary, changes."
    return said


def witnesses(change: Plain) -> Iterator[tuple[str, Plain]]:
    """The subjects of a change, each with what it shows."""
    for side, status, entry in (
        ("worse", "stands worse", "narrower here"),
        ("better", "stands better", "wider here"),
    ):
        if change[side]:
            yield entry if change["about"] in ("class", "event") else status, change[side]


def move(change: Plain, shown: Plain) -> str:
    """`passed -> failed`, or what becomes of an entry."""
    words = ANSWERS.get(change["about"], {})
    return f"{words.get(shown['old'], shown['old'])} -> {words.get(shown['new'], shown['new'])}"


def files(shown: Plain) -> list[tuple[str, list[str]]]:
    """A witness as the lines of a subject file; two where each version knows it otherwise."""
    if shown["subject"] is not None:
        return [("", _file(shown["subject"]))]
    return [
        (f"as the {version} version reads it:", _file(shown[f"{version}_subject"]))
        for version in ("old", "new")
    ]


def _file(subject: Plain) -> list[str]:
    return file_lines(subject, subject["subject"])


# --- text -------------------------------------------------------------------------------


def as_text(found: Plain) -> str:
    """The comparison for a terminal, 80 columns."""
    lines = [*_wrapped(_versions(found), ""), "", *_wrapped(summary(found), "")]
    subjects = found["subjects"]
    if subjects is not None:
        lines += ["", *_again_text(subjects)]
    lines += _listed_text("protocol", found["protocol"])
    for change in found["criteria"]:
        if not unchanged(change):
            lines += ["", *_change_text(change)]
    verdict = found["verdict"]
    if verdict["relation"] != "same":
        lines += ["", *_wrapped(f"verdict: {relation(verdict)}", ""), *_proof_text(verdict)]
    for change in found["outcomes"]:
        if not unchanged(change):
            lines += ["", *_change_text(change)]
    lines += _listed_text("dictionary", found["dictionary"])
    lines += _listed_text("outcome rules", found["other"])
    if subjects is not None and subjects["flips"]:
        lines += ["", "subjects, one by one:", *_flips_text(subjects["flips"])]
    return "\n".join(lines) + "\n"


def _listed_text(title: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    return ["", f"{title}:", *(line for item in items for line in _wrapped(item, "  "))]


def _versions(found: Plain) -> str:
    old, new = found["old"], found["new"]
    if old["id"] == new["id"]:
        return f"{new['id']}: {old['version']} -> {new['version']}"
    return f"{old['id']} {old['version']} -> {new['id']} {new['version']}"


def _wrapped(text: str, indent: str, hang: str = "  ") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent + hang,
        break_on_hyphens=False,
    )  # fmt: skip


def _change_text(change: Plain) -> list[str]:
    lines = _wrapped(f"{name(change)}: {heading(change)}", "")
    old, new = change["old"], change["new"]
    if change["turned"]:
        lines += [f"  - kind: {old['kind']}", f"  + kind: {new['kind']}"]
    if change["reworded"]:
        for key in ("text", "interpretation", "basis", "source"):
            if old[key] != new[key]:
                lines += _wrapped(f"- {key}: {old[key] or 'none'}", "  ")
                lines += _wrapped(f"+ {key}: {new[key] or 'none'}", "  ")
    else:
        lines += _wrapped((new or old)["text"], "  ")
    if old and new and old["rule"] != new["rule"]:
        for sign, line in rule_changes(old["rule"], new["rule"]):
            lines += _rule_text(sign, line)
    elif not (old and new):
        for line in (new or old)["rule"]:
            lines += _rule_text("+" if new else "-", line)
    return lines + _proof_text(change)


def _rule_text(sign: str, line: str) -> list[str]:
    """A line of a rule behind its sign; where it is long, the rest hangs below it."""
    words = line.lstrip()
    depth = min(len(line) - len(words), WIDTH // 2)
    first, rest = f"  {sign} " + " " * depth, " " * (depth + 6)
    return textwrap.wrap(
        words, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )


def rule_changes(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, str]]:
    """The lines of two rules, each marked as gone, new or kept."""
    lines: list[tuple[str, str]] = []
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            lines += [(" ", line) for line in old[a:b]]
        else:
            lines += [("-", line) for line in old[a:b]] + [("+", line) for line in new[c:d]]
    return lines


def _proof_text(change: Plain) -> list[str]:
    lines = _wrapped(certainty(change), "  ")
    for words, shown in witnesses(change):
        lines += _wrapped(f"{words}: {move(change, shown)}, as of {shown['as_of']}", "  ")
        for title, file in files(shown):
            lines += [f"    {title}"] if title else []
            lines += _indented(file, 6 if title else 4)
    return lines


def _indented(file: Sequence[str], by: int) -> list[str]:
    """A file's lines set in, less so where they are long: breaking them could change them."""
    by = max(0, min(by, WIDTH - max(len(line) for line in file)))
    return [" " * by + line for line in file]


def _again_text(subjects: Plain) -> list[str]:
    """Whom an amendment concerns, in a few lines."""
    lines = [f"subjects as of {subjects['as_of']}: {outcome_words(subjects)}"]
    if subjects["flips"]:
        lines += _wrapped(f"screen again: {', '.join(subjects['rescreen'])}", "  ")
    if subjects["rejected"]:
        names = ", ".join(subjects["rejected"])
        lines += _wrapped(f"rejected under both versions, not compared: {names}", "  ")
    return lines


def _flips_text(flips: Sequence[Plain]) -> list[str]:
    lines: list[str] = []
    for one in flips:
        lines += _wrapped(f"{one['subject']}: {verdict_move(one)}", "  ")
        if one["faults"]:
            lines += _wrapped(f"{rejected_by(one)}: {one['faults'][0]}", "    ")
            lines += _more(len(one["faults"]) - 1, "fault")
        for item in one["because"]:
            lines += _wrapped(because_words(item), "    ")
            for when, says in said(item):
                for sentence in says[:MOST_SAID]:
                    lines += _wrapped(f"{when}: {sentence}", "      ")
                lines += _more(len(says) - MOST_SAID, "part")
    return lines


def _more(count: int, what: str) -> list[str]:
    if count < 1:
        return []
    return [f"      and {count} more {what}{'' if count == 1 else 's'}"]


def outcome_words(subjects: Plain) -> str:
    """How many of the subjects come out differently."""
    count = len(subjects["flips"])
    if not subjects["compared"]:
        return "none could be compared"
    if not count:
        return "nobody comes out differently"
    return f"{count} of {subjects['compared']} to screen again"


def verdict_move(one: Plain) -> str:
    """`eligible -> ineligible`, or that the verdict stays."""
    old, new = VERDICTS[one["old"]], VERDICTS[one["new"]]
    return f"stays {new}" if old == new else f"{old} -> {new}"


def rejected_by(one: Plain) -> str:
    """Which version rejects a file."""
    return "rejected by the old version" if one["old"] is None else "rejected by the new version"


def because_words(item: Plain) -> str:
    """One criterion's part in a flip."""
    ids = item["new_id"] or item["old_id"]
    if item["old_id"] and item["new_id"] and item["old_id"] != item["new_id"]:
        ids = f"{item['new_id']} (was {item['old_id']})"
    return f"{ids}: {item['old'] or 'not asked'} -> {item['new'] or 'not asked'}"


def said(item: Plain) -> Iterator[tuple[str, Sequence[str]]]:
    """What each version's rules looked at."""
    for when, key in (("before", "old_says"), ("after", "new_says")):
        if item[key]:
            yield when, item[key]


# --- HTML -------------------------------------------------------------------------------


def as_html(found: Plain) -> str:
    """The comparison as one self-contained page, for the amendment's file."""
    from markupsafe import Markup

    css = (HERE / "templates" / "diff.css").read_text("utf-8")
    return (
        environment(html=True)
        .get_template("diff.html.j2")
        .render(
            found=found,
            css=Markup(css),
            summary=summary(found),
            changed=[c for c in found["criteria"] if not unchanged(c)],
            kept=[c for c in found["criteria"] if unchanged(c)],
            outcomes=[c for c in found["outcomes"] if not unchanged(c)],
            name=name,
            heading=heading,
            relation=relation,
            certainty=certainty,
            witnesses=witnesses,
            move=move,
            files=files,
            rule_changes=rule_changes,
            verdict_move=verdict_move,
            outcome_words=outcome_words,
            rejected_by=rejected_by,
            because_words=because_words,
            said=said,
        )
    )
