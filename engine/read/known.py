"""What a list knows by name: the agents of the dictionary, and which of them a text names.

Names compare after folding case, width, spaces and letters that look alike. A text that is a
name, or a synonym, is that agent; a text that holds one as words among others may be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.terms import Agent, Entry, Field, Recorded, RecordList
from engine.terms.faults import did_you_mean

Use = Mapping[str, tuple[str, ...]]
Values = Mapping[str, Recorded | tuple[str, ...]]
Standing = Literal["listed", "holds a listed name", "not on the list"]
Named = Mapping[str | tuple[str, ...], tuple[str, ...]]
"""Agents by a folded name, and by the words of one."""

MOST_WORDS = 12
"""The most words that a name may have."""

RESERVED = frozenset(("synonyms", "source", "components", "uses"))
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


def read_uses(sheet: Sheet, path: Path, record: RecordList, entry: Entry) -> tuple[Entry, ...]:
    """An entry with what its text names, one for each component of a regimen.

    Faults: a stated field that no use of a named agent allows, or no component of a regimen.
    """
    text = entry.values.get(record.known_by)
    if not record.known or not isinstance(text, str):
        return (entry,)
    names, exact = named_in(record, text)
    if not exact or len(names) == 1:
        made = _with(entry, names, exact, entry.values)
        if exact and not fits(record.known[names[0]], entry.values):
            _contradiction(sheet, path, record.known[names[0]], text, entry.values)
        return (made,)
    divided = shares([record.known[name] for name in names], entry.values)
    parts = tuple(
        _with(entry, (name,), True, own) for name, own in zip(names, divided, strict=True)
    )
    for field, stated in entry.values.items():
        held = [part.values.get(field) for part in parts]
        if isinstance(stated, tuple):
            lost = [c for c in stated if not any(isinstance(h, tuple) and c in h for h in held)]
        else:
            lost = [] if any(h is not None for h in held) else [str(stated)]
        if lost:
            what = f"`{field}: {lost[0]}` fits no component of `{shorten(text)}`"
            hint = f"its components: {', '.join(f'`{name}`' for name in names)}; leave it blank"
            sheet.fault((*path, field), "contradiction", what, hint)
    return parts


def _with(entry: Entry, names: tuple[str, ...], exact: bool, values: Values) -> Entry:
    return replace(entry, values=values, known=names, exact=exact)


def _contradiction(sheet: Sheet, path: Path, agent: Agent, text: str, values: Values) -> None:
    """Say which field contradicts an agent, by its use that is nearest to what is stated."""
    nearest = min(agent.uses, key=lambda use: len(list(contradicted(use, values))))
    field, number = next(contradicted(nearest, values))
    stated = values[field]
    code = stated[number or 0] if isinstance(stated, tuple) else str(stated)
    known = " or ".join(f"`{use_text(use)}`" for use in agent.uses)
    name = f" ({agent.name})" if folded(agent.name) != folded(text) else ""
    what = f"`{field}: {code}` contradicts `{shorten(text)}`{name}, known as {known}"
    where = (*path, field) if number is None else (*path, field, number)
    hint = f"leave `{field}` blank, and it is filled in; or correct the name"
    sheet.fault(where, "contradiction", what, hint)


def use_text(use: Use) -> str:
    """A use as an author writes it: `kind: antibody, target: [cd20]`."""
    return ", ".join(
        f"{field}: {codes[0] if len(codes) == 1 else '[' + ', '.join(codes) + ']'}"
        for field, codes in use.items()
    )


# --- the pack's side -------------------------------------------------------------------


def read_known(
    sheet: Sheet, path: Path, fields: Mapping[str, Field], top: Mapping[str, Any]
) -> tuple[Mapping[str, Agent], str, Named]:
    """`known` and `known_by` of a list, and its agents by every name, ready to look up."""
    if "known" not in top:
        if "known_by" in top:
            sheet.fault((*path, "known_by"), "misfit", "`known_by` goes with `known`", key=True)
        return {}, "", {}
    known_by = _known_by(sheet, path, fields, top)
    at = (*path, "known")
    raw = sheet.names_of(at, top["known"], "names to what they imply")
    known = {
        name: agent
        for name, value in raw.items()
        if (agent := _agent(sheet, (*at, name), fields, name, value)) is not None
    }
    named: dict[str | tuple[str, ...], tuple[str, ...]] = {}
    for agent in known.values():
        places = [at, *((*at, agent.name, "synonyms", i) for i in range(len(agent.synonyms)))]
        for i, (place, name) in enumerate(zip(places, _names(agent), strict=True)):
            key, words = folded(name), words_of(folded(name))
            place = place if i else (*at, agent.name)
            if not words:
                what = f"`{shorten(name)}` has no letter or digit"
                sheet.fault(place, "name", what, key=not i)
            elif len(words) > MOST_WORDS:
                what = f"a name of {len(words)} words; the limit is {MOST_WORDS}"
                sheet.fault(place, "too-large", what, key=not i)
            elif key in named:
                what = f"`{shorten(name)}` names `{named[key][0]}` already"
                sheet.fault(place, "duplicate-name", what, "a name stands for one agent", key=not i)
            else:
                named[key] = (agent.name,)
                for way in (words, unhyphened(key)):
                    named[way] = tuple(dict.fromkeys((*named.get(way, ()), agent.name)))
    for agent in known.values():
        for i, name in enumerate(agent.components):
            if name not in raw:
                what = f"there is no known `{shorten(name)}`"
                where = (*at, agent.name, "components", i)
                sheet.fault(where, "unknown-component", what, did_you_mean(name, known))
        if agent.name in _reached(known, agent.components):
            what = f"`{agent.name}` is a component of itself"
            hint = "break the circle of components"
            sheet.fault((*at, agent.name, "components"), "cycle", what, hint, key=True)
    return known, known_by, named


def _names(agent: Agent) -> tuple[str, ...]:
    return (agent.name, *agent.synonyms)


def _reached(known: Mapping[str, Agent], names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += known[name].components if name in known else ()
    return found


def _known_by(sheet: Sheet, path: Path, fields: Mapping[str, Field], top: Mapping[str, Any]) -> str:
    texts = [field.name for field in fields.values() if field.type == "text"]
    if "known_by" in top:
        name = sheet.text_of((*path, "known_by"), top["known_by"], "a field's name") or ""
        if name and name not in texts:
            what = f"there is no text field `{shorten(name)}`"
            sheet.fault((*path, "known_by"), "unknown-field", what, did_you_mean(name, texts))
        return name
    if len(texts) != 1:
        what = f"{'several' if texts else 'no'} text fields could name what is known"
        hint = "say `known_by: FIELD`" if texts else "add a field of type `text`"
        sheet.fault((*path, "known"), "missing-key", what, hint, key=True)
        return ""
    return texts[0]


def _agent(
    sheet: Sheet, path: Path, fields: Mapping[str, Field], name: str, value: Any
) -> Agent | None:
    top = value if isinstance(value, Mapping) else {"uses": value}
    if not isinstance(value, Mapping | list):
        sheet.expected(path, value, "a mapping or a list of mappings")
        return None
    own = {key: one for key, one in top.items() if key not in RESERVED}
    ways = [key for key in ("components", "uses") if key in top] + (["fields"] if own else [])
    if len(ways) != 1:
        what = f"`{shorten(name)}` implies nothing"
        if ways:
            what = f"`{shorten(name)}` says more than one of fields, `uses` and `components`"
        hint = "say its fields, a list of uses, or the `components` of a regimen"
        sheet.fault(path, "known", what, hint, key=True)
        return None
    uses: list[Use] = []
    if ways == ["fields"]:
        uses = [_use(sheet, path, fields, own)]
    elif ways == ["uses"]:
        at = path if isinstance(value, list) else (*path, "uses")
        for i, one in enumerate(sheet.list_of(at, top["uses"], "uses")):
            if isinstance(one, Mapping) and one:
                uses.append(_use(sheet, (*at, i), fields, one))
            else:
                sheet.expected((*at, i), one, "a use (`field: code`)")
        if not top["uses"]:
            sheet.fault(at, "empty", f"`{shorten(name)}` has no use")
    components = _texts(sheet, (*path, "components"), top.get("components"), "names")
    if ways == ["components"] and not components:
        sheet.fault((*path, "components"), "empty", f"`{shorten(name)}` has no components")
    synonyms = _texts(sheet, (*path, "synonyms"), top.get("synonyms"), "names")
    source = ""
    if "source" in top:
        source = sheet.text_of((*path, "source"), top["source"]) or ""
    place = sheet.document.span(path, key=True)
    return Agent(name, synonyms, tuple(uses), components, source, place)


def _texts(sheet: Sheet, path: Path, value: Any, what: str) -> tuple[str, ...]:
    if value is None:
        return ()
    found = [
        sheet.text_of((*path, i), one, "a name")
        for i, one in enumerate(sheet.list_of(path, value, what))
    ]
    return tuple(text or "" for text in found)


def _use(sheet: Sheet, path: Path, fields: Mapping[str, Field], value: Mapping[str, Any]) -> Use:
    use: dict[str, tuple[str, ...]] = {}
    for name, said in value.items():
        field, here = fields.get(name), (*path, name)
        if field is None:
            hint = did_you_mean(name, {*fields, *RESERVED})
            what = f"entries have no field `{shorten(name)}`"
            sheet.fault(here, "unknown-field", what, hint, key=True)
        elif field.type != "choice":
            what = f"`{name}` is a {field.type}; a name implies codes of choices alone"
            sheet.fault(here, "misfit", what, key=True)
        elif isinstance(said, list) and not field.many:
            hint = "write a list of uses, each with one"
            sheet.fault(here, "misfit", f"an entry has one code of `{name}`", hint)
        else:
            several: Sequence[Any] = said if isinstance(said, list) else [said]
            codes = [choice.code for choice in field.choices]
            for i, one in enumerate(several):
                at = (*here, i) if isinstance(said, list) else here
                text = sheet.text_of(at, one, "a code")
                if text is not None and text not in codes:
                    what = f"`{shorten(text)}` is not one of the codes"
                    sheet.fault(at, "unknown-code", what, did_you_mean(text, codes))
                elif text is not None:
                    use[name] = (*use.get(name, ()), text)
            if not several:
                sheet.fault(here, "empty", "a use with none of no codes")
    return use
