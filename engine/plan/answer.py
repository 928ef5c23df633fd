"""A plan's answer in one line, and the next thing to do."""

from __future__ import annotations

from datetime import date

from engine.plan import words
from engine.plan.record import (
    Collect,
    Next,
    NextKind,
    When,
    Window,
    Would,
)
from engine.terms import Verdict


def following(
    verdict: Verdict, as_of: date, when: When, collect: Collect, would: Would | None
) -> tuple[Next, str]:
    """The next thing to do, and the plan in one line."""
    window = when["window"]
    if verdict == "eligible" and window is not None:
        return _while_eligible(window, when["last"])
    if window is not None:
        says = f"As recorded, eligible from {window['first']} to {window['last']}"
        opens = [e for e in when["events"] if e["on"] == window["first"]]
        if opens and opens[0]["because"]:
            says += f", when this is so: {words.sentences(opens[0]['because'])}"
        if verdict == "undetermined" and collect["needed"]:
            says += f". Sooner if recorded: {_asks(collect)}"
        return {"kind": "wait", "on": window["first"], "says": f"{says}."}, f"{says}."
    if verdict == "undetermined":
        return _while_open(as_of.isoformat(), collect)
    waiting = when["waiting"]
    if waiting is not None:
        says = f"Not before {waiting['on']}: {words.sentences(waiting['because'])}"
        if collect["needed"]:
            says += f". For that day, collect: {_asks(collect)}"
        return {"kind": "wait", "on": waiting["on"], "says": f"{says}."}, f"{says}."
    assert would is not None
    if would["sets"]:
        first = would["sets"][0]
        says = f"Not eligible. It would take: {first['says']}."
        others = len(would["sets"]) - 1
        if others:
            says += f" Or {'another change' if others == 1 else f'{others} other changes'}."
        return {"kind": "repeat", "on": first["on"], "says": says}, says
    if would["cannot"]:
        says = f"Cannot become eligible: {words.sentences(would['cannot'])}."
    elif not would["exact"]:
        says = "Not eligible. What would change that is not worked out: it turns on tests that a"
        says += " plan does not look into."
    else:
        says = "Not eligible, and no wait and no new result that can be named would change it."
    return {"kind": "none", "on": None, "says": says}, says


def _while_eligible(window: Window, horizon: str) -> tuple[Next, str]:
    if window["last"] >= horizon:
        says = f"Eligible, and stays so until {horizon} at least."
    else:
        lapsed = [r["ask"] for r in window["rests_on"] if r["good_until"] == window["last"]]
        told = [said for said in window["closes"] if not said.startswith(words.LAPSED)]
        if lapsed:
            told.append(f"{words.LAPSED} {window['last']}: {words.listed(lapsed)}")
        says = (
            f"Eligible until {window['last']}. Then: {words.sentences(told or window['closes'])}."
        )
    return {"kind": "enrol", "on": window["last"], "says": says}, says


def _while_open(as_of: str, collect: Collect) -> tuple[Next, str]:
    told = []
    if collect["agrees"]:
        verdict = "eligible" if collect["possible"] == ["eligible"] else "not eligible"
        told.append(f"Whatever the open facts come to, the verdict will be: {verdict}.")
    count = len(collect["needed"])
    if count:
        to = "To settle it, collect" if collect["sets"] else "Collect"
        told.append(f"{to}{f' {count} facts' if count > 1 else ''}: {_asks(collect)}.")
    if collect["unwritten"]:
        told.append(f"No recorded fact settles {words.listed(collect['unwritten'])}.")
    kind: NextKind = "collect" if count else "none"
    says = " ".join(told) or "Undetermined."
    return {"kind": kind, "on": as_of if count else None, "says": says}, says


def _asks(collect: Collect) -> str:
    return words.listed([item["ask"] for item in collect["needed"]])
