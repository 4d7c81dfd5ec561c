"""Tar archives of Python's tarfile, GNU tar and bsdtar, and the files that they hold: writes tar.json.
Archives are packed (zlib, hexadecimal). Names, sizes and contents are those that were put in; offsets are tarfile's.
needs: GNU tar 1.34, bsdtar 3.6 (Debian: libarchive-tools)"""
import io, json, os, pathlib, subprocess, tarfile, tempfile, zlib

LONG = "n" * 90 + "/" + "m" * 120 + "/" + "image.png"  # too long for ustar's two fields
SPLIT = "p" * 90 + "/" + "q" * 60 + ".jpg"  # fits them
FILES = {"a/1.jpg": b"\xff\xd8\xff" + b"1" * 700, "a/1.cls": b"3\n", "empty.png": b"", "block.png": b"B" * 512, "a/caf\u00e9.jpg": b"x" * 513}
cases = []


def add(name, data, files=None, error=None):
    case = {"name": name, "tar": zlib.compress(data, 9).hex()}
    if error:
        case["error"] = error
    else:
        case["files"] = [[n, c.hex()] for n, c in files.items()]
    cases.append(case)


def made(files, format, change=lambda info: None):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            change(info)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def by_program(*command, files, prepare=lambda: None):
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, content in files.items():
            os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
            pathlib.Path(name).write_bytes(content)
        extra = prepare() or []
        data = subprocess.run([*command, *files, *extra], check=True, stdout=subprocess.PIPE).stdout
        os.chdir(here)
    return data


PLAIN = FILES | {SPLIT: b"split"}
EVERY = PLAIN | {LONG: b"long"}
add("tarfile ustar", made(PLAIN, tarfile.USTAR_FORMAT), PLAIN)
add("tarfile gnu", made(EVERY, tarfile.GNU_FORMAT), EVERY)
add("tarfile pax", made(EVERY, tarfile.PAX_FORMAT), EVERY)
for format in ("gnu", "oldgnu", "posix"):
    add("GNU tar " + format, by_program("tar", "-c", "--format=" + format, files=EVERY), EVERY)
add("GNU tar ustar", by_program("tar", "-c", "--format=ustar", files=PLAIN), PLAIN)
add("GNU tar v7", by_program("tar", "-c", "--format=v7", files=FILES), FILES)
for format in ("pax", "gnutar", "restricted pax"):
    add("bsdtar " + format, by_program("bsdtar", "-c", "-f", "-", "--format=" + format.replace("restricted pax", "paxr"), files=EVERY), EVERY)
add("bsdtar ustar", by_program("bsdtar", "-c", "-f", "-", "--format=ustar", files=PLAIN), PLAIN)


def others():
    """Beside files: a folder, links, a pipe, and a second name of a file."""
    os.symlink("a/1.jpg", "soft.jpg")
    os.link("a/1.jpg", "hard.jpg")
    os.mkfifo("pipe.jpg")
    os.mkdir("folder.jpg")
    return ["soft.jpg", "hard.jpg", "pipe.jpg", "folder.jpg"]


for program in (["tar", "-c", "--format=gnu"], ["tar", "-c", "--format=posix"], ["bsdtar", "-c", "-f", "-", "--format=pax"]):
    add(f"{program[0]} {program[-1]}, links and pipes", by_program(*program, files=FILES, prepare=others), FILES)
