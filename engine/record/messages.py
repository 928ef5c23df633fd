"""The sentences of a decision record: for each its id, its English, and what stands in it.

A sentence is a message, an id with typed arguments, and its text is that message rendered:
the record carries both, and they cannot differ. Another language is another table of these
templates. A slot names its argument and, after the colon, the argument's kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from string import Formatter
from typing import Any, NamedTuple

from engine.record.shape import FieldRecord, Gap, Message, Shown, TestRecord, Value

TEMPLATES: Mapping[str, str] = {
    # conditions
    "condition.all": "all of",
    "condition.any": "any of",
    "condition.at_least": "at least {count:number} of",
    "condition.when": "where the first applies, the second is required",
    "condition.unless": "does not apply: not",
    "condition.not": "not",
    "condition.defined": "{name:name}",
    "condition.todo": "not yet written as a rule",
    "condition.test": "{ask:text}: {test:test}",
    # what was compared
    "says.holds": "{ask:text}: {shown:shown}. Asked: {test:test}. This holds.",
    "says.holds_until": "{ask:text}: {shown:shown}. Asked: {test:test}. This holds."
    " Satisfied until {day:day}.",
    "says.fails": "{ask:text}: {shown:shown}. Asked: {test:test}. This does not hold.",
    "says.fails_until": "{ask:text}: {shown:shown}. Asked: {test:test}. This does not hold."
    " Satisfied from {day:day}.",
    "says.fails_unless_renewed": "{ask:text}: {shown:shown}. Asked: {test:test}. This does not"
    " hold. Satisfied from {day:day}, if what is recorded is renewed by then.",
    "says.holds_against": "{ask:text}: {shown:shown}. {other:text}: {against:shown}. Asked:"
    " {test:test}. This holds.",
    "says.fails_against": "{ask:text}: {shown:shown}. {other:text}: {against:shown}. Asked:"
    " {test:test}. This does not hold.",
    "says.unknown_against": "{ask:text}: {shown:shown}. {other:text}: {against:shown}. Asked:"
    " {test:test}. Cannot be decided: {detail:message}.",
    "says.unknown": "{ask:text}: {shown:shown}. Asked: {test:test}."
    " Cannot be decided: {detail:message}.",
    # why a reading does not settle the question
    "missing.not_recorded": "nothing is recorded",
    "missing.voided": "no value that counts is recorded",
    "missing.not_yet": "recorded only for a later day, {day:day}",
    "missing.not_yet_some_day": "recorded only for a later day",
    "missing.out_of_date": "the value of {day:day} could be relied on until {until:day}",
    "missing.undated": "the value has no date, and this fact goes out of date",
    "missing.undated_differ": "any of these may be the newest: {values:shown_all}",
    "missing.conflicting": "the statements disagree: {values:values}",
    "missing.conflicting_on": "the statements of {day:day} disagree: {values:values}",
    "missing.limits_undated": "the limits of normal beside the values differ, and any may be the"
    " newest",
    "missing.limits_conflict": "the limits of normal beside the values disagree",
    "missing.limits_conflict_on": "the limits of normal beside the values of {day:day} disagree",
    "missing.history_not_confirmed": "the list “{list:text}” is not confirmed complete for this"
    " day",
    "missing.not_closed": "the list “{list:text}” does not count as confirmed complete: its file"
    " does not end with the line `...`, so the end of it may be missing",
    "missing.more_entries": "the list “{list:text}” was confirmed complete with"
    " {count:number} entries and holds more now",
    "missing.too_few": "fewer values than {least:number} are recorded that surely count",
    "missing.no_entry": "no value is recorded that surely counts",
    "missing.not_attested": "it lacks the name of the {role:text} who states it",
    "missing.no_limit": "no upper limit of normal is known for this result",
    "missing.no_limit_in_table": "the table has no limit for this subject",
    "missing.no_date": "a date it is counted from is or may be `never`",
    "missing.pending": "recorded as pending",
    "missing.pending_note": "recorded as pending ({note:text})",
    "missing.not_done": "recorded as not done",
    "missing.not_done_note": "recorded as not done ({note:text})",
    "missing.no_anchor": "the date that it is held against, “{anchor:text}”, is not known,"
    " or may be `never`",
    "missing.planned": "the day lies ahead, and may not come about",
    "missing.under_way": "it is still going on, or may be: record its last day",
    "missing.calendar": "the time is counted from a day that the last month of it lacks, and is up"
    " on the last day of that month by one reading, on the next day by another",
    "missing.calendar_days": "counted from {since:day}, the time is up on {early:day} or on"
    " {late:day}",
    "missing.imprecise": "not recorded exactly enough",
    "missing.gaps": "{gaps:gaps}",
    "missing.known_as": "known only as {value:shown}",
    "missing.known_as_with_gaps": "known only as {value:shown}; {gaps:gaps}",
    # what a derived reading follows from
    "follows.fact": "{ask:text}: {shown:shown}",
    "follows.confirmed": "{ask:text}: confirmed complete on {day:day}",
    "follows.confirmed_by": "{ask:text}: confirmed complete on {day:day} by {by:text}",
    "follows.entry": "entry {number:number}: {fields:fields}",
    # what happens on the day to look again
    "change.satisfied_from": "{condition:message} is satisfied from then",
    "change.satisfied_until": "{condition:message} is satisfied until then",
    "change.starts": "{ask:text}: something recorded for that day counts",
    "change.window": "{ask:text}: an entry begins or ceases to count by its day",
    "change.expires": "{ask:text}: what is recorded expires the day before",
    "change.decided": "{condition:message} may be decided by then",
    # what was not used
    "passed.older": "{ask:text}: {shown:shown}: something newer is recorded",
    "passed.voided": "{ask:text}: {shown:shown}: it is marked as wrong",
    "passed.not_yet": "{ask:text}: {shown:shown}: it is of a day after {as_of:day}",
    "passed.not_asked": "{ask:text}: {shown:shown}: no criterion asks for it",
    "passed.death_not_asked": "{ask:text}: {shown:shown}: no criterion asks for it: settle it"
    " before anything else is done",
    "passed.entry_voided": "{ask:text}: entry {number:number}: {fields:fields}: it is marked as"
    " wrong",
    "passed.entry_not_yet": "{ask:text}: entry {number:number}: {fields:fields}: it is of a day"
    " after {as_of:day}",
    "passed.entry_not_asked": "{ask:text}: entry {number:number}: {fields:fields}: no criterion"
    " asks for it",
}
"""By id, the English of a message."""

TESTS: Mapping[str, str] = {
    "is": "{}",
    "one_of": "{}",
    "at_least": "at least {}",
    "above": "above {}",
    "at_most": "at most {}",
    "below": "below {}",
    "between": "between {}",
    "at_least_uln": "at least {} times the upper limit of normal",
    "above_uln": "above {} times the upper limit of normal",
    "at_most_uln": "at most {} times the upper limit of normal",
    "below_uln": "below {} times the upper limit of normal",
    "at_least_fact": "at least {}{anchor}",
    "above_fact": "above {}{anchor}",
    "at_most_fact": "at most {}{anchor}",
    "below_fact": "below {}{anchor}",
    "at_least_ago": "at least {} ago",
    "more_than_ago": "more than {} ago",
    "within_last": "within the last {}",
    "less_than_ago": "less than {} ago",
    "on_or_after": "on or after {}",
    "on_or_before": "on or before {}",
    "ever": "{}",
    "lasting": "lasting for at least {}",
    **{
        f"{op}_{side}": f"{words} {side} {{anchor}}"
        for side in ("before", "after")
        for op, words in (
            ("at_least", "at least {}"),
            ("more_than", "more than {}"),
            ("within", "within the {}"),
            ("less_than", "less than {}"),
        )
    },
    "plain_before": "before {anchor}",
    "plain_after": "after {anchor}",
}
"""By operator, how a test reads around its limits."""

UNIT_WORDS = {"a": "years", "mo": "months", "wk": "weeks", "d": "days", "h": "hours", "1": ""}
_UNKNOWN = {"pending": "pending", "not_done": "not done", None: "not known"}


class Said(NamedTuple):
    """Something in words, and the data that they render: a message, or an argument of one."""

    text: str
    data: Any


def say(id_: str, **arguments: Any) -> Said:
    """The sentence of an id with its arguments; one that is in words already is a `Said`."""
    sentence, slots_of = _SENTENCES[id_]
    texts = []
    for name, words in slots_of:
        value = arguments[name]
        if type(value) is Said:
            text, arguments[name] = value
            texts.append(text)
        else:
            texts.append(words(value) if words is not None else value)
    return Said(sentence(*texts), {"id": id_, "arguments": arguments})


def render(message: Message) -> str:
    """The text of a message. Raises: KeyError, TypeError, ValueError if it is none."""
    sentence, slots_of = _SENTENCES[message["id"]]
    arguments = message["arguments"]
    return sentence(
        *(arguments[name] if words is None else words(arguments[name]) for name, words in slots_of)
    )


# --- the kinds of arguments -----------------------------------------------------------


def number_text(value: Value) -> str:
    """A number of a record as a plain decimal; one too long for a float is text already."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value)


