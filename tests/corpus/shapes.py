"""Lines before the header and after the rows, several tables in one file, headers that drift, ragged rows."""

from __future__ import annotations

from tests.corpus.cases import (
    HEADER,
    ONE,
    THREE,
    TWO,
    Case,
    bad,
    header_again,
    malformed,
    outranked,
    read,
    row,
    unreadable,
)

ANOTHER = "is another header, '{}': lines before the header, or several tables in one file"
SEEMS = "no usable header: the first record is '{}', and a header seems to stand in record {}"
OTHER = (
    "no usable header: with another delimiter the first record would name id, name: the contract's source may say "
    "delimiters: "
)
NONE = "no usable header: none of the columns id, name, note, amount, day, at, count, ok is named in the first record "
CASES: list[Case] = [
    # --- Before the header
    unreadable("preamble.csv", "Orders of May\nid,name\n1,ann\n", SEEMS.format("Orders of May", 2)),
    unreadable(
        "preamble_of_pairs.csv",
        "Report,Orders\nPrinted,2025-06-01\n\nid,name\n1,ann\n",
        SEEMS.format("Report,Orders", 3),
    ),
    unreadable("preamble_with_comments.csv", "# made by x\n# v1\nid,name\n1,ann\n", SEEMS.format("# made by x", 3)),
    unreadable("separator_line.csv", "sep=;\nid;name\n1;ann\n", SEEMS.format("sep=;", 2)),
    unreadable("blank_but_for_spaces.csv", "   \nid,name\n1,ann\n", SEEMS.format("   ", 2)),
    unreadable(
        "preamble_that_names_a_column.csv",
        "day,May 2025\n\nid,name,amount\n1,ann,5\n",
        "record 1 " + ANOTHER.format("id,name,amount"),
    ),
    read("blank_lines_first.csv", "\n\n\nid,name\n1,ann\n2,bob\n", ONE, TWO),
    read("blank_lines_first_in_crlf.csv", "\r\n\r\nid,name\r\n1,ann\r\n2,bob\r\n", ONE, TWO),
    unreadable(
        "blank_lines_first_mixed.csv",
        "\n\r\nid,name\n1,ann\n",
        "empty lines before the header end otherwise than the header",
    ),
    # --- After the rows
    read("footer.csv", "id,name\n1,ann\n2,bob\nTotal: 2 rows\n", ONE, TWO, malformed("Total: 2 rows")),
    read(
        "total.csv",
        "id,name,amount\n1,ann,5\n,,5.00\nTotal,,5.00\n",
        row({"amount": "5.00000000"}, id="1", name="ann", amount="5"),
        bad(("id_required", None), amount="5.00"),
        bad(("id_is_plain", "Total"), id="Total", amount="5.00"),
    ),
    read(
        "end_mark.csv",
        "id,name\n1,ann\n2,bob\n-- end of file --,\n",
        ONE,
        TWO,
        bad(("id_is_plain", "-- end of file --"), id="-- end of file --"),
    ),
    read("blank_end.csv", "id,name\n1,ann\n2,bob\n\n\n\r\n\n", ONE, TWO),
    # --- Several tables
    read(
        "two_files_in_one.csv",
        "id,name\n1,ann\nid,name\n2,bob\nID , Title\n3,eve\n",
        ONE,
        header_again("id,name"),
        TWO,
        header_again("ID , Title"),
        THREE,
    ),
    unreadable(
        "reordered_in_the_middle.csv", "id,name\n1,ann\nname,id\nbob,2\n", "record 2 " + ANOTHER.format("name,id")
    ),
    unreadable(
        "another_table.csv",
        "id,name,amount\n1,ann,5\n\nid,note,amount\n1,x,5\n",
        "record 2 " + ANOTHER.format("id,note,amount"),
    ),
    unreadable(
        "another_table_first_unknown.csv",
        "id,name,amount\n1,ann,5\n\nline,name,id\n1,bob,2\n",
        "record 2 " + ANOTHER.format("line,name,id"),
    ),
    read(
        "unknown_table_behind.csv",
        "id,name,amount\n1,ann,5\n\nregion,total\neu,5\n",
        row({"amount": "5.00000000"}, id="1", name="ann", amount="5"),
        malformed("region,total"),
        malformed("eu,5"),
    ),
    read(
        "a_header_in_a_cell.csv",
        'id,note\n1,"\nid,note\n1,x\n"\n2,id\n',
        row(id="1", note="\nid,note\n1,x\n"),
        row(id="2", note="id"),
    ),
    # --- The header
    unreadable("no_header.csv", "1,ann,x\n2,bob,y\n", NONE + "'1,ann,x'"),
    unreadable(
        "no_header_but_a_name.csv",
        "1,note,-5.25\n2,bob,3.25\n",
        "no usable header: '-5.25' in the first record is a value and no name, so the header is missing",
    ),
    read("case_and_space.csv", " ID ,\tNaMe\u00a0,TITLE_OF\n1,ann,x\n", row(id="1", name="ann", TITLE_OF="x")),
    read("alias.csv", "title,id\nann,1\nbob,2\n", ONE, TWO),
    read("alias_and_name.csv", "id,title,name\n1,x,ann\n", row(id="1", name="ann", title="x")),
    read("reordered.csv", "note,name,id\nx,ann,1\n", row(id="1", name="ann", note="x")),
    read("extra_columns.csv", "id,color,name,size\n1,red,ann,\n", row(id="1", name="ann", color="red")),
    read("missing_column.csv", "name,note\nann,x\n", bad(("id_required", None), name="ann", note="x")),
    unreadable("named_twice.csv", "id,name,name\n1,a,b\n", "no usable header: the column 'name' is named twice"),
    unreadable(
        "named_twice_by_case.csv", "id,Name,NAME \n1,a,b\n", "no usable header: the column 'name' is named twice"
    ),
    unreadable("unknown_named_twice.csv", "id,x,x\n1,a,b\n", "no usable header: the column 'x' is named twice"),
    read("empty_name.csv", "id,,name\n1,x,ann\n2,,bob\n", row(id="1", name="ann", **{"column 2": "x"}), TWO),
    read("empty_names.csv", "id,name,,,\n1,ann,,,\n2,bob,,,y\n", ONE, row(id="2", name="bob", **{"column 5": "y"})),
    unreadable(
        "long_header.csv",
        "id," + "x" * 70_000 + "\n1,2\n",
        "no usable header: it does not end within 65,536 characters",
    ),
    read("header_of_two_lines.csv", 'id,"name","a note\nin two lines"\n1,ann,\n2,bob,\n', ONE, TWO),
    # --- Delimiters
    unreadable(
        "tabs.csv",
        "id\tname\n1\tann\n",
        OTHER + '["\\t"]',
    ),
    unreadable(
        "pipes.csv",
        "id|name\n1|ann\n",
        OTHER + '["|"]',
    ),
    read("declared_pipes.csv", "id|name\n1|a,b;c\n", row(id="1", name="a,b;c"), source="piped"),
    read("declared_tabs.csv", "id\tname\n1\t|\n", row(id="1", name="|"), source="piped"),
    read(
        "semicolons.csv",
        "id;name;amount\n1;a,b;5,25\n2;c;5.25\n",
        bad(("amount_unreadable", "5,25"), id="1", name="a,b", amount="5,25"),
        row({"amount": "5.25000000"}, id="2", name="c", amount="5.25"),
    ),
    read("one_column.csv", "id\n1\n\n2\n3,5\n", row(id="1"), row(id="2"), malformed("3,5")),
    # --- Ragged rows
    read(
        "ragged.csv",
        "id,name,note\n1,ann,\n2,bob\n3\n4,eve,x,y\n,,\n1,2,3,4,5,6,7\n",
        ONE,
        malformed("2,bob"),
        malformed("3"),
        malformed("4,eve,x,y"),
        bad(("id_required", None)),
        malformed("1,2,3,4,5,6,7"),
    ),
    read("spaces_only.csv", "id,name\n1,ann\n   \n2,bob\n", ONE, malformed("   "), TWO),
    read("blank_lines.csv", "id,name\n\n1,ann\n\n\n2,bob\n", ONE, TWO),
    unreadable("too_wide.csv", "id,name\n1,ann\n2" + "," * 30_000 + "\n", "record 2 has more than 20,000 values"),
    read(
        "long.csv",
        f'id,name\n1,{"x" * 1_000_000}\n2,"{"y," * 500_000}"\n',
        row(id="1", name="x" * 1_000_000),
        row(id="2", name="y," * 500_000),
    ),
    unreadable(
        "too_long.csv", "id,name\n1,ann\n2," + "x" * 17_000_000 + "\n", "record 2 has more than 16,777,216 characters"
    ),
    read("all_columns.csv", f"{HEADER}\n1,,,,,,,\n", row(id="1")),
    # --- Keys
    read(
        "twice.csv",
        "id,name\n1,ann\n2,bob\n1,eve\n",
        outranked(id="1", name="ann"),
        TWO,
        row(id="1", name="eve"),
    ),
]
