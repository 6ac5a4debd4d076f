"""Where in a TOML file a key stands."""

from sync_worker.settings.lines import line_of, lines_by_place

TEXT = """# a comment
top = 1
[a.b]          # header
key = "x = y"
"quo.ted" = 2
dotted.deep = 3
list = [
  "k = v",
]

[[jobs]]
n = 1
[[jobs]]
  n = 2
[ 'a'."b" . c ]
d = {e = 1}
"""


def test_every_kind_of_key() -> None:
    """Headers, quoted and dotted keys, arrays of tables."""
    lines = lines_by_place(TEXT)
    assert lines == {
        ("top",): 2, ("a", "b"): 3, ("a", "b", "key"): 4, ("a", "b", "quo.ted"): 5,
        ("a", "b", "dotted"): 6, ("a", "b", "dotted", "deep"): 6, ("a", "b", "list"): 7,
        ("jobs", 0): 11, ("jobs", 0, "n"): 12, ("jobs", 1): 13, ("jobs", 1, "n"): 14,
        ("a", "b", "c"): 15, ("a", "b", "c", "d"): 16,
    }  # fmt: skip


def test_the_nearest_place() -> None:
    """What is not written by itself is where its table is."""
    lines = lines_by_place(TEXT)
    assert line_of(("a", "b", "c", "d", "e"), lines) == 16
    assert line_of(("a", "b", "missing"), lines) == 3
    assert line_of(("a",), lines) == 3
    assert line_of(("jobs",), lines) == 11
    assert line_of(("nothing",), lines) == 0
