"""Read `known` of a list, and the uses that the names in a subject's entries stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.terms import Agent, Entry, Field, RecordList
from engine.terms.agents import (
    MOST_WORDS,
    Named,
    Use,
    Values,
    contradicted,
    fits,
    folded,
    named_in,
    shares,
    unhyphened,
    use_text,
    words_of,
)
from engine.terms.faults import did_you_mean

RESERVED = frozenset(("synonyms", "source", "components", "uses"))


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
    source = sheet.words_of(path, top, "source")
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
