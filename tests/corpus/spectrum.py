"""The cases of the csv-spectrum set (github.com/max-mapper/csv-spectrum), told anew with values of our own."""

from __future__ import annotations

from tests.corpus.cases import read, row

CASES = [
    read(
        "comma_in_quotes.csv",
        'id,name,note\n1,Ann,"Ghent, Belgium"\n',
        row(id="1", name="Ann", note="Ghent, Belgium"),
    ),
    read(
        "empty.csv",
        'id,name,note\n1,"",""\n2,3,4\n',
        row(id="1", name="", note=""),
        row(id="2", name="3", note="4"),
    ),
    read(
        "empty_crlf.csv",
        'id,name,note\r\n1,"",""\r\n2,3,4\r\n',
        row(id="1", name="", note=""),
        row(id="2", name="3", note="4"),
    ),
    read(
        "escaped_quotes.csv",
        'id,name\n1,"a ""quoted"" word"\n2,"""all of it"""\n3,x\n',
        row(id="1", name='a "quoted" word'),
        row(id="2", name='"all of it"'),
        row(id="3", name="x"),
    ),
    read(
        "json.csv",
        'id,note\n1,"{""kind"": ""Point"", ""at"": [4.35, 50.85]}"\n',
        row(id="1", note='{"kind": "Point", "at": [4.35, 50.85]}'),
    ),
    read(
        "location_coordinates.csv",
        'id,name,note\n1,tower,"51°13′13.5″N 4°24′6″E"\n2,mast,"51\'13, 4\'24"\n',
        row(id="1", name="tower", note="51°13′13.5″N 4°24′6″E"),
        row(id="2", name="mast", note="51'13, 4'24"),
    ),
    read(
        "newlines.csv",
        'id,name,note\n1,a,b\n2,"over\ntwo lines",c\n3,d,e\n',
        row(id="1", name="a", note="b"),
        row(id="2", name="over\ntwo lines", note="c"),
        row(id="3", name="d", note="e"),
    ),
    read(
        "newlines_crlf.csv",
        'id,name,note\r\n1,a,b\r\n2,"over\r\ntwo lines",c\r\n3,d,e\r\n',
        row(id="1", name="a", note="b"),
        row(id="2", name="over\r\ntwo lines", note="c"),
        row(id="3", name="d", note="e"),
    ),
    read(
        "quotes_and_newlines.csv",
        'id,name\n1,"a ""word""\nand a line"\n2,x\n',
        row(id="1", name='a "word"\nand a line'),
        row(id="2", name="x"),
    ),
    read("simple.csv", "id,name,note\n1,2,3\n", row(id="1", name="2", note="3")),
    read("simple_crlf.csv", "id,name,note\r\n1,2,3\r\n", row(id="1", name="2", note="3")),
    read(
        "utf8.csv",
        "id,name,note\n1,ʤ,ŝærf\n2,数据,湖\n",
        row(id="1", name="ʤ", note="ŝærf"),
        row(id="2", name="数据", note="湖"),
    ),
]
