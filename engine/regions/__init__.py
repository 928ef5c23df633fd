"""What can be recorded, cut into finitely many regions: the ground of every proof about a pack.

Whatever a pack asks, it asks through its tests, and the limits in them cut the values of a
fact into finitely many regions inside which no test changes. A *cell* is one combination of
truths that the tests on some coupled facts can have together. Cells are not reasoned out:
each is found by evaluating the reference on something recorded at and beside every limit.

- **real** cells come from something that can be written into a subject file; a witness is
  put together from them and evaluated again as a whole;
- **possible** cells widen them to a superset (any interval between two limits, any entry
  that may match), so that what no possible cell allows is proved.

Facts are coupled, and share a variable, where one is derived from another, where two are
derived from one date, or where two derivations over one list cannot be told apart (every
entry that one counts, the other counts too). Other derivations over a list are free of each
other, for each has entries that it alone counts.

The as-of date shifts the regions of dates. Where a pack mixes days with months, counts the
same months in two ways, or asks about fixed days, the order of the limits depends on it; then
every order that occurs from 2000 to 2099 is looked at (`as_of_dates`).
"""
