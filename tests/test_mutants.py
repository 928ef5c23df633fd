"""The list of mutants that survive: each is a change of code that exists, and has its reason."""

from __future__ import annotations

import ast

import pytest

from tests import mutants


def test_the_list_names_mutants_that_exist_each_with_its_reason() -> None:
    names = {one.name for one in mutants.mutants()}
    listed = mutants.survivors()
    assert [name for name in listed if name not in names] == [], "take these off the list"
    assert [name for name, reason in listed.items() if not reason] == []


@pytest.mark.parametrize("path", ["engine/reference/measures.py", "engine/compile/leaves.py"])
def test_every_mutant_is_another_module_that_compiles(path: str) -> None:
    """Each differs from the module and from the others, and the module is left as it was."""
    before = ast.unparse(ast.parse((mutants.ROOT / path).read_text("utf-8")))
    made = {name: ast.unparse(tree) for name, tree in mutants.changes(path)}
    assert len(made) > 100
    assert before not in made.values()
    assert len(set(made.values())) == len(made)
    for text in made.values():
        compile(text, path, "exec")
