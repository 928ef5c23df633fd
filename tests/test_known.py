# ruff: noqa: E501 (tables: a case a line reads best)
"""What a list knows by name: what a pack may say of it, and what an entry's text then implies."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.reference import entries as listed_in
from engine.reference import evaluator as reference
from engine.select.readings import find_readings
from engine.terms import Exists, Protocol, Subject
from engine.terms.agents import as_recorded, folded, named_in, standing
from engine.terms.faults import InputRejected
from tests.generators import Screening, screenings

AS_OF = date(2026, 11, 20)
KNOWN = """
      rituximab: {kind: antibody, target: [cd20], synonyms: [MabThera], source: a list}
      blinatumomab: {kind: antibody, target: [cd19, other]}
      bendamustine: {kind: chemotherapy}
      doxorubicin: {kind: chemotherapy, synonyms: [Adriamycin]}
      hydrocortisone: [{kind: corticosteroid}, {kind: other, target: [none]}]
      hydrocortisone cream: {kind: other, target: [none]}
      AD: {components: [doxorubicin, hydrocortisone]}
      R-AD: {components: [rituximab, AD], synonyms: ['R AD']}
      RB: {components: [rituximab, blinatumomab]}
"""


def pack(known: str = KNOWN, more: str = "", asked: str = "kind: antibody") -> Protocol:
    facts = f"""
facts:
  found: {{ask: F, type: boolean, derive: {{exists: therapy, where: {{{asked}}}}}}}
  many: {{ask: M, type: quantity, derive: {{count: therapy, where: {{{asked}}}}}}}
records:
  therapy:
    ask: Therapy
    valid_for: 7 days
    fields:
      agent: {{type: text}}
      kind: {{type: choice, choices: [chemotherapy, corticosteroid, antibody, other]}}
      target: {{type: choice, choices: [cd19, cd20, cd22, other, none], many: true}}
      dose: {{type: quantity, unit: mg}}
    {more}
    known: {known}
