"""The report on an amendment: text for a terminal, HTML for the amendment's file.

It prints what the comparison's record says (`engine.diff.record`) and decides nothing.
Jinja2 is loaded on first use.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from engine.witness import change_lines

HERE = Path(__file__).parent
WIDTH = 80
Plain = Mapping[str, Any]

RELATIONS: Mapping[str, str] = {
    "same": "the same",
    "stricter": "stricter",
    "looser": "looser",
    "different": "stricter for some, looser for others",
    "undecided": "not decided within the limit",
    "added": "added",
    "removed": "removed",
}
VERDICTS: Mapping[str | None, str] = {
    "eligible": "eligible",
    "ineligible": "ineligible",
    "undetermined": "undetermined",
    None: "rejected",
}


def heading(change: Plain) -> str:
    """What happened to a criterion, in a few words."""
    words = RELATIONS[change["relation"]]
    if change["relation"] == "same":
        words = "same meaning"
        if change["reworded"]:
            words += ", text changed"
    if change["renumbered"]:
        words += f", was {change['old']['id']}"
    return words


def name(change: Plain) -> str:
    """The id a criterion goes by: the new one, or the old one of a removed criterion."""
    side = change["new"] or change["old"]
    return str(side["id"])


def unchanged(change: Plain) -> bool:
    return change["relation"] == "same" and not change["renumbered"] and not change["reworded"]


def summary(found: Plain) -> str:
    """The amendment in one sentence."""
    if found["alike"]:
        return "The two versions mean the same."
    changed = [c for c in found["criteria"] if not unchanged(c)]
    verdict = found["verdict"]
    moved = {
        "same": "No verdict changes.",
        "stricter": "Some subjects stand worse, none better.",
        "looser": "Some subjects stand better, none worse.",
        "different": "Some subjects stand worse, and some better.",
        "undecided": "Whether a verdict changes was not decided within the limit.",
    }[verdict["relation"]]
    if verdict["basis"] == "undecided" and verdict["relation"] in ("stricter", "looser"):
        known, other = (
            ("worse", "better") if verdict["relation"] == "stricter" else ("better", "worse")
        )
        moved = f"Some subjects stand {known}; whether any stands {other} was not decided."
    many = "1 criterion changes" if len(changed) == 1 else f"{len(changed)} criteria change"
    return f"{many}. {moved}"


def certainty(change: Plain) -> str:
    """How the claim is known."""
    shown = [side for side in ("worse", "better") if change[side]]
    if change["relation"] in ("added", "removed"):
        return "Shown by a subject." if shown else ""
    proof = {
        "same": "Proved over everything that can be recorded.",
        "stricter": "Shown by a subject; proved that nobody stands better.",
        "looser": "Shown by a subject; proved that nobody stands worse.",
        "different": "Shown by a subject in each direction.",
    }.get(change["relation"], "")
    if change["basis"] == "undecided":
        open_ = "The other direction was not decided within the limit."
        return f"Shown by a subject. {open_}" if shown else "Not decided within the limit."
    return proof


def witnesses(change: Plain) -> Iterator[tuple[str, Plain]]:
    """The subjects of a change, each with what it shows."""
    if change["worse"]:
        yield "stands worse", change["worse"]
    if change["better"]:
        yield "stands better", change["better"]


def subject_lines(shown: Plain) -> list[str]:
    """A witness as the lines of a subject file."""
    return change_lines(shown["subject"])


# --- text -------------------------------------------------------------------------------


def as_text(found: Plain) -> str:
    """The comparison for a terminal, 80 columns."""
    lines = [_versions(found), "", *_wrapped(summary(found), "")]
    for change in found["criteria"]:
        if not unchanged(change):
            lines += ["", *_change_text(change)]
    verdict = found["verdict"]
    if verdict["relation"] != "same":
        lines += ["", f"verdict: {RELATIONS[verdict['relation']]}", *_proof_text(verdict)]
    for change in found["outcomes"]:
        if not unchanged(change):
            lines += ["", *_change_text(change)]
    for title, items in (("dictionary", found["dictionary"]), ("other", found["other"])):
        if items:
            lines += ["", f"{title}:"]
            lines += [line for item in items for line in _wrapped(item, "  ")]
    if found["subjects"] is not None:
        lines += ["", *_subjects_text(found["subjects"])]
    return "\n".join(lines) + "\n"


def _versions(found: Plain) -> str:
    old, new = found["old"], found["new"]
    if old["id"] == new["id"]:
        return f"{new['id']}: {old['version']} -> {new['version']}"
    return f"{old['id']} {old['version']} -> {new['id']} {new['version']}"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ") or []


def _change_text(change: Plain) -> list[str]:
    lines = [f"{name(change)}: {heading(change)}"]
    old, new = change["old"], change["new"]
    if old and new and change["reworded"]:
        for key in ("text", "interpretation", "basis", "source"):
            if old[key] != new[key]:
                lines += _wrapped(f"- {key}: {old[key] or 'none'}", "  ")
                lines += _wrapped(f"+ {key}: {new[key] or 'none'}", "  ")
    else:
        lines += _wrapped((new or old)["text"], "  ")
    if old and new and old["rule"] != new["rule"]:
        for sign, line in rule_changes(old["rule"], new["rule"]):
            lines.append(f"  {sign} {line}")
    elif not (old and new):
        sign = "+" if new else "-"
        lines += [f"  {sign} {line}" for line in (new or old)["rule"]]
    return lines + _proof_text(change)


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
    lines = [f"  {line}" for line in _wrapped(certainty(change), "")]
    for words, shown in witnesses(change):
        lines.append(f"  {words}: {shown['old']} -> {shown['new']}, as of {shown['as_of']}")
        lines += [f"    {line}" for line in subject_lines(shown)]
    return lines


def _subjects_text(subjects: Plain) -> list[str]:
    flips = subjects["flips"]
    if not flips:
        return [f"subjects as of {subjects['as_of']}: nobody comes out differently"]
    lines = [f"subjects as of {subjects['as_of']}: {len(flips)} to screen again"]
    for one in flips:
        lines.append(f"  {one['subject']}: {verdict_move(one)}")
        lines += [f"    {because_words(item)}" for item in one["because"]]
    return lines


def verdict_move(one: Plain) -> str:
    """`eligible -> ineligible`, or that the verdict stays."""
    old, new = VERDICTS[one["old"]], VERDICTS[one["new"]]
    return f"stays {new}" if old == new else f"{old} -> {new}"


def because_words(item: Plain) -> str:
    """One criterion's part in a flip."""
    ids = item["new_id"] or item["old_id"]
    if item["old_id"] and item["new_id"] and item["old_id"] != item["new_id"]:
        ids = f"{item['new_id']} (was {item['old_id']})"
    return f"{ids}: {item['old'] or 'not asked'} -> {item['new'] or 'not asked'}"


# --- HTML -------------------------------------------------------------------------------


def as_html(found: Plain) -> str:
    """The comparison as one self-contained page, for the amendment's file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates", encoding="utf-8"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    css = (HERE / "templates" / "diff.css").read_text("utf-8")
    return environment.get_template("diff.html.j2").render(
        found=found,
        css=Markup(css),
        summary=summary(found),
        changed=[c for c in found["criteria"] if not unchanged(c)],
        kept=[c for c in found["criteria"] if unchanged(c)],
        outcomes=[c for c in found["outcomes"] if not unchanged(c)],
        name=name,
        heading=heading,
        certainty=certainty,
        witnesses=witnesses,
        subject_lines=subject_lines,
        rule_changes=rule_changes,
        verdict_move=verdict_move,
        because_words=because_words,
        relations=RELATIONS,
    )
