#!/usr/bin/env python3
"""Seeds of the fuzz targets: writes corpus/<name>/seed-*. Files of other encoders from tests/golden/formats.json, the smallest of each
kind; JPEGs by Pillow; the rest by the formats' definitions.  needs: pillow"""
import io, json, pathlib, random, struct, zlib
from PIL import Image

HERE = pathlib.Path(__file__).parent
WHOLE, RGB, KEPT = b"\0\0\0\0", b"\0", {(1, 8): 1, (3, 16): 2, (1, 16): 3, (4, 8): 4, (5, 16): 5}
PART = bytes([64, 32, 128, 100])
kinds = {"RIFF": "webp", "II*\0": "tiff", "MM\0*": "tiff", "II+\0": "tiff", "GIF8": "gif", "\x89PNG": "png"}
count = {}


def put(name, data, most=12, size=1500):
    n = count.get(name, 0)
    if n < most and len(data) <= size:
        (HERE / "corpus" / name).mkdir(parents=True, exist_ok=True)
        (HERE / "corpus" / name / f"seed-{n:02d}").write_bytes(data)
        count[name] = n + 1


golden = json.loads((HERE.parent / "golden" / "formats.json").read_text())
for case in sorted(golden["kept"], key=lambda c: len(c["file"])) + sorted(golden["cases"], key=lambda c: len(c["file"])):
    data = bytes.fromhex(case["file"])
    kind = kinds.get(data[:4].decode("latin1")) or {"B": "bmp", "P": "pnm"}[chr(data[0])]
    put(kind, bytes([KEPT.get((case.get("channels"), case.get("bits")), 0)]) + WHOLE + data)

scene = Image.new("RGB", (41, 27))
scene.putdata([(5 * x % 256, 7 * y % 256, 3 * (x + y) % 256) for y in range(27) for x in range(41)])
exif = Image.Exif()
exif[0x0112] = 6
for picture, options in ((scene, {}), (scene, {"progressive": True}), (scene, {"subsampling": 2}), (scene, {"restart_marker_blocks": 2}),
                         (scene, {"exif": exif}), (scene.convert("L"), {}), (scene.convert("CMYK"), {}), (scene.convert("L"), {"progressive": True})):
    f = io.BytesIO()
    picture.save(f, "JPEG", quality=50, **options)
    put("jpeg", RGB + WHOLE + f.getvalue())
    put("jpeg", RGB + PART + f.getvalue(), most=14)
    f = io.BytesIO()
    if picture.mode != "CMYK":
        picture.quantize(16).save(f, "PNG")
        put("png", RGB + WHOLE + f.getvalue(), most=14)

entry = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
put("exif", b"II*\0" + struct.pack("<IH", 8, 1) + entry)
put("exif", b"II*\0" + struct.pack("<IH", 8, 2) + struct.pack("<HHII", 0x10F, 2, 4, 0) + entry)
put("exif", b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 8, 0))
images = struct.pack(">IIII", 0x803, 3, 2, 4) + bytes(range(24))
put("idx", b"\0" + images)
put("idx", bytes([11]) + struct.pack(">II", 0x801, 3) + bytes([1, 0, 2]) + images)
folders = struct.pack("<QqqQqq", 11, 1000, 1, 12, 2000, 2) + b"\0a\0"
names = b"a/1.png\0b.png\0"
put("index", b"sslrunIX" + bytes(8) + struct.pack("<QQQQQ", 1, 2, 2, 3, len(names)) + b"/a" + folders + names)
put("cifar", bytes([4]) + bytes(3072), size=4000)
put("cifar", bytes([3, 77]) + bytes(3072), size=4000)
for case in json.loads((HERE.parent / "golden" / "tar.json").read_text())["cases"]:
    archive = zlib.decompress(bytes.fromhex(case["tar"]))
    put("tar", archive[: (len(archive.rstrip(b"\0")) + 511) // 512 * 512], most=24, size=8192)
print(count)
