# ruff: noqa: E501 (a table: a pack a line reads best)
"""Small packs, each with one planted defect, and some without any.

A pack is written as its facts' names and its criteria. `codes` are all the findings that `check` must make, no more and no fewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import Any

FACTS: Mapping[str, str] = {
    "x": "{ask: X, type: quantity, unit: mg/dL, range: [0, 100], valid_for: 14 days}",
    "wide": "{ask: Wide, type: quantity, unit: mg/dL, valid_for: 14 days}",
    "a": "{ask: A, type: boolean, changes: never}",
    "b": "{ask: B, type: boolean, changes: never}",
    "birth_date": "{ask: Born, type: date, changes: never}",
    "age": "{ask: Age, type: quantity, unit: a, derive: {completed_years_since: birth_date}}",
    "sex": "{ask: Sex, type: choice, choices: [female, male], changes: never}",
    "grade": "{ask: Grade, type: choice, choices: [g0, g1, g2, g3], valid_for: 14 days}",
    "alt": "{ask: ALT, type: quantity, unit: U/L, uln: 40, valid_for: 14 days}",
    "started": "{ask: Started, type: date, changes: never}",
    "ended": "{ask: Ended, type: date, changes: never}",
    "lasted": "{ask: D, type: quantity, unit: d, derive: {days_between: {from: started, to: ended}}}",
    "chemo": "{ask: C, type: date, derive: {latest: therapy.ended, where: {kind: chemo}}}",
    "steroid": "{ask: S, type: date, derive: {latest: therapy.ended, where: {kind: steroid}}}",
    "treated": "{ask: T, type: date, derive: {latest: therapy.ended, where: {kind: [chemo, steroid]}}}",
    "courses": "{ask: N, type: quantity, derive: {count: therapy, where: {kind: chemo}}}",
    "exposed": "{ask: E, type: boolean, derive: {exists: therapy, where: {target: cd19}}}",
}
THERAPY = """\
records:
  therapy:
    ask: Therapy
    valid_for: 7 days
    fields:
      kind: {type: choice, choices: [chemo, steroid, other]}
      target: {type: choice, choices: [cd19, cd22], many: true}
      dose: {type: quantity, unit: mg, range: [0, 3]}
      ended: {type: date}
"""


@dataclass(frozen=True)
class Spec:
    """One pack: `facts` names those of `FACTS` it has, `more` adds others. A criterion is
    written `ID: condition` (I: inclusion, E: exclusion); `definitions` likewise."""

    name: str
    codes: frozenset[str]
    facts: str
    criteria: Mapping[str, str]
    definitions: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)
    cases: str = ""
    lists: str = ""
    own: str = ""

    def files(self) -> dict[str, bytes]:
        """The pack's files, `cases/` included."""
        facts = {name: FACTS[name] for name in self.facts.split()} | dict(self.more)
        dictionary = "facts:\n" + "".join(f"  {n}: {spec}\n" for n, spec in facts.items())
        if self.lists or any("therapy" in spec for spec in facts.values()):
            dictionary += THERAPY
        dictionary += dedent(self.own)
        lines = []
        if self.definitions:
            lines.append("definitions:")
            lines += [f"  {name}: {rule}" for name, rule in self.definitions.items()]
        lines.append("criteria:")
        for id_, rule in self.criteria.items():
            kind = "inclusion" if id_[0] == "I" else "exclusion"
            lines += [
                f"  - id: {id_}",
                f"    kind: {kind}",
                f"    text: {self.text.get(id_, f'The statement of {id_}')}",
                f"    holds_when: {rule}",
            ]
        found = {
            "protocol.yaml": f'protocol: {self.name}\nversion: "1"\ntitle: {self.name}\n',
            "facts.yaml": dictionary,
            "eligibility.yaml": "\n".join(lines) + "\n",
        }
        if self.cases:
            found["cases/all.yaml"] = "cases:\n" + indent(dedent(self.cases).strip(), "  ") + "\n"
        return {name: text.encode() for name, text in found.items()}


def bad(name: str, codes: str, facts: str, criteria: Mapping[str, str], **more: Any) -> Spec:
    return Spec(name, frozenset(codes.split()), facts, criteria, **more)


