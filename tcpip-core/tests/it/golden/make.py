"""What CPython's codecs make of some texts and bytes: `make.py > encodings.txt`.

Each line is `encode LABEL CHARACTERS BYTES` or `decode LABEL BYTES CHARACTERS`: characters as their numbers and bytes,
in hexadecimal and joined by commas, `-` for none at all, and `error@N` where the codec refuses what stands at N.
"""

LABELS = [
    "utf-8", "utf-8-sig", "ascii", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be",
]

TEXTS = [
    "",
    "280.00 MV",
    "Kuppel öffnen, déjà vu",
    "望遠鏡 🔭 𐍈",
    "\u010a", "\u0d05", "\ufeff", "\ufeffmarked", "a\ufeffb", "\u0d0a\u0a0d",
    "\u0000\u0001\u007f\u0080\u0081\u009f\u00a0\u00ff",
    "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ",
    "\U0010ffff\ud7ff\ue000",
    "aé€🔭",
]

BYTES = [
    bytes(range(0x80)),
    b"\x00", b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff",
    # Half a unit, and parts of one.
    b"a", b"ab\x00", b"a\x00b", b"a\x00\x00", b"\xff\xfea", b"\xfe\xff\x00",
    # Lone and swapped surrogates, in each form.
    b"\x00\xd8", b"\xd8\x00", b"\x00\xdc", b"\xdc\x00", b"\x00\xdc\x00\xd8", b"\xdc\x00\xd8\x00",
    b"\x00\xd8\x00\x00", b"\x00\x00\xd8\x00", b"\x00\xd8a\x00", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb4\xad",
    # Pairs, marks in the other order, and marks twice.
    b"\x3d\xd8\x2d\xdd", b"\xd8\x3d\xdd\x2d", b"\xfe\xff\xd8\x3d\xdd\x2d", b"\xff\xfe\xff\xfea\x00",
    b"\x00\x00\xfe\xff\x00\x01\xf5\x2d", b"\xff\xfe\x00\x00\x2d\xf5\x01\x00",
    # Beyond the last character, overlong, cut short.
    b"\x00\x00\x11\x00", b"\x00\x11\x00\x00", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xe2\x82", b"\xf0\x9f\x94",
    # Marks in UTF-8: alone, before a text, cut short, twice, and before what is none.
    b"\xef\xbb\xbf", b"\xef\xbb\xbfmarked", b"\xef\xbb", b"\xef\xbb\xbf\xef\xbb\xbfa", b"\xef\xbb\xbfa\xff",
    # What is none behind what is some.
    b"ab\xff", b"a\x81", b"a\x00\x00\xd8b\x00", b"\xff\xfea\x00\x00\xd8", b"a\x00\x00\x00\x00\xd8\x00\x00",
    b"\x00\xd8a", b"\xff\xfe\x00\x00\x00\xd8\x00\x00",
]
BYTES += [bytes([byte]) for byte in range(0x80, 0x100)]


def joined(numbers):
    return ",".join(f"{number:x}" for number in numbers) or "-"


def attempt(convert, given):
    try:
        return convert()
    except UnicodeError as error:
        # The codec of utf-8-sig counts from behind the mark.
        return f"error@{len(given) - len(error.object) + error.start}"


for label in LABELS:
    for text in TEXTS:
        print("encode", label, joined(map(ord, text)), attempt(lambda: joined(text.encode(label)), text))
    encoded = [attempt(lambda: text.encode(label), text) for text in TEXTS]
    for data in BYTES + [data for data in encoded if isinstance(data, bytes)]:
        print("decode", label, joined(data), attempt(lambda: joined(map(ord, data.decode(label))), data))