def quantity_text(value: Value, unit: str) -> str:
    """A number with its unit: `0.8 mg/dL`, `16 years`, `1 year`."""
    text = number_text(value)
    word = UNIT_WORDS.get(unit, unit)
    if text in ("1", "-1") and unit in UNIT_WORDS:
        word = word[:-1]
    return f"{text} {word}".rstrip()


def value_text(one: Mapping[str, Any]) -> str:
    """A value, or the interval that is known of it, in words."""
    value = one["value"]
    if "unit" in one:
        unit = one["unit"]
        if isinstance(value, dict):
            low, high = value["low"], value["high"]
            if low is None:
                return "any value" if high is None else f"at most {quantity_text(high, unit)}"
            if high is None:
                return f"at least {quantity_text(low, unit)}"
            return f"between {number_text(low)} and {quantity_text(high, unit)}"
        if value is not None and not isinstance(value, list):
            return f"{one.get('sign', '')}{quantity_text(value, unit)}"
    if isinstance(value, dict):
        first, last = value["low"], value["high"]
        if first == "never":
            return f"never, or any day up to {last}"
        return f"some day up to {last}" if first is None else f"between {first} and {last}"
    if isinstance(value, list):
        return ", ".join(str(label) for label in one.get("labels", value))
    if value is None:
        return _UNKNOWN[one.get("unknown")]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(one.get("label", value))