BAD = [
    # --- a criterion that nobody can pass, or fail, or that cannot be decided ---
    bad("limits-crossed", "never-passed", "wide", {"I01": "{all: [{wide: {above: 5}}, {wide: {below: 3}}]}"}),
    bad("excludes-all", "never-passed", "wide", {"E01": "{any: [{wide: {at_least: 5}}, {wide: {below: 5}}]}"}),
    bad("too-young-and-too-old", "never-passed", "birth_date age",
        {"I01": "{all: [{age: {below: 2}}, {birth_date: {at_least_ago: 3 years}}]}"}),
    bad("washout-of-all-and-recent-one", "never-passed", "chemo treated",
        {"I01": "{all: [{treated: {at_least_ago: 30 days}}, {chemo: {within_last: 14 days}}]}"}),
    bad("ended-before-it-started", "never-passed", "started ended lasted",
        {"I01": "{all: [{started: {on_or_after: 2026-01-01}}, {ended: {on_or_before: 2025-12-01}},"
                " {lasted: {at_least: 0}}]}"}),
    bad("between-nothing", "never-passed", "birth_date age",
        {"I01": "{all: [{age: {above: 5}}, {age: {below: 6}}]}"}),
    bad("no-such-ratio", "never-passed", "alt",
        {"I01": "{all: [{alt: {above_uln: 3}}, {alt: {at_most_uln: 2.5}}]}"}),
    bad("fails-nobody", "never-failed", "wide", {"I01": "{any: [{wide: {at_least: 5}}, {wide: {below: 5}}]}"}),
    bad("not-both", "never-failed", "a", {"I01": "{not: {all: [{a: true}, {a: false}]}}"}),
    bad("counts-from-nought", "never-failed", "courses", {"I01": "{courses: {at_least: 0}}"}),
    bad("every-code", "never-failed", "grade", {"I01": "{grade: [g0, g1, g2, g3]}"}),
    bad("not-written", "never-decided", "a", {"I01": "{todo: true}", "I02": "{a: true}"}),
    bad("not-written-below", "never-decided", "a", {"I01": "{defined: later}", "I02": "{a: true}"},
        definitions={"later": "{any: [{todo: true}, {not: {todo: true}}]}"}),
    bad("half-written", "todo", "a", {"I01": "{all: [{a: true}, {todo: true}]}"}),
    # --- criteria together ---
    bad("nobody-beside-what-is-not-written", "never-eligible todo", "a b",
        {"I01": "{any: [{a: true}, {b: true}]}", "E01": "{a: true}", "E02": "{b: true}",
         "I02": "{all: [{a: false}, {todo: true}]}"}),
    bad("nobody-beside-what-never-matters", "never-eligible never-matters", "a b wide",
        {"I01": "{any: [{a: true}, {b: true}]}", "E01": "{a: true}", "E02": "{b: true}",
         "I02": "{any: [{wide: {above: 3}}, {all: [{wide: {above: 3}}, {wide: {above: 1}}]}]}"}),
    bad("nobody-of-three", "never-eligible", "a b",
        {"I01": "{any: [{a: true}, {b: true}]}", "I02": "{a: false}", "I03": "{b: false}"}),
    bad("nobody-of-any-age", "never-eligible", "birth_date age",
        {"I01": "{any: [{age: {below: 10}}, {age: {at_least: 18}}]}", "I02": "{age: {below: 18}}",
         "I03": "{age: {at_least: 10}}"}),
    bad("weaker-limit-too", "implied", "wide", {"I01": "{wide: {at_least: 5}}", "I02": "{wide: {at_least: 3}}"}),
    bad("said-twice", "implied", "wide", {"I01": "{wide: {at_least: 5}}", "E01": "{wide: {below: 5}}"}),
    bad("code-listed-twice", "implied", "grade", {"E01": "{grade: [g2, g3]}", "E02": "{grade: g3}"}),
    bad("shorter-washout-too", "implied", "chemo",
        {"I01": "{chemo: {at_least_ago: 30 days}}", "I02": "{chemo: {at_least_ago: 7 days}}"}),
    bad("month-ensures-four-weeks", "implied", "chemo",
        {"I01": "{chemo: {at_least_ago: 1 month}}", "I02": "{chemo: {at_least_ago: 28 days}}"}),
    bad("limit-against-limit", "contradicted", "wide",
        {"I01": "{wide: {at_least: 5}}", "E01": "{wide: {at_least: 3}}"}),
    bad("age-against-birth", "contradicted", "birth_date age",
        {"I01": "{age: {at_least: 18}}", "I02": "{birth_date: {less_than_ago: 18 years}}"}),
    bad("window-against-window", "contradicted", "chemo",
        {"I01": "{chemo: {within_last: 14 days}}", "E01": "{chemo: {less_than_ago: 30 days}}"}),
    bad("one-list-two-windows", "contradicted", "chemo treated",
        {"I01": "{chemo: {within_last: 7 days}}", "E01": "{treated: {within_last: 14 days}}"}),
    bad("both-at-the-limit", "overlap", "wide", {"I01": "{wide: {at_least: 1}}", "E01": "{wide: {at_most: 1}}"}),
    bad("both-at-eighteen", "overlap", "birth_date age",
        {"I01": "{age: {between: [2, 18]}}", "E01": "{age: {at_least: 18}}"}),
    bad("both-on-the-day", "overlap", "chemo",
        {"I01": "{chemo: {within_last: 30 days}}", "E01": "{chemo: {at_least_ago: 30 days}}"}),
    bad("both-at-eight-beside-others", "overlap", "wide x",
        {"I01": "{all: [{x: {at_most: 2}}, {wide: {at_least: 8}}]}", "E01": "{wide: {at_most: 8}}"}),
    bad("both-at-eight-in-a-list", "overlap", "wide x",
        {"I01": "{wide: {at_least: 8}}", "E01": "{any: [{wide: {at_most: 8}}, {x: {above: 2}}]}"}),
    bad("both-at-five-times-normal", "overlap", "alt a",
        {"I01": "{alt: {at_most_uln: 5}}", "E01": "{any: [{alt: {at_least_uln: 5}}, {a: true}]}"}),
    bad("both-on-the-birthday", "overlap", "birth_date age",
        {"I01": "{age: {at_least: 18}}", "E01": "{birth_date: {within_last: 18 years}}"}),
    bad("both-at-eighteen-by-whole-years", "overlap", "birth_date age",
        {"I01": "{age: {at_most: 18}}", "E01": "{age: {above: 17}}"}),
    bad("code-in-both", "overlap", "grade", {"I01": "{grade: [g1, g2]}", "E01": "{grade: [g2, g3]}"}),
    bad("upper-age-never-reached", "overlap", "birth_date age",
        {"I01": "{age: {between: [18, 70]}}", "E01": "{age: {above: 65}}"}),
    bad("lower-limit-never-reached", "overlap", "wide a",
        {"I01": "{wide: {between: [7, 10.5]}}", "E01": "{any: [{wide: {below: 8}}, {a: true}]}"}),
    bad("target-within-targets", "implied", "exposed", {"E01": "{exposed: true}", "E02": "{either: true}"},
        more={"either": "{ask: E, type: boolean, derive: {exists: therapy, where: {target: [cd19, cd22]}}}"}),
    bad("any-treatment-ended-before", "implied", "chemo",
        {"I01": "{last: {at_least_ago: 14 days}}", "I02": "{chemo: {at_least_ago: 14 days}}"},
        more={"last": "{ask: L, type: date, derive: {latest: therapy.ended}}"}),
    bad("two-courses-are-one", "implied", "courses",
        {"I01": "{courses: {at_least: 2}}", "I02": "{given: true}"},
        more={"given": "{ask: G, type: boolean, derive: {exists: therapy}}"}),
    bad("exposed-without-treatment", "contradicted", "exposed",
        {"I01": "{exposed: true}", "I02": "{lines: {below: 1}}"},
        more={"lines": "{ask: N, type: quantity, derive: {count: therapy}}"}),
    bad("day-still-to-come", "implied", "",
        {"I01": "{last: {on_or_after: 2026-03-01}}", "I02": "{last: {on_or_after: 2026-02-01}}"},
        more={"last": "{ask: L, type: date, derive: {latest: therapy.ended}}"}),
    bad("month-in-four-weeks-beside-a-day", "implied", "started ended",
        {"I01": "{started: {within_last: 1 month}}", "I02": "{started: {less_than_ago: 4 weeks}}",
         "I03": "{ended: {on_or_before: 2026-01-01}}"}),
    # --- inside a criterion ---
    bad("wider-beside-narrower", "never-matters", "wide",
        {"I01": "{any: [{wide: {above: 5}}, {wide: {above: 3}}]}"}),
    bad("absorbed", "never-matters", "a b", {"I01": "{any: [{a: true}, {all: [{a: true}, {b: true}]}]}"}),
    bad("band-inside-band", "never-matters", "birth_date age wide",
        {"I01": "{any: [{all: [{age: {below: 6}}, {wide: {above: 50}}]},"
                " {all: [{age: {below: 16}}, {wide: {above: 50}}]}]}"}),
    bad("code-again", "never-matters", "grade a",
        {"I01": "{all: [{grade: g1}, {grade: [g1, g2]}, {a: true}]}"}),
    bad("never-both-inside", "never-together", "wide a",
        {"I01": "{any: [{a: true}, {all: [{wide: {above: 5}}, {wide: {below: 3}}]}]}"}),
    bad("windows-apart", "never-together", "chemo a",
        {"I01": "{any: [{a: true}, {all: [{chemo: {at_least_ago: 30 days}}, {chemo: {within_last: 7 days}}]}]}"}),
    bad("ages-apart", "never-together", "birth_date age a",
        {"I01": "{any: [{a: true}, {all: [{age: {at_least: 12}}, {birth_date: {less_than_ago: 10 years}}]}]}"}),
    bad("no-code-in-all-three", "never-together", "grade a",
        {"I01": "{any: [{a: true}, {all: [{grade: [g1, g2]}, {grade: [g2, g3]}, {grade: [g1, g3]}]}]}"}),
    bad("target-said-again", "never-matters", "exposed a",
        {"E01": "{all: [{a: true}, {any: [{either: true}, {exposed: true}]}]}"},
        more={"either": "{ask: E, type: boolean, derive: {exists: therapy, where: {target: [cd19, cd22]}}}"}),
    bad("two-defects-in-one-criterion", "never-matters gap", "birth_date age wide",
        {"E01": "{any: [{all: [{age: {below: 6}}, {wide: {above: 0.8}}, {wide: {above: 0.5}}]},"
                " {all: [{age: {above: 6}}, {wide: {above: 1}}]}]}"}),
    bad("always-one", "always-holds", "wide a",
        {"I01": "{all: [{a: true}, {any: [{wide: {at_least: 5}}, {wide: {below: 5}}]}]}"}),
    # --- ordered lists ---
    bad("age-six-forgotten", "gap", "birth_date age wide",
        {"E01": "{any: [{all: [{age: {below: 6}}, {wide: {above: 0.8}}]},"
                " {all: [{age: {between: [7, 12]}}, {wide: {above: 1}}]},"
                " {all: [{age: {above: 12}}, {wide: {above: 1.4}}]}]}"}),
    bad("girls-forgotten", "gap", "birth_date age sex wide",
        {"E01": "{any: [{all: [{age: {below: 13}}, {wide: {above: 1}}]},"
                " {all: [{age: {between: [13, 15]}}, {sex: male}, {wide: {above: 1.5}}]},"
                " {all: [{age: {at_least: 16}}, {wide: {above: 1.7}}]}]}"}),
    bad("age-six-twice", "step-overlap", "birth_date age wide",
        {"E01": "{any: [{all: [{age: {at_most: 6}}, {wide: {above: 0.8}}]},"
                " {all: [{age: {between: [6, 12]}}, {wide: {above: 1}}]},"
                " {all: [{age: {above: 12}}, {wide: {above: 1.4}}]}]}"}),
    bad("twelve-forgotten-in-definitions", "gap", "birth_date age wide",
        {"E01": "{any: [{defined: young}, {defined: old}]}"},
        definitions={"young": "{all: [{age: {below: 12}}, {wide: {above: 0.8}}]}",
                     "old": "{all: [{age: {above: 12}}, {wide: {above: 1.2}}]}"}),
    bad("six-forgotten-by-not", "gap", "birth_date age wide",
        {"E01": "{any: [{all: [{not: {age: {at_least: 6}}}, {wide: {above: 0.8}}]},"
                " {all: [{not: {age: {at_most: 6}}}, {wide: {above: 1}}]}]}"}),
    bad("sixteen-forgotten-of-two-scales", "gap", "birth_date age wide x",
        {"I01": "{any: [{all: [{age: {at_least: 2}}, {age: {below: 16}}, {x: {above: 50}}]},"
                " {all: [{age: {above: 16}}, {wide: {above: 50}}]}]}"}),
    bad("girls-of-thirteen-forgotten", "gap", "birth_date age sex wide",
        {"E01": "{any: [{all: [{age: {below: 13}}, {wide: {above: 1}}]},"
                " {all: [{age: {between: [13, 15]}}, {sex: male}, {wide: {above: 1.5}}]},"
                " {all: [{age: {at_least: 16}}, {sex: male}, {wide: {above: 1.7}}]},"
                " {all: [{age: {at_least: 14}}, {sex: female}, {wide: {above: 1.4}}]}]}"}),
    bad("women-forgotten", "gap", "birth_date age sex wide",
        {"E01": "{any: [{all: [{age: {below: 13}}, {wide: {above: 1}}]},"
                " {all: [{age: {at_least: 13}}, {sex: male}, {wide: {above: 1.7}}]}]}"}),
    bad("between-nineteen-and-twenty", "gap", "wide x",
        {"E01": "{any: [{all: [{wide: {between: [10, 19]}}, {x: {above: 8}}]},"
                " {all: [{wide: {between: [20, 39]}}, {x: {above: 9}}]}]}"}),
    bad("from-one-to-two-times-normal", "gap", "alt x",
        {"E01": "{any: [{all: [{alt: {at_most_uln: 1}}, {x: {above: 3}}]},"
                " {all: [{alt: {above_uln: 2}}, {x: {above: 2}}]}]}"}),
    bad("thirty-days-forgotten", "gap", "started x",
        {"E01": "{any: [{all: [{started: {less_than_ago: 30 days}}, {x: {below: 7}}]},"
                " {all: [{started: {more_than_ago: 30 days}}, {x: {below: 8}}]}]}"}),
    bad("no-scale-from-sixteen-to-eighteen", "gap", "birth_date age wide x",
        {"I01": "{all: [{any: [{age: {at_least: 16}}, {x: {at_least: 50}}]},"
                " {any: [{age: {below: 18}}, {wide: {at_least: 50}}]}]}"}),
    bad("no-rule-at-sixteen", "gap", "birth_date age wide x",
        {"I01": "{all: [{any: [{age: {at_least: 16}}, {x: {above: 50}}]},"
                " {any: [{age: {at_most: 16}}, {wide: {above: 50}}]}]}"}),
    bad("twelve-twice-in-definitions", "step-overlap", "birth_date age wide",
        {"E01": "{any: [{defined: young}, {defined: old}]}"},
        definitions={"young": "{all: [{age: {at_most: 12}}, {wide: {above: 0.8}}]}",
                     "old": "{all: [{age: {at_least: 12}}, {wide: {above: 1.2}}]}"}),
    # --- time ---
    bad("window-outlives-result", "window-beyond-validity", "",
        {"E01": "{mri: {within_last: 30 days}}"}, more={"mri": "{ask: MRI, type: date, valid_for: 14 days}"}),
    bad("months-outlive-weeks", "window-beyond-validity", "",
        {"I01": "{scan: {less_than_ago: 3 months}}"}, more={"scan": "{ask: Scan, type: date, valid_for: 4 weeks}"}),
    bad("two-months-of-sixty-days", "window-beyond-validity", "",
        {"E01": "{mri: {within_last: 60 days}}"}, more={"mri": "{ask: MRI, type: date, valid_for: 2 months}"}),
    bad("leap-year", "window-beyond-validity", "",
        {"E01": "{mri: {within_last: 366 days}}"}, more={"mri": "{ask: MRI, type: date, valid_for: 1 year}"}),
    bad("good-for-ever", "no-validity", "", {"I01": "{hb: {above: 8}}"},
        more={"hb": "{ask: Hb, type: quantity, unit: g/dL}"}),
    bad("changes-without-end", "no-validity", "", {"I01": "{hb: {above: 8}}"},
        more={"hb": "{ask: Hb, type: quantity, unit: g/dL, changes: with_time}"}),
    # --- words and rules ---
    bad("days-amended-in-the-rule", "number-untested", "chemo", {"I01": "{chemo: {at_least_ago: 21 days}}"},
        text={"I01": "At least 14 days since chemotherapy"}),
    bad("limit-amended-in-the-rule", "number-untested", "wide", {"I01": "{wide: {at_most: 2}}"},
        text={"I01": "Creatinine up to 1.5 mg/dL"}),
    bad("month-for-thirty-days", "number-untested", "chemo", {"I01": "{chemo: {at_least_ago: 1 month}}"},
        text={"I01": "At least 30 days since chemotherapy"}),
    bad("times-normal-amended", "number-untested", "alt", {"E01": "{alt: {above_uln: 3}}"},
        text={"E01": "ALT above 5 times the upper limit of normal"}),
    bad("part-of-the-words", "number-untested", "x", {"I01": "{x: {at_least: 2}}"},
        text={"I01": "X of 2 mg/dL or more and no transfusion in the last 7 days"}),
    bad("window-that-no-words-have", "number-unworded", "", {"I01": "{mri: {within_last: 7 days}}"},
        more={"mri": "{ask: MRI, type: date, valid_for: 14 days}"}, text={"I01": "MRI that is not older than 14 days"}),
    bad("never-treated", "never-lasts", "", {"I01": "{on_mtx: {at_least_ago: 90 days}}"},
        more={"on_mtx": "{ask: MTX since, type: date, valid_for: 90 days}"},
        text={"I01": "Taking methotrexate for at least 90 days"}),
    bad("gap-from-a-drug-never-given", "gap-of-never", "started chemo", {"E01": "{gap: {below: 14}}"},
        more={"gap": "{ask: G, type: quantity, unit: d, derive: {days_between: {from: chemo, to: started}}}"}),
    bad("field-that-nothing-reads", "unused-field", "", {"E01": "{n: {at_least: 2}}"},
        more={"n": "{ask: N, type: quantity, derive: {count: bp}}"}, own="""
            records:
              bp:
                ask: Pressure
                fields: {date: {type: date}, note: {type: text}}
        """),
    # --- the dictionary ---
    bad("beyond-the-range", "limit-outside-range never-passed", "x", {"I01": "{x: {above: 150}}"}),
    bad("at-the-range", "limit-outside-range never-failed", "x", {"I01": "{x: {at_most: 100}}"}),
    bad("below-the-range", "limit-outside-range", "x", {"I01": "{x: {between: [-1, 50]}}"}),
    bad("fact-unused", "unused-fact", "a b", {"I01": "{a: true}"}),
    bad("age-unused", "unused-fact", "birth_date age", {"I01": "{birth_date: {at_least_ago: 2 years}}"}),
    bad("definition-unused", "unused-definition", "a b", {"I01": "{all: [{a: true}, {b: true}]}"},
        definitions={"both": "{all: [{a: true}, {b: true}]}"}),
    bad("code-unused", "unused-choice", "grade", {"E01": "{grade: [g2, g3]}"},
        cases="""
            - {name: none, as_of: 2026-01-15, expect: {answers: {E01: no}},
               subject: {subject: S, facts: {grade: {value: g0, on: 2026-01-14}}}}
        """),
    bad("list-unused", "unused-list", "a", {"I01": "{a: true}"},
        more={"mri": "{ask: MRI, type: text}"}, lists="therapy"),
    bad("dose-beyond-its-range", "limit-outside-range never-failed", "",
        {"E01": "{strong: true}"},
        more={"strong": "{ask: S, type: boolean, derive: {exists: therapy, where: {dose: 12}}}"}),
    bad("days-beyond-their-range", "limit-outside-range never-passed", "started ended",
        {"I01": "{apart: {at_least: 1826}}"},
        more={"apart": "{ask: D, type: quantity, unit: d, range: [0, 1000], derive: {days_between: {from: started, to: ended}}}"}),
    bad("days-inside-their-range", "limit-outside-range never-failed", "started ended",
        {"I01": "{apart: {at_least: 5}}"},
        more={"apart": "{ask: D, type: quantity, unit: d, range: [100, 200], derive: {days_between: {from: started, to: ended}}}"}),
    bad("count-beyond-its-limit", "limit-outside-range never-failed", "",
        {"I01": "{any: [{n: {at_least: 1}}, {last: {ever: true}}]}", "I02": "{last: {at_least_ago: 7 days}}"},
        more={"n": "{ask: N, type: quantity, range: [4, 10], derive: {count: therapy}}",
              "last": "{ask: L, type: date, derive: {latest: therapy.ended}}"}),
    bad("age-beyond-its-range", "limit-outside-range never-passed", "birth_date",
        {"I01": "{years: {at_least: 18}}"},
        more={"years": "{ask: Y, type: quantity, unit: a, range: [0, 17], derive: {completed_years_since: birth_date}}"}),
    bad("washout-by-not", "window-beyond-validity", "",
        {"E01": "{not: {mri: {more_than_ago: 8 weeks}}}"}, more={"mri": "{ask: MRI, type: date, valid_for: 28 days}"}),
    bad("vague-manner", "vague-word", "a", {"E01": "{a: true}"}, text={"E01": "Severely impaired in the opinion of the investigator"}),
    bad("vague", "vague-word", "a", {"I01": "{a: true}"}, text={"I01": "Adequate organ function"}),
    bad("vague-history", "vague-word", "a", {"E01": "{a: true}"}, text={"E01": "Recent clinically significant bleeding"}),
    bad("case-of-nothing", "case-fault", "a", {"I01": "{a: true}"},
        cases="""
            - {name: n, as_of: 2026-01-15, expect: {answers: {I01: yes}},
               subject: {subject: S, facts: {aa: true}}}
        """),
    bad("case-not-born", "case-fault", "birth_date age", {"I01": "{age: {at_least: 2}}"},
        cases="""
            - {name: n, as_of: 2026-01-15, expect: {answers: {I01: no}},
               subject: {subject: S, facts: {birth_date: 2027-01-15}}}
        """),
    bad("case-beyond-range", "case-fault", "x", {"I01": "{x: {above: 5}}"},
        cases="""
            - {name: n, as_of: 2026-01-15, expect: {answers: {I01: yes}},
               subject: {subject: S, facts: {x: {value: 500, on: 2026-01-15}}}}
        """),
    bad("case-of-no-criterion", "case-fault", "a", {"I01": "{a: true}"},
        cases="""
            - {name: n, as_of: 2026-01-15, expect: {answers: {I02: yes}},
               subject: {subject: S, facts: {a: true}}}
        """),
]  # fmt: skip

