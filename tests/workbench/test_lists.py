"""Derivations that share a list's entries: nothing that entries add up to is missed."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import terms as m
from engine.reference import evaluator as reference
from engine.regions.asked import leaves_of, subject_from
from engine.regions.diagrams import FALSE, TRUE, UNKNOWN
from engine.regions.space import Space
from tests import build
from tests.generators import LONG

AS_OF = date(2026, 3, 31)
NUMBER = {"false": FALSE, "unknown": UNKNOWN, "true": TRUE}
FIELDS = {
    "kind": m.Field("kind", "kind", "choice", choices=build.choices("chemo", "steroid", "other")),
    "target": m.Field(
        "target", "target", "choice", choices=build.choices("cd19", "cd20", "cd22"), many=True
    ),
    "dose": m.Field("dose", "dose", "quantity", unit="mg"),
    "began": m.Field("began", "began", "date"),
    "ended": m.Field("ended", "ended", "date"),
}
WHERE = st.sampled_from(
    [
        (),
        (m.Where("kind", ("chemo",)),),
        (m.Where("kind", ("chemo", "steroid")),),
        (m.Where("target", ("cd19",)),),
        (m.Where("target", ("cd19", "cd20")),),
        (m.Where("dose", (5 * m.MILLION,)),),
        (m.Where("kind", ("chemo",)), m.Where("target", ("cd20",))),
    ]
)
LENGTHS = st.sampled_from(
    [m.Duration(7, 0), m.Duration(30, 0), m.Duration(0, 1), m.Duration(0, 12), m.Duration(365, 0)]
)
AGO_OPS: list[m.AgoOp] = ["at_least_ago", "more_than_ago", "within_last", "less_than_ago"]
LIMIT_OPS: list[m.QuantityOp] = ["at_least", "above", "at_most", "below"]


@st.composite
def list_packs(draw: st.DrawFn) -> m.Protocol:
    """One criterion that asks two or three things of one list."""
    facts = []
    leaves: list[m.Condition] = []
    for i in range(draw(st.integers(2, 3))):
        where = draw(WHERE)
        kind = draw(st.sampled_from(["exists", "count", "latest", "earliest"]))
        name = f"f{i}"
        if kind == "exists":
            facts.append(build.fact(name, "boolean", derive=m.Exists("therapy", where)))
            leaves.append(m.BooleanTest(name, draw(st.booleans())))
        elif kind == "count":
            facts.append(build.fact(name, "quantity", derive=m.Count("therapy", where)))
            op = draw(st.sampled_from(LIMIT_OPS))
            leaves.append(m.LimitTest(name, op, draw(st.integers(0, 3)) * m.MILLION))
        else:
            field = draw(st.sampled_from(["ended", "ended", "began"]))
            made = m.LatestOf if kind == "latest" else m.EarliestOf
            facts.append(build.fact(name, "date", derive=made("therapy", field, where)))
            leaves.append(m.AgoTest(name, draw(st.sampled_from(AGO_OPS)), draw(LENGTHS)))
    record = m.RecordList("therapy", "Therapy", m.Duration(7, 0), FIELDS)
    return build.pack(facts, [build.criterion("I01", m.All(tuple(leaves)))], records=[record])


@st.composite
def days(draw: st.DrawFn) -> str:
    day = AS_OF - timedelta(
        days=draw(st.sampled_from([0, 6, 7, 8, 29, 30, 31, 364, 365, 366, 800]))
    )
    text = (day + timedelta(days=draw(st.integers(-1, 1)))).isoformat()
    return text[: draw(st.sampled_from([10, 10, 10, 7, 4]))]


CODES = st.sampled_from(["cd19", "cd20", "cd22"])
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["chemo", "steroid", "other"]),
        "target": st.lists(CODES | st.just(""), min_size=1, max_size=3, unique=True),
        "dose": st.sampled_from(["5", "4", "<5", "<=5", ">5", ">=5", ">4"]),
        "began": days() | st.just("ongoing"),
        "ended": days() | st.just("ongoing"),
    },
)


@settings(max_examples=1500 if LONG else 30, deadline=None)
@given(list_packs(), st.lists(st.lists(ENTRY, max_size=4), min_size=4, max_size=4), st.booleans())
def test_what_entries_add_up_to_is_a_region(
    protocol: m.Protocol, lists: list[list[dict[str, object]]], confirmed: bool
) -> None:
    space = Space([protocol], AS_OF)
    leaves = list(leaves_of(protocol.criteria[0].holds_when, {}))
    for entries in lists:
        on = AS_OF.isoformat() if confirmed else None
        recorded = {"records": {"therapy": {"complete_on": on, "entries": entries}}}
        subject = subject_from(recorded, protocol, AS_OF)
        found = reference.truths(protocol, reference.readings(protocol, subject, AS_OF), AS_OF)
        truths = {leaf: NUMBER[found[f"I01.{i}"]] for i, leaf in enumerate(leaves, start=1)}
        for variable in space.variables:
            if variable.held.whole:
                seen = tuple(
                    truths[leaf] for _, leaf in variable.leaves if not isinstance(leaf, m.Todo)
                )
                assert seen in {cell.truths for cell in variable.cells}, variable.facts