add("a volume label", by_program("tar", "-c", "--label=shard 1", files=FILES), FILES)
add("a global pax header", by_program("tar", "-c", "--format=posix", "--pax-option=globexthdr.name=g,comment=hello", files=FILES), FILES)
gnu = made(FILES, tarfile.GNU_FORMAT)
more = made({"b/2.jpg": b"two"}, tarfile.PAX_FORMAT)
add("two archives, one after the other", gnu + more, FILES | {"b/2.jpg": b"two"})
end = len(gnu.rstrip(b"\0"))
add("no end", gnu[: (end + 511) // 512 * 512], FILES)
add("half an end", gnu[: (end + 511) // 512 * 512 + 512], FILES)
add("an empty archive", made({}, tarfile.GNU_FORMAT), {})
add("an empty file", b"", {})
add("dots and slashes", made({"../up.jpg": b"u", "/root.jpg": b"r", "a/../b.jpg": b"b"}, tarfile.USTAR_FORMAT), {"../up.jpg": b"u", "/root.jpg": b"r", "a/../b.jpg": b"b"})


def sized(size_field, type=b"0"):
    """One header with these 12 bytes as its size."""
    block = bytearray(tarfile.TarInfo("x.jpg").tobuf(tarfile.GNU_FORMAT))
    block[124:136], block[156:157], block[148:156] = size_field, type, b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


add("a size in base 256", sized(b"\x80" + (5).to_bytes(11, "big")) + b"abcde".ljust(512, b"\0"), {"x.jpg": b"abcde"})
add("a size in blanks and octal", sized(b"        5 \0\0") + b"abcde".ljust(512, b"\0"), {"x.jpg": b"abcde"})
add("a size above 2^63", sized(b"\x80" + (1 << 63).to_bytes(11, "big")), error="byte 0: a size that no file has")
add("a size near 2^63", sized(b"\x80" + ((1 << 63) - 5).to_bytes(11, "big")), error="byte 0: a size that no file has")
add("a negative size", sized(b"\xff" * 12), error="byte 0: a size that no file has")
add("a size in letters", sized(b"0000000009z\0"), error="byte 0: a size that no file has")
add("a name of 2 MiB", sized(b"%011o\0" % (2 << 20), b"L"), error="byte 512: a name or record of 2097152 bytes, at most 1048576 are read")
add("a name without its file", sized(b"%011o\0" % 5, b"L") + b"abcd\0".ljust(512, b"\0") + bytes(1024), error="byte 2048: the archive ends inside a header")
add("a volume's second part", sized(b"%011o\0" % 0, b"M"), error="byte 0: a part of an archive of several volumes; join them")


def sparse():
    with open("s.png", "wb") as f:
        f.truncate(1 << 20)
        f.write(b"head")
    return ["s.png"]


for format in ("gnu", "posix"):
    add("GNU tar sparse " + format, by_program("tar", "-c", "--sparse", "--format=" + format, files={}, prepare=sparse),
        error="byte 0: a sparse file; make the archive without --sparse")


def pax(records):
    return sized(b"%011o\0" % len(records), b"x") + records.ljust((len(records) + 511) // 512 * 512, b"\0") + sized(b"%011o\0" % 1) + b"y".ljust(512, b"\0")


add("a pax size", pax(b"9 size=5\n")[:-1024] + sized(b"%011o\0" % 0) + b"abcde".ljust(512, b"\0"), {"x.jpg": b"abcde"})
add("an unknown pax key", pax(b"16 SCHILY.x=abc\n"), {"x.jpg": b"y"})
for what, records in (("length 0", b"0 path=a\n"), ("a length past the end", b"99 path=a\n"), ("no length", b"path=a\n"), ("no end of line", b"8 path=a"), ("no digits", b"-9 path=a\n"), ("its own length", b"2 \n")):
    add("pax: " + what, pax(records), error="byte 0: a pax record that does not fit its length")
add("pax: no '='", pax(b"7 path\n"), error="byte 0: a pax record without '='")
add("pax: a size in words", pax(b"11 size=ab\n"), error="byte 0: a pax size that no file has")
add("pax: a negative size", pax(b"11 size=-5\n"), error="byte 0: a pax size that no file has")
add("pax: a zero byte", pax(b"12 path=a\0b\n"), error="byte 1024: a name with a zero byte")
flipped = bytearray(gnu)
flipped[1536 + 3] ^= 1  # in the header of a/1.cls
add("a bit turned in a header", bytes(flipped), error="byte 1536: the checksum of a tar header must hold, and does not; fetch or make it again")
add("text", b"<html>" + b"x" * 600, error="byte 0: the checksum of a tar header must hold, and does not; fetch or make it again")
add("cut in a header", gnu[:1536 + 100], error="byte 1536: the archive ends inside a header")

pathlib.Path(__file__).with_name("tar.json").write_text(json.dumps({"cases": cases}, indent=0) + "\n")
print(len(cases), "archives")