CLEAN = [
    bad("one-boolean", "", "a", {"I01": "{a: true}"}),
    bad("side-by-side", "", "wide", {"I01": "{wide: {at_least: 1}}", "E01": "{wide: {at_least: 5}}"}),
    bad("bands", "", "birth_date age sex wide",
        {"E01": "{any: [{all: [{age: {below: 13}}, {wide: {above: 1}}]},"
                " {all: [{age: {at_least: 13}}, {sex: male}, {wide: {above: 1.7}}]},"
                " {all: [{age: {at_least: 13}}, {sex: female}, {wide: {above: 1.4}}]}]}"}),
    bad("two-washouts", "", "chemo steroid",
        {"I01": "{chemo: {at_least_ago: 14 days}}", "I02": "{steroid: {at_least_ago: 7 days}}"}),
    bad("nested-lists", "", "chemo treated",
        {"I01": "{chemo: {at_least_ago: 30 days}}", "I02": "{treated: {at_least_ago: 7 days}}"}),
    bad("month-is-not-thirty-days", "", "chemo",
        {"I01": "{chemo: {at_least_ago: 1 month}}", "I02": "{chemo: {at_least_ago: 30 days}}"}),
    bad("how-long-it-lasted", "", "started ended lasted",
        {"I01": "{lasted: {at_least: 28}}", "E01": "{ended: {within_last: 14 days}}",
         "I02": "{started: {on_or_after: 2025-01-01}}"}),
    bad("ratios", "", "alt", {"E01": "{alt: {above_uln: 5}}", "I01": "{alt: {above: 10}}"}),
    bad("counted-and-exposed", "", "courses exposed",
        {"I01": "{courses: {between: [1, 3]}}", "E01": "{exposed: true}"}),
    bad("defined-once", "", "grade a b",
        {"E01": "{defined: bad_grade}", "I01": "{any: [{a: true}, {all: [{b: true}, {not: {defined: bad_grade}}]}]}"},
        definitions={"bad_grade": "{grade: [g2, g3]}"}),
    bad("with-cases", "", "grade", {"E01": "{grade: [g2, g3]}"},
        cases="""
            - {name: none, as_of: 2026-01-15, expect: {answers: {E01: no}, verdict: eligible},
               subject: {subject: S, facts: {grade: {value: g0, on: 2026-01-14}}}}
            - {name: mild, as_of: 2026-01-15, expect: {answers: {E01: no}},
               subject: {subject: S, facts: {grade: {value: g1, on: 2026-01-14}}}}
        """),
    bad("two-rules-for-two-weights", "", "wide x grade",
        {"E01": "{any: [{all: [{wide: {below: 40}}, {x: {below: 10}}]}, {all: [{wide: {above: 120}}, {grade: g3}]}]}"}),
    bad("ages-by-disease", "", "birth_date age grade",
        {"I01": "{any: [{all: [{grade: g1}, {age: {between: [18, 70]}}]}, {all: [{grade: g2}, {age: {between: [50, 80]}}]}]}"}),
    bad("one-treatment-of-two-targets", "", "exposed",
        {"I01": "{exposed: true}", "I02": "{other: true}", "I03": "{lines: {at_most: 1}}"},
        more={"other": "{ask: E, type: boolean, derive: {exists: therapy, where: {target: cd22}}}",
              "lines": "{ask: N, type: quantity, derive: {count: therapy}}"}),
    bad("code-excluded-with-another", "", "grade a",
        {"I01": "{grade: [g0, g1, g2]}", "E01": "{all: [{grade: g2}, {a: true}]}"}),
    bad("limits-of-normal", "", "alt", {"I01": "{alt: {at_most_uln: 3}}"},
        text={"I01": "ALT up to 3 times the upper limit of normal"}),
    bad("scores-are-whole", "", "x",
        {"E01": "{any: [{all: [{score: {between: [0, 1]}}, {x: {below: 8}}]},"
                " {all: [{score: {between: [2, 3]}}, {x: {below: 9}}]}]}"},
        more={"score": "{ask: S, type: quantity, unit: '1', resolution: 1, range: [0, 5], valid_for: 14 days}"}),
    bad("upper-end-excluded", "", "wide a",
        {"I01": "{wide: {at_least: 1}}", "E01": "{wide: {at_least: 5}}", "E02": "{all: [{wide: {below: 2}}, {a: true}]}"}),
    bad("month-of-one-list-beside-days", "", "chemo treated",
        {"I01": "{all: [{chemo: {within_last: 30 days}}, {treated: {more_than_ago: 1 month}}]}"}),
    bad("first-and-last-in-days-and-months", "", "",
        {"I01": "{all: [{first: {more_than_ago: 1 month}}, {last: {within_last: 30 days}}]}"},
        more={"first": "{ask: F, type: date, derive: {earliest: therapy.ended, where: {kind: chemo}}}",
              "last": "{ask: L, type: date, derive: {latest: therapy.ended, where: {kind: chemo}}}"}),
    bad("bands-that-exclude-each-other", "", "birth_date age wide",
        {"E01": "{any: [{all: [{age: {below: 12}}, {wide: {at_least: 70}}]},"
                " {all: [{age: {at_least: 12}}, {wide: {between: [40, 90]}}]}]}"}),
    bad("looser-where-attested", "", "birth_date age wide a",
        {"E01": "{any: [{all: [{age: {below: 12}}, {wide: {above: 70}}]},"
                " {all: [{age: {at_least: 12}}, {a: false}, {wide: {above: 90}}]}]}"}),
    bad("never-treated-in-a-list", "", "treated wide a",
        {"I01": "{any: [{all: [{treated: {within_last: 7 days}}, {wide: {at_least: 100}}]},"
                " {all: [{treated: {at_least_ago: 8 days}}, {wide: {at_least: 75}}, {a: true}]}]}"}),
    bad("ratio-of-a-narrow-range", "", "",
        {"I01": "{crea: {at_least_uln: 0.4}}", "I02": "{alk: {at_least_uln: 2}}"},
        more={"crea": "{ask: C, type: quantity, unit: mg/dL, uln: 1.2, range: [0.5, 30], valid_for: 14 days}",
              "alk": "{ask: K, type: quantity, unit: U/L, uln: 1, range: [5, 200], valid_for: 14 days}"}),
    bad("dose-between-whole-numbers", "", "",
        {"I01": "{whole: false}", "I02": "{given: true}"},
        more={"whole": "{ask: W, type: boolean, derive: {exists: therapy, where: {dose: [0, 1, 2, 3]}}}",
              "given": "{ask: G, type: boolean, derive: {exists: therapy}}"}),
    bad("older-than-a-century-some-day", "", "started",
        {"I01": "{all: [{started: {at_least_ago: 47000 days}}, {started: {ever: true}}]}"}),
    bad("lists-of-two-kinds-of-age", "", "birth_date age wide sex",
        {"E01": "{any: [{all: [{age: {below: 12}}, {wide: {above: 1}}]},"
                " {all: [{age: {between: [12, 17]}}, {sex: male}, {wide: {above: 1.5}}]},"
                " {all: [{age: {between: [12, 17]}}, {sex: female}, {wide: {above: 1.3}}]}]}"}),
    bad("interpreted", "", "a", {"I01": "{a: true}"}, text={"I01": "Adequate organ function\n    interpretation: As attested."}),
]  # fmt: skip
