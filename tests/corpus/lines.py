"""Line ends and quotes: what matters is what bronze holds of them."""

from __future__ import annotations

from dataclasses import replace

from tests.corpus.cases import ONE, THREE, TWO, Case, malformed, read, row, unreadable

OPEN = "a quoted value that begins in record 2 is never closed"
MIDDLE = (
    "a quoted value that begins in record 1 runs over the end of its line and is closed in the middle of a value: "
    "a quote is missing or stands alone"
)

_CASES = [
    # --- Line ends
    read("lf.csv", "id,name\n1,ann\n2,bob\n", ONE, TWO),
    read("crlf.csv", "id,name\r\n1,ann\r\n2,bob\r\n", ONE, TWO),
    read("cr.csv", "id,name\r1,ann\r2,bob\r", ONE, TWO),
    read("no_final_end.csv", "id,name\n1,ann\n2,bob", ONE, TWO),
    read("no_final_value.csv", "id,name,note\n1,ann,\n2,bob,", ONE, TWO),
    read("half_an_end.csv", "id,name\r\n1,ann\r\n2,bob\r", ONE, TWO),
    read("lf_then_crlf.csv", "id,name\n1,ann\n2,bob\r\n3,eve\n", ONE, TWO, THREE),
    read("crlf_then_lf.csv", "id,name\r\n1,ann\n2,bob\r\n3,eve\n", ONE, TWO, THREE),
    read("lf_header_crlf_rows.csv", "id,name\n1,ann\r\n2,bob\r\n", ONE, TWO),
    read("cr_cr_lf.csv", "id,name\r\r\n1,ann\r\r\n2,bob\r\r\n", ONE, TWO),
    read(
        "mixed_and_odd.csv",
        'id,name,note\r\n1,ann,\n\r\n2,bob,"x"\r\n3,eve\r\n4,"a\r\nb",""\n5,,y\r\n',
        ONE,
        row(id="2", name="bob", note="x"),
        malformed("3,eve"),
        row(id="4", name="a\r\nb", note=""),
        row(id="5", note="y"),
    ),
    read("mixed_in_one_column.csv", "id\r\n1\n\r\n2\r\n3", row(id="1"), row(id="2"), row(id="3")),
    read("cr_within_lf.csv", "id,name\n1,a\rb\n2,bob\r3,eve\n", row(id="1", name="a\rb"), malformed("2,bob\r3,eve")),
    unreadable(
        "lf_within_cr.csv",
        "id,name\r1,ann\n2,bob\r",
        "record 1 holds a line feed, but the header ends with a carriage return alone: the ends of lines differ",
    ),
    read(
        "quoted_ends_in_lf.csv",
        'id,name,note\n1,"a\r\nb","c\rd"\n2,"e\nf","g\r"\n',
        row(id="1", name="a\r\nb", note="c\rd"),
        row(id="2", name="e\nf", note="g\r"),
    ),
    read(
        "quoted_ends_in_crlf.csv",
        'id,name,note\r\n1,"a\r\nb","c\rd"\r\n2,"e\nf","g\r"\r\n',
        row(id="1", name="a\r\nb", note="c\rd"),
        row(id="2", name="e\nf", note="g\r"),
    ),
    read(
        "quoted_ends_in_cr.csv",
        'id,name,note\r1,"a\r\nb","c\rd"\r2,"e\nf",g\r',
        row(id="1", name="a\r\nb", note="c\rd"),
        row(id="2", name="e\nf", note="g"),
    ),
    read(
        "quoted_header_ends_in_lf.csv",
        'id,"name","no\nte"\r\n1,ann,x\r\n',
        row(id="1", name="ann", **{"no\nte": "x"}),
    ),
    # --- Quotes
    read("all_quoted.csv", '"id","name"\n"1","ann"\n"2","bob"\n', ONE, TWO),
    read(
        "quotes_in_values.csv",
        'id,name,note\n1,5" pipe,he said "no"\n2,"5"" pipe","""\n"""\n3,\'a,b\'\n',
        row(id="1", name='5" pipe', note='he said "no"'),
        row(id="2", name='5" pipe', note='"\n"'),
        row(id="3", name="'a", note="b'"),
    ),
    read(
        "quotes_not_doubled.csv",
        'id,name,note\n1,"a "b" c",x\n2,"d"e,y\n3,"f" ,z\n4, "g",z\n5,"h, "i" j",z\n6,"k "l, m" n",z\n',
        row(id="1", name='"a "b" c"', note="x"),
        row(id="2", name='"d"e', note="y"),
        row(id="3", name="f", note="z"),
        row(id="4", name=' "g"', note="z"),
        row(id="5", name='"h, "i" j"', note="z"),
        malformed('6,"k "l, m" n",z'),
    ),
    read("quote_not_doubled_at_the_end.csv", 'id,name\r\n1,"a"b\r\n2,bob\r\n', row(id="1", name='"a"b'), TWO),
    read(
        "backslashes.csv",
        'id,name,note\n1,"C:\\",x\n2,\\"a\\",\\n\n',
        row(id="1", name="C:\\", note="x"),
        row(id="2", name='\\"a\\"', note="\\n"),
    ),
    unreadable("never_closed.csv", 'id,name\n1,ann\n2,"bob\n3,eve\n', OPEN),
    unreadable("never_closed_at_the_end.csv", 'id,name\n1,ann\n2,"', OPEN),
    unreadable("never_closed_in_the_header.csv", 'id,"name\n1,ann\n', "a quoted value in the header is never closed"),
    unreadable(
        "never_closed_behind_an_inch.csv",
        'id,name,note\n1,5",x\n2,5","y\n3,a,b\n',
        OPEN,
    ),
    unreadable("closed_by_the_next.csv", 'id,name\n1,"ann\n2,bob\n3,"eve"\n4,x\n', MIDDLE),
    unreadable("two_never_closed.csv", 'id,name\n1,"ann\n2,bob\n3,"eve\n', MIDDLE),
    # By the rules of CSV this is one record, as much as the sender may regret it.
    read("closed_by_chance.csv", 'id,name\n1,"ann\n2,bob"\n', row(id="1", name="ann\n2,bob")),
]

CASES: list[Case] = [replace(case, source="raw") for case in _CASES]