"""
    criteria = "criteria: [{id: I01, kind: inclusion, text: t, holds_when: {found: true}}]"
    parts = {"protocol": "{protocol: p, version: 1, title: t}", "facts": facts}
    parts["eligibility"] = criteria
    return protocol_of({f"{k}.yaml": v.encode() for k, v in parts.items()}, "pack")


def faults_of(known: str, more: str = "", asked: str = "kind: antibody") -> list[str]:
    with pytest.raises(InputRejected) as refused:
        pack(known, more, asked)
    return [f"{fault.code}: {fault.message}" for fault in refused.value.faults]


def subject(entry: str, protocol: Protocol) -> Subject:
    text = f"{{subject: S, records: {{therapy: {{complete_on: 2026-11-18, entries: [{entry}]}}}}}}"
    return read_subject(f"{text}\n...\n".encode(), "s.yaml", protocol)


def matches(entry: str, asked: str) -> str:
    """Whether an entry matches, as both derivations have it."""
    protocol = pack(asked=asked)
    read = subject(entry, protocol)
    first = find_readings(protocol, read, AS_OF)
    second = reference.readings(protocol, read, AS_OF)
    assert {name: one.reading for name, one in first.items()} == second
    listed = read.records["therapy"].entries
    derive, record = protocol.facts["found"].derive, protocol.records["therapy"]
    assert isinstance(derive, Exists)
    truths = {listed_in.matches(one, derive.where, record, AS_OF.toordinal()) for one in listed}
    return "true" if "true" in truths else "unknown" if "unknown" in truths else "false"


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        ("{a: {}}", "known: `a` implies nothing"),
        ("{a: {synonyms: [b]}}", "known: `a` implies nothing"),
        ("{a: {kind: other, uses: [{kind: other}]}}", "known: `a` says more than one of fields, `uses` and `components`"),
        ("{a: {route: oral}}", "unknown-field: entries have no field `route`"),
        ("{a: {kind: tablet}}", "unknown-code: `tablet` is not one of the codes"),
        ("{a: {target: [cd20, cd99]}}", "unknown-code: `cd99` is not one of the codes"),
        ("{a: {kind: [other, antibody]}}", "misfit: an entry has one code of `kind`"),
        ("{a: {dose: 5}}", "misfit: `dose` is a quantity; a name implies codes of choices alone"),
        ("{a: {agent: b}}", "misfit: `agent` is a text; a name implies codes of choices alone"),
        ("{a: {kind: other}, A: {kind: antibody}}", "duplicate-name: `A` names `a` already"),
        ("{a: {kind: other, synonyms: ['Ａ']}}", "duplicate-name: `Ａ` names `a` already"),
        ("{a: {kind: other}, b: {kind: other, synonyms: ['a ']}}", "duplicate-name: `a` names `a` already"),
        ("{a: {components: [b]}}", "unknown-component: there is no known `b`"),
        ("{a: {components: []}}", "empty: `a` has no components"),
        ("{a: {components: [b]}, b: {components: [a]}}", "cycle: `a` is a component of itself"),
        ("{a: []}", "empty: `a` has no use"),
        ("{a: [kind]}", "type: the text `kind` stands where a use (`field: code`) is expected"),
        ("{a: antibody}", "type: the text `antibody` stands where a mapping or a list of mappings is expected"),
        ("{'++': {kind: other}}", "name: `++` has no letter or digit"),
        ("{a b c d e f g h i j k l m: {kind: other}}", "too-large: a name of 13 words; the limit is 12"),
    ],
)  # fmt: skip
def test_a_pack_says_what_a_name_implies_or_is_at_fault(known: str, fault: str) -> None:
    assert fault in faults_of(known)


def test_the_field_that_names_is_the_only_text_or_the_one_that_is_said() -> None:
    assert pack("{a: {kind: other}}").records["therapy"].known_by == "agent"
    assert pack("{a: {kind: other}}", "known_by: agent").records["therapy"].known_by == "agent"
    wrong = faults_of("{a: {kind: other}}", "known_by: kind")
    assert wrong == ["unknown-field: there is no text field `kind`"]


def test_where_asks_for_an_agent_by_any_of_its_names_and_for_no_regimen() -> None:
    assert matches("{agent: rituximab}", "agent: mabthera") == "true"
    assert matches("{agent: MABTHERA}", "agent: rituximab") == "true"
    assert matches("{agent: R-AD}", "agent: Adriamycin") == "true"
    assert matches("{agent: rituximab 375 mg}", "agent: rituximab") == "unknown"
    assert matches("{agent: bendamustine}", "agent: rituximab") == "false"
    assert faults_of(KNOWN, asked="agent: R-AD") == ["misfit: `R-AD` is read as its components"] * 2


@pytest.mark.parametrize(
    ("entry", "antibody", "cd20", "steroid"),
    [
        ("{agent: rituximab}", "true", "true", "false"),
        ("{agent: '  RITUXIMAB '}", "true", "true", "false"),
        ("{agent: ｒｉｔｕｘｉｍａｂ}", "true", "true", "false"),
        ("{agent: ritu\u00adximab}", "true", "true", "false"),
        ("{agent: MabThera, kind: antibody}", "true", "true", "false"),
        ("{agent: rituximab, target: [cd20, null]}", "true", "true", "false"),
        ("{agent: blinatumomab, target: cd19}", "true", "false", "false"),
        ("{agent: bendamustine}", "false", "unknown", "false"),
        ("{agent: hydrocortisone}", "false", "unknown", "unknown"),
        ("{agent: hydrocortisone, kind: corticosteroid}", "false", "unknown", "true"),
        ("{agent: hydrocortisone, target: none}", "false", "false", "unknown"),
        ("{agent: hydrocortisone, kind: other}", "false", "false", "false"),
        ("{agent: hydrocortisone cream 1%}", "unknown", "unknown", "unknown"),
        ("{agent: hydrocortisone cream 1%, kind: other}", "false", "unknown", "false"),
        # A text that holds a name: what only one of the two says is left open.
        ("{agent: rituximab 375 mg/m2, kind: chemotherapy}", "unknown", "unknown", "false"),
        ("{agent: rituximab375, kind: chemotherapy}", "unknown", "unknown", "false"),
        ("{agent: rituximab 375 mg/m2, kind: antibody}", "true", "unknown", "false"),
        ("{agent: rituximab 375 mg/m2, kind: antibody, target: cd22}", "unknown", "unknown", "false"),
        ("{agent: rituximab + bendamustine, kind: chemotherapy}", "unknown", "unknown", "false"),
        ("{agent: r-ad x6, kind: chemotherapy}", "unknown", "unknown", "unknown"),
        ("{agent: unrituximab, kind: chemotherapy}", "false", "unknown", "false"),
        ("{agent: something, kind: antibody, target: cd20}", "true", "true", "false"),
        # A regimen is each of its components.
        ("{agent: R-AD}", "true", "true", "unknown"),
        ("{agent: r ad}", "true", "true", "unknown"),
        ("{agent: AD, kind: chemotherapy}", "false", "unknown", "unknown"),
        ("{agent: R-AD, kind: chemotherapy, target: cd20}", "true", "true", "unknown"),
    ],
)  # fmt: skip
def test_an_entry_matches_by_what_it_says_and_what_its_name_implies(
    entry: str, antibody: str, cd20: str, steroid: str
) -> None:
    asked = ("kind: antibody", "target: cd20", "kind: corticosteroid")
    assert tuple(matches(entry, one) for one in asked) == (antibody, cd20, steroid)


@pytest.mark.parametrize(
    ("entry", "place", "message"),
    [
        ("{agent: rituximab, kind: chemotherapy}", "kind", "`kind: chemotherapy` contradicts `rituximab`, known as `kind: antibody, target: cd20`"),
        ("{agent: mabthera, target: [cd20, cd22]}", "target", "`target: cd22` contradicts `mabthera` (rituximab), known as `kind: antibody, target: cd20`"),
        ("{agent: hydrocortisone, kind: antibody}", "kind", "`kind: antibody` contradicts `hydrocortisone`, known as `kind: corticosteroid` or `kind: other, target: none`"),
        ("{agent: hydrocortisone, kind: corticosteroid, target: none}", "", ""),
        ("{agent: R-AD, kind: chemotherapy, target: cd22}", "", ""),
        ("{agent: AD, kind: antibody}", "kind", "`kind: antibody` fits no component of `AD`"),
        ("{agent: rituximab, kind: chemotherapy, voided: wrong file}", "", ""),
    ],
)  # fmt: skip
def test_a_contradiction_is_a_fault_at_the_stated_field(
    entry: str, place: str, message: str
) -> None:
    protocol = pack()
    if not place:
        subject(entry, protocol)
        return
    with pytest.raises(InputRejected) as refused:
        subject(entry, protocol)
    fault = next(f for f in refused.value.faults if f.message == message)
    assert fault.code == "contradiction" and fault.hint
    line = f"entries: [{entry}"
    assert place in line and fault.span.column > 1


def test_each_component_counts_and_the_recorded_entry_is_one() -> None:
    protocol = pack(asked="kind: [chemotherapy, antibody]")
    entries = subject("{agent: R-AD, kind: chemotherapy, target: [cd20]}", protocol)
    (whole,) = as_recorded(entries.records["therapy"].entries)
    assert whole.known == ("rituximab", "doxorubicin", "hydrocortisone")
    assert whole.values == {"agent": "R-AD", "kind": "chemotherapy", "target": ("cd20",)}
    found = reference.readings(protocol, entries, AS_OF)["many"]
    assert found.low == 2_000_000


def test_how_a_text_stands_to_the_list_can_be_told() -> None:
    protocol = pack()
    record = protocol.records["therapy"]
    wanted = {
        "rituximab": "listed",
        "R-AD": "listed",
        "rituximab 375 mg/m2": "holds a listed name",
        "rituximb": "not on the list",
    }
    for text, said in wanted.items():
        (entry, *_) = subject(f"{{agent: {text}}}", protocol).records["therapy"].entries
        assert standing(entry, record) == said


def test_a_code_that_is_left_blank_may_be_any_beside_those_that_a_name_implies() -> None:
    assert matches("{agent: rituximab, target: [cd20, null]}", "target: cd22") == "unknown"
    assert matches("{agent: rituximab, target: cd20}", "target: cd22") == "false"
    assert matches("{agent: RB, target: [cd20, null]}", "target: cd22") == "unknown"
    assert matches("{agent: RB, target: cd20}", "target: cd22") == "false"


def test_of_names_one_within_another_the_longest_counts() -> None:
    record = pack("{a b: {kind: other}, b: {kind: antibody}, b c: {kind: other}}").records[
        "therapy"
    ]
    assert named_in(record, "x a b y") == (("a b",), False)
    assert named_in(record, "b a b") == (("b", "a b"), False)
    assert named_in(record, "a b c") == (("a b", "b c"), False)


def test_a_name_in_a_script_without_spaces_is_a_word() -> None:
    record = pack("{利妥昔单抗: {kind: antibody}}").records["therapy"]
    assert named_in(record, "利妥昔单抗注射液 500mg") == (("利妥昔单抗",), False)


@given(st.text(max_size=40))
def test_folding_is_settled_after_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(screenings())
def test_what_a_regimen_is_read_as_is_what_was_recorded(one: Screening) -> None:
    """No code that was stated is lost, and none is added."""
    for name, listed in one.subject().records.items():
        raw: list[Any] = (one.recorded["records"][name] or {}).get("entries") or []
        for entry in as_recorded(listed.entries):
            said = raw[int(entry.entry.rpartition("[")[2][:-1])]
            for field, value in entry.values.items():
                stated = said[field]
                if isinstance(value, tuple):
                    codes = stated if isinstance(stated, list) else [stated]
                    assert {*value} == {code or "" for code in codes}
                elif isinstance(value, str) and isinstance(stated, str):
                    assert value == stated.strip()


NAMED = pack().records["therapy"]
SIGNS = "™℠®©㎎㎡Ⓡ🄬²ª₂Ⅳᵀᴹᵣ№℃½µ€+~^\u200b\u200d\ufeff\u00ad\ufe0f-/,;_ \n"
TWINS = {"a": "аαá", "i": "іιıİí", "m": "мМμ", "t": "тτ", "u": "ü", "x": "хχ", "b": "вΒ", "r": "R"}


@pytest.mark.parametrize(
    "text",
    ["RİTUXİMAB", "Rıtuximab", "rituximаb", "RITUXIМАВ", "RΙTUXIMAΒ", "MabThera™", "MabThera ®", "MabThera™\ufe0f", "R‑AD", "R–AD"],
)  # fmt: skip
def test_signs_and_letters_that_look_alike_do_not_hide_a_name(text: str) -> None:
    assert named_in(NAMED, text)[1] and "rituximab" in named_in(NAMED, text)[0]


@pytest.mark.parametrize(
    "text",
    ["rituximab㎎/m2", "MabThera™375", "MabTheraᵀᴹ", "MabTheraⓇ", "rituxi-mab", "rituxi-\nmab", "rituxi\u00admab™mg", "rituximab\u200bmg", "x-ritu-xi-mab", "rituximáb", "r-a-d x6", "RAD"],
)  # fmt: skip
def test_a_name_that_a_sign_touches_or_a_hyphen_breaks_is_held(text: str) -> None:
    assert "rituximab" in named_in(NAMED, text)[0] and not named_in(NAMED, text)[1]
    assert (
        matches(f"{{agent: {text!r}, kind: chemotherapy}}".replace("'", '"'), "target: cd20")
        == "unknown"
    )


def test_words_that_only_share_letters_are_no_name() -> None:
    for text in ("rituxi mab", "unrituximab", "vitamin A, D", "rituximabs", "mabtheratm"):
        assert named_in(NAMED, text) == ((), False)


@given(st.data(), st.sampled_from(["rituximab", "mabthera"]))
def test_no_sign_beside_a_name_and_no_twin_within_hides_it(data: st.DataObject, name: str) -> None:
    written = "".join(data.draw(st.sampled_from(c + c.upper() + TWINS.get(c, ""))) for c in name)
    sign = st.text(SIGNS, min_size=1, max_size=4)
    before, after = data.draw(st.just("") | sign), data.draw(st.just("") | sign)
    names, _ = named_in(
        NAMED,
        f"{before}{written}{after}{data.draw(st.sampled_from(['', 'mg', '5']))}"
        if after
        else before + written,
    )
    assert "rituximab" in names


@given(st.data())
def test_no_hyphen_within_a_name_hides_it(data: st.DataObject) -> None:
    hyphen = st.sampled_from(["", "", "-", "\u00ad", "\u2011", "–", "\u200b", "- "])
    written = "".join(c + data.draw(hyphen) for c in "mabthera")
    assert "rituximab" in named_in(NAMED, f"x {written} 5 mg")[0]
