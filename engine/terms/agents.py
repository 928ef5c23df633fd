"""What a list knows by name, and which of its agents a text names.

Names compare after folding case, width, spaces and letters that look alike. A text that is a
name, or a synonym, is that agent; a text that holds one as words among others may be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from engine.terms import Agent, Entry, Recorded, RecordList

Use = Mapping[str, tuple[str, ...]]
Values = Mapping[str, Recorded | tuple[str, ...]]
Standing = Literal["listed", "holds a listed name", "not on the list"]
Named = Mapping[str | tuple[str, ...], tuple[str, ...]]
"""Agents by a folded name, and by the words of one."""

_WORD = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]|[^\W\d_\u2e80-\u9fff\uf900-\ufaff]+|\d+")
_HYPHEN = re.compile(r"-\s*")
_DOTTED = re.compile("i\u0307+")
_UNSEEN = re.compile("[\u2122\u2120\u00ae\u00a9\ufe00-\ufe0f]")  # signs of a trade mark, variants
ALIKE = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445"  # Cyrillic
    "\u0455\u0456\u0458\u04bb\u04cf\u04af\u0501\u051b\u051d"
    "\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7"  # Greek
    "\u0131\u0251\u0261\u2010\u2012\u2013\u2014\u2212",  # dotless i, script a and g, dashes
    "abekmhopctyxsijhlydqwabezhikmnoptyxiag-----",
)
"""Letters of which the small or the capital form is that of a Latin letter, after folding case."""


def folded(text: str) -> str:
    """A name as it is compared: case, width, spaces, invisible signs and look-alikes aside."""
    while (plain := _folded_once(text)) != text:
        text = plain
    return text


def _folded_once(text: str) -> str:
    plain = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).casefold().translate(ALIKE)
    seen = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    return " ".join(_DOTTED.sub("i", seen).split())


def _forms(text: str) -> tuple[str, ...]:
    """A text in the ways in which names are looked for in it.

    A symbol, a raised letter or an invisible sign parts words, though it may fold to letters
    (`MabThera` and a trade mark sign) or to nothing; it joins them as a hyphen does. Accents go.
    """
    parted = "".join("-" if _parts(c) else c for c in text)
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", parted) if unicodedata.category(c)[0] != "M"
    )
    return tuple(dict.fromkeys(folded(form) for form in (text, parted, bare)))


def _parts(sign: str) -> bool:
    kind = unicodedata.category(sign)
    raised = unicodedata.decomposition(sign).startswith(("<super>", "<sub>"))
    return raised or sign == "\u00b5" or kind[0] == "S" or kind in ("Cf", "Nl", "No")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a folded text: runs of letters, runs of digits."""
    return tuple(_WORD.findall(text))


def unhyphened(text: str) -> tuple[str, ...]:
    """The words of a folded text if its hyphens only break words."""
    return words_of(_HYPHEN.sub("", text))


def standing(entry: Entry, record: RecordList) -> Standing:
    """How the thing that an entry names stands to the agents of its list."""
    if not record.known or not entry.known:
        return "not on the list"
    return "listed" if entry.exact else "holds a listed name"


def named_in(record: RecordList, text: str) -> tuple[tuple[str, ...], bool]:
    """The agents that a text names, and whether it is one's name and nothing else.

    A regimen stands for its components. Of names one within another, the longer counts.
    """
    whole = folded(text)
    exact = record.named.get(whole)
    if exact is not None:
        return _components(record.known, exact), True
    held = (name for form in _forms(text) for name in _held(record.named, form))
    return _components(record.known, held), False


def _held(named: Named, text: str) -> list[str]:
    """The names that stand as words in a folded text, hyphens within a word aside."""
    places = [(word.start(), word.end()) for word in _WORD.finditer(text)]
    held: list[tuple[int, tuple[str, ...]]] = []
    for start in range(len(places)):
        for end in range(min(len(places), start + MOST_WORDS), start, -1):
            part = text[places[start][0] : places[end - 1][1]]
            found = named.get(words_of(part)) or named.get(unhyphened(part))
            if found is not None and not (held and held[-1][0] >= end):
                held.append((end, found))
                break
    return [name for _, names in held for name in names]


def _components(known: Mapping[str, Agent], names: Iterable[str]) -> tuple[str, ...]:
    """The agents with uses that some names stand for."""
    found: dict[str, None] = {}
    todo = list(names)
    seen = set(todo)
    while todo:
        agent = known[todo.pop(0)]
        if not agent.components:
            found[agent.name] = None
        todo += [name for name in agent.components if name not in seen]
        seen.update(agent.components)
    return tuple(found)


def as_recorded(entries: Iterable[Entry]) -> list[Entry]:
    """Entries as a file holds them: the components of a regimen are one again."""
    found: dict[str, Entry] = {}
    for entry in entries:
        there = found.get(entry.entry)
        if there is None:
            found[entry.entry] = entry
            continue
        values = dict(there.values)
        for field, stated in entry.values.items():
            held = values.get(field, stated)
            if isinstance(held, tuple) and isinstance(stated, tuple):
                held = (*held, *(code for code in stated if code not in held))
            values[field] = held
        known = tuple(dict.fromkeys((*there.known, *entry.known)))
        found[entry.entry] = replace(there, values=values, known=known)
    return list(found.values())


def unsaid(entry: Entry, record: RecordList, field: str) -> bool:
    """Whether neither an entry nor its name settles a field."""
    if not entry.exact:
        return True
    uses = [use for name in entry.known for use in record.known[name].uses]
    agreeing = [use.get(field) for use in uses if not any(contradicted(use, entry.values))]
    return None in agreeing or len(set(agreeing)) != 1


def contradicted(use: Use, values: Values) -> Iterator[tuple[str, int | None]]:
    """The stated fields that a use contradicts; of several codes, which one."""
    for field, codes in use.items():
        stated = values.get(field)
        if isinstance(stated, tuple):
            yield from ((field, i) for i, code in enumerate(stated) if code and code not in codes)
        elif stated is not None and stated not in codes:
            yield field, None


def fits(agent: Agent, values: Values) -> bool:
    """Whether an agent has a use that nothing stated contradicts."""
    return any(not any(contradicted(use, values)) for use in agent.uses)


def shares(agents: Sequence[Agent], values: Values) -> list[Values]:
    """What is stated of a regimen, as it goes to its components.

    A stated code goes to those that it is known of; if it is of none, to those that say nothing
    of its field. What leaves a component without a use as a whole is not of it.
    """
    made: list[dict[str, Recorded | tuple[str, ...]]] = [{} for _ in agents]
    for field, stated in values.items():
        for code in stated if isinstance(stated, tuple) else (stated,):
            of = [any(code in use.get(field, ()) for use in one.uses) for one in agents]
            silent = [any(field not in use for use in one.uses) for one in agents]
            for held, own in zip(made, of if any(of) else silent, strict=True):
                if isinstance(stated, tuple) and (own or code == ""):
                    held[field] = (*_tuple(held.get(field)), str(code))
                elif own:
                    held[field] = stated
    for agent, held in zip(agents, made, strict=True):
        if not fits(agent, held):
            for field in {field for use in agent.uses for field in use}:
                held.pop(field, None)
    return list(made)


def _tuple(value: Recorded | tuple[str, ...] | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def use_text(use: Use) -> str:
    """A use as an author writes it: `kind: antibody, target: [cd20]`."""
    return ", ".join(
        f"{field}: {codes[0] if len(codes) == 1 else '[' + ', '.join(codes) + ']'}"
        for field, codes in use.items()
    )


MOST_WORDS = 12
"""The most words that a name may have."""