def shown_text(shown: Shown) -> str:
    """A value in words, with the day, source and person that stand beside it."""
    text = "under way" if shown.get("under_way") else value_text(shown)
    beside = []
    if "on" in shown:
        beside.append(shown["on"])
    elif "within" in shown:
        beside.append(f"{shown['within']['low']} to {shown['within']['high']}")
    elif "not_after" in shown:
        beside.append(f"not after {shown['not_after']}")
    if "source" in shown:
        beside.append(shown["source"])
    if "by" in shown:
        beside.append(f"by {shown['by']}")
    return f"{text} ({', '.join(beside)})" if beside else text


def asked_text(test: TestRecord, *, labels: bool = True) -> str:
    """What a test asks, in words; without `labels` a choice is named by its codes."""
    operator, limits, unit = test["operator"], test["limits"], test.get("unit", "")
    if operator == "is":
        said = "yes" if limits[0] else "no"
    elif operator == "ever":
        said = "ever" if limits[0] else "never"
    elif operator == "one_of":
        said = " or ".join(test["labels"] if labels else [str(code) for code in limits])
    elif operator.endswith("_fact"):
        said = "" if limits[0] == 1 else f"{number_text(limits[0])} times "
    elif operator == "between":
        said = f"{number_text(limits[0])} and {quantity_text(limits[1], unit)}"
    else:
        said = quantity_text(limits[0], unit) if limits else ""
    anchor = test.get("anchor_ask") if labels else None
    anchor = f"“{anchor}”" if anchor else test.get("anchor", "")
    return TESTS[operator].format(said, anchor=anchor)


def fields_text(fields: Iterable[FieldRecord]) -> str:
    """The fields of an entry: `Agent: vincristine; Last dose: 2026-11-09`."""
    return "; ".join(f"{one['ask']}: {value_text(one)}" for one in fields)


def _gaps_text(gaps: Iterable[Gap]) -> str:
    return "; ".join(text for gap in gaps for text in _gap_texts(gap))


def _gap_texts(gap: Gap) -> Iterator[str]:
    if gap["lacks"]:
        yield f"entry {gap['number']} does not say: {', '.join(gap['lacks'])}"
    if gap.get("vague"):
        yield f"entry {gap['number']} does not say exactly enough: {', '.join(gap['vague'])}"
    if gap.get("holds"):
        yield f"entry {gap['number']} names {', '.join(gap['holds'])} among other words"


def _name_text(name: str) -> str:
    return name.replace("_", " ")


def _list_of(words: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda values: ", ".join(map(words, values))


KINDS: Mapping[str, Callable[[Any], str] | None] = {
    "text": None,
    "name": _name_text,
    "day": None,
    "number": str,
    "shown": shown_text,
    "shown_all": _list_of(shown_text),
    "values": _list_of(value_text),
    "test": asked_text,
    "fields": fields_text,
    "gaps": _gaps_text,
    "message": render,
}
"""By kind of argument, how it reads; None where it is its text."""


@cache
def slots(id_: str) -> Mapping[str, str]:
    """The arguments of a message, each with its kind."""
    return {name: kind or "" for _, name, kind, _ in Formatter().parse(TEMPLATES[id_]) if name}


def _sentence(id_: str) -> _Sentence:
    pattern = "".join(
        literal + ("{}" if name else "") for literal, name, *_ in Formatter().parse(TEMPLATES[id_])
    )
    return pattern.format, tuple((name, KINDS[kind]) for name, kind in slots(id_).items())


_Sentence = tuple[Callable[..., str], tuple[tuple[str, Callable[[Any], str] | None], ...]]
_SENTENCES: Mapping[str, _Sentence] = {id_: _sentence(id_) for id_ in TEMPLATES}
