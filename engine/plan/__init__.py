"""What comes after "not yet": when, what to collect, what would have to change.

`days` finds the days on which time alone can change a truth; `regions` cuts every fact that
may still come out differently into the ways that matter; `search` asks questions of them;
`collect` and `change` put the nurse's questions; `planner` answers for one subject, and
confirms through the fired rules what it answers.
"""
