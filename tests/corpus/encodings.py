"""Text in other encodings than the contract's, and in the contract's."""

from __future__ import annotations

from tests.corpus.cases import ONE, TWO, Case, header_again, malformed, read, row, unreadable

TEXT = "id,name\n1,ann\n2,bob\n"
WIDE = "id,name\n1,Žofie 🚀\n2,bob\n"
COINS = row(id="1", name="Žofie 🚀")
NO_MARK = "utf-16 text begins with a byte order mark, and this file with none"


def _marked(encoding: str) -> str:
    return f"its first bytes mark it as {encoding} text, and the contract says "


CASES: list[Case] = [
    read("utf8_bom.csv", b"\xef\xbb\xbf" + TEXT.encode(), ONE, TWO),
    read("utf8_bom_quoted.csv", b'\xef\xbb\xbf"id","name"\n"1","ann"\n"2","bob"\n', ONE, TWO),
    read(
        "bom_in_the_middle.csv",
        "\ufeffid,name\n1,ann\n\ufeffid,name\n2,bob\n",
        ONE,
        header_again("\ufeffid,name"),
        TWO,
    ),
    unreadable("utf16_le_bom.csv", b"\xff\xfe" + TEXT.encode("utf-16-le"), _marked("utf-16") + "utf-8"),
    unreadable("utf16_be_bom.csv", b"\xfe\xff" + TEXT.encode("utf-16-be"), _marked("utf-16") + "utf-8"),
    unreadable("utf32.csv", TEXT.encode("utf-32"), _marked("utf-32") + "utf-8"),
    unreadable(
        "utf16_le.csv",
        TEXT.encode("utf-16-le"),
        "it looks like utf-16 text without a byte order mark, and the contract says utf-8",
    ),
    unreadable(
        "utf16_be.csv",
        TEXT.encode("utf-16-be"),
        "it looks like utf-16 text without a byte order mark, and the contract says utf-8",
    ),
    unreadable("latin1.csv", "id,name\n1,Jörg\n".encode("latin-1"), "not utf-8 text: byte 0xf6 at offset 11"),
    unreadable("cut_character.csv", "id,name\n1,Jö".encode()[:-1], "not utf-8 text: byte 0xc3 at offset 11"),
    unreadable("surrogates.csv", b"id,name\n1,\xed\xa0\x80\n", "not utf-8 text: byte 0xed at offset 10"),
    unreadable("overlong.csv", b"id,name\n1,\xc0\xaf\n", "not utf-8 text: byte 0xc0 at offset 10"),
    read(
        "every_script.csv",
        "id,name,note\n1,مرحبا بالعالم,\u202eright to left\u202c\n"
        "2,👩‍👩‍👧 e\u0301 é,日本語\n3,\u00a0\u2003\u200b,ﬀ ß İ\n",
        row(id="1", name="مرحبا بالعالم", note="\u202eright to left\u202c"),
        row(id="2", name="👩‍👩‍👧 e\u0301 é", note="日本語"),
        row(id="3", name="\u00a0\u2003\u200b", note="ﬀ ß İ"),
    ),
    read(
        "odd_characters.csv",
        "id,name,note\n1,a\u2028b,c\u0085d\n2,e\x0bf\x0cg,\x01\x1b[31m\n\x1a",
        row(id="1", name="a\u2028b", note="c\u0085d"),
        row(id="2", name="e\x0bf\x0cg", note="\x01\x1b[31m"),
        malformed("\x1a"),
    ),
    # --- windows-1252
    read("western.csv", "id,name\n1,Zoë – 5 €\n".encode("cp1252"), row(id="1", name="Zoë – 5 €"), source="western"),
    unreadable(
        "undefined.csv", b"id,name\n1,\x81\n", "not windows-1252 text: byte 0x81 at offset 10", source="western"
    ),
    unreadable("marked.csv", b"\xef\xbb\xbf" + TEXT.encode(), _marked("utf-8") + "windows-1252", source="western"),
    # --- utf-16
    read("le.csv", b"\xff\xfe" + WIDE.encode("utf-16-le"), COINS, TWO, source="wide"),
    read("be.csv", b"\xfe\xff" + WIDE.encode("utf-16-be"), COINS, TWO, source="wide"),
    read(
        "crlf.csv",
        b"\xff\xfe" + 'id,name\r\n1,"a\r\nb"\r\n'.encode("utf-16-le"),
        row(id="1", name="a\r\nb"),
        source="wide",
    ),
    unreadable("le_without_mark.csv", WIDE.encode("utf-16-le"), NO_MARK, source="wide"),
    unreadable("be_without_mark.csv", WIDE.encode("utf-16-be"), NO_MARK, source="wide"),
    unreadable("narrow.csv", TEXT.encode(), NO_MARK, source="wide"),
    unreadable(
        "half_a_character.csv",
        (b"\xff\xfe" + TEXT.encode("utf-16-le"))[:-1],
        "not utf-16 text: byte 0x0a at offset 40",
        source="wide",
    ),
    unreadable(
        "zero_character.csv",
        b"\xff\xfe" + "id,name\n1,a\0b\n".encode("utf-16-le"),
        "not text: it holds a zero character",
        source="wide",
    ),
]
