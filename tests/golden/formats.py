"""Files of every image format made by other encoders, and the pixels that they must decode to: writes formats.json.
Lossless files: the pixels are the ones that were written (16 bits: round(v / 257); alpha: composited on white). Lossy ones: Pillow's.
needs: pillow, tifffile, imagecodecs, numpy"""
import io, json, pathlib, struct
import imagecodecs, numpy as np, tifffile
from PIL import Image

H, W = 9, 13
rng = np.random.default_rng(5)
RGB = rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
GRAY = RGB[..., 0].copy()
ALPHA = rng.integers(0, 256, (H, W), dtype=np.uint8)
WIDE = rng.integers(0, 65536, (H, W, 3), dtype=np.uint16)
SMOOTH = np.stack([np.add.outer(8 * np.arange(H), 9 * np.arange(W)) + c * 20 for c in range(3)], -1).astype(np.uint8)
cases = []


def three(a):
    return np.repeat(a[..., None], 3, -1) if a.ndim == 2 else a


def narrow(a):
    return np.rint(a / 257).astype(np.uint8)


def on_white(rgb, alpha):
    rgb, alpha = three(rgb).astype(np.int64), alpha.astype(np.int64)[..., None]
    return ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def add(name, data, rgb=None, error=None):
    case = {"name": name, "file": data.hex()}
    if error:
        case["error"] = error
    else:
        rgb = three(rgb)
        case |= {"height": rgb.shape[0], "width": rgb.shape[1], "rgb": np.ascontiguousarray(rgb).tobytes().hex()}
    cases.append(case)


def pillow(array, kind, mode=None, **options):
    f = io.BytesIO()
    Image.fromarray(array, mode).save(f, kind, **options)
    return f.getvalue()


def tiff(array, **options):
    f = io.BytesIO()
    tifffile.imwrite(f, array, **options)
    return f.getvalue()


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e


def shown(data):
    return np.array(Image.open(io.BytesIO(data)).convert("RGB"))


# WebP
add("webp lossless", pillow(RGB, "WEBP", lossless=True), RGB)
add("webp lossless alpha", pillow(np.dstack([RGB, ALPHA]), "WEBP", lossless=True, exact=True), on_white(RGB, ALPHA))
lossy = pillow(SMOOTH, "WEBP", quality=80)
add("webp lossy", lossy, shown(lossy))
add("webp orientation 6", pillow(RGB, "WEBP", lossless=True, exif=exif(6)), np.rot90(RGB, -1))
frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
f = io.BytesIO(); frames[0].save(f, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
add("webp animated", f.getvalue(), RGB)

# TIFF
for compression in (None, "lzw", "zlib", "packbits"):
    for predictor in ((False, True) if compression in ("lzw", "zlib") else (False,)):
        add(f"tiff rgb {compression} predictor {predictor}", tiff(RGB, photometric="rgb", compression=compression, predictor=predictor), RGB)
add("tiff gray", tiff(GRAY, photometric="minisblack"), GRAY)
add("tiff gray, white is zero", tiff(GRAY, photometric="miniswhite"), 255 - GRAY)
add("tiff gray 16", tiff(WIDE[..., 0], photometric="minisblack"), narrow(WIDE[..., 0]))
add("tiff gray 16 big-endian", tiff(WIDE[..., 0], photometric="minisblack", byteorder=">"), narrow(WIDE[..., 0]))
add("tiff rgb 16 lzw predictor", tiff(WIDE, photometric="rgb", compression="lzw", predictor=True), narrow(WIDE))
add("tiff rgb separate planes", tiff(np.moveaxis(RGB, -1, 0).copy(), photometric="rgb", planarconfig="separate"), RGB)
add("tiff rgb 16 separate planes", tiff(np.moveaxis(WIDE, -1, 0).copy(), photometric="rgb", planarconfig="separate"), narrow(WIDE))
add("tiff tiles", tiff(RGB, photometric="rgb", tile=(16, 16)), RGB)
big = rng.integers(0, 256, (35, 40, 3), dtype=np.uint8)
add("tiff several tiles", tiff(big, photometric="rgb", tile=(16, 16), compression="zlib"), big)
add("tiff several strips", tiff(big, photometric="rgb", rowsperstrip=8), big)
add("tiff tiles, separate planes", tiff(np.moveaxis(big, -1, 0).copy(), photometric="rgb", planarconfig="separate", tile=(16, 16)), big)
add("tiff straight alpha", tiff(np.dstack([RGB, ALPHA]), photometric="rgb", extrasamples=["unassalpha"]), on_white(RGB, ALPHA))
premultiplied = (RGB.astype(int) * ALPHA[..., None] // 255).astype(np.uint8)
add("tiff premultiplied alpha", tiff(np.dstack([premultiplied, ALPHA]), photometric="rgb", extrasamples=["assocalpha"]),
    np.minimum(premultiplied.astype(int) + 255 - ALPHA[..., None], 255).astype(np.uint8))
add("tiff gray and alpha", tiff(np.dstack([GRAY, ALPHA]), photometric="minisblack", extrasamples=["unassalpha"]), on_white(GRAY, ALPHA))
add("tiff four channels, the last of no meaning", tiff(np.dstack([RGB, ALPHA]), photometric="rgb", extrasamples=["unspecified"]), RGB)
add("bigtiff", tiff(RGB, photometric="rgb", bigtiff=True), RGB)
f = io.BytesIO()
with tifffile.TiffWriter(f) as writer:
    writer.write(RGB, photometric="rgb"); writer.write(255 - RGB, photometric="rgb")
add("tiff of two pages", f.getvalue(), RGB)
add("tiff orientation 6", tiff(RGB, photometric="rgb", extratags=[(274, 3, 1, 6, True)]), np.rot90(RGB, -1))
palette = rng.integers(0, 256, (256, 3), dtype=np.uint8)
indexed = Image.fromarray(GRAY, "P"); indexed.putpalette(palette.tobytes())
f = io.BytesIO(); indexed.save(f, "TIFF"); add("tiff palette", f.getvalue(), palette[GRAY])
bits = GRAY > 127
f = io.BytesIO(); Image.fromarray(bits).save(f, "TIFF", compression="group4"); add("tiff 1 bit group 4", f.getvalue(), np.where(bits, 255, 0).astype(np.uint8))
add("tiff float", tiff(GRAY.astype(np.float32), photometric="minisblack"), error="unsupported format")
add("tiff of seven channels", tiff(np.dstack([RGB, RGB, GRAY]), photometric="minisblack", planarconfig="contig"), error="unsupported format")

# GIF
indexed = Image.fromarray(GRAY, "P"); indexed.putpalette(palette.tobytes())
for interlace in (0, 1):
    f = io.BytesIO(); indexed.save(f, "GIF", interlace=interlace, optimize=False)
    add(f"gif interlace {interlace}", f.getvalue(), palette[GRAY])
few = (GRAY % 7).astype(np.uint8)
indexed = Image.fromarray(few, "P"); indexed.putpalette(palette.tobytes())
f = io.BytesIO(); indexed.save(f, "GIF", transparency=3, optimize=False)
add("gif transparent", f.getvalue(), np.where((few == 3)[..., None], 255, palette[few]).astype(np.uint8))
other = Image.fromarray((few + 1) % 7, "P"); other.putpalette(palette.tobytes())
indexed = Image.fromarray(few, "P"); indexed.putpalette(palette.tobytes())
f = io.BytesIO(); indexed.save(f, "GIF", save_all=True, append_images=[other], optimize=False)
add("gif animated", f.getvalue(), palette[few])

# BMP
add("bmp 24", pillow(RGB, "BMP"), RGB)
add("bmp gray", pillow(GRAY, "BMP"), GRAY)
f = io.BytesIO(); Image.fromarray(bits).save(f, "BMP"); add("bmp 1 bit", f.getvalue(), np.where(bits, 255, 0).astype(np.uint8))
indexed = Image.fromarray(GRAY, "P"); indexed.putpalette(palette.tobytes())
f = io.BytesIO(); indexed.save(f, "BMP"); add("bmp palette", f.getvalue(), palette[GRAY])


def bmp(header_size, bits, compression, masks, rows, top_down=False):
    """By the format's definition (Microsoft, BITMAPV4HEADER): what Pillow does not write."""
    at = 14 + header_size + (len(masks) * 4 if header_size == 40 else 0)
    info = struct.pack("<IiiHHIIiiII", header_size, W, -H if top_down else H, 1, bits, compression, 0, 0, 0, 0, 0)
    info += b"".join(struct.pack("<I", m) for m in masks)
    info = info.ljust(at - 14, b"\0")
    rows = rows if top_down else rows[::-1]
    body = b"".join(r + b"\0" * (-len(r) % 4) for r in rows)
    return b"BM" + struct.pack("<IHHI", at + len(body), 0, 0, at) + info + body


BGRA = np.dstack([RGB[..., ::-1], ALPHA])
add("bmp 32, its fourth byte of no meaning", bmp(40, 32, 0, [], [r.tobytes() for r in BGRA]), RGB)
add("bmp 32 with alpha", bmp(108, 32, 3, [0xFF0000, 0xFF00, 0xFF, 0xFF000000], [r.tobytes() for r in BGRA]), on_white(RGB, ALPHA))
five = rng.integers(0, 32, (H, W, 3)); six = five.copy(); six[..., 1] = rng.integers(0, 64, (H, W))
add("bmp 16", bmp(40, 16, 0, [], [(r[:, 0] << 10 | r[:, 1] << 5 | r[:, 2]).astype("<u2").tobytes() for r in five]), np.floor(five * 255 / 31 + 0.5).astype(np.uint8))
add("bmp 16 with masks, top row first", bmp(40, 16, 3, [0xF800, 0x07E0, 0x1F], [(r[:, 0] << 11 | r[:, 1] << 5 | r[:, 2]).astype("<u2").tobytes() for r in six], True),
    np.floor(six * 255 / np.array([31, 63, 31]) + 0.5).astype(np.uint8))
add("bmp run-length coded", bmp(40, 8, 1, [], [b"\0"] * H), error="unsupported format")

# PNM
add("ppm", pillow(RGB, "PPM"), RGB)
add("pgm", pillow(GRAY, "PPM"), GRAY)
f = io.BytesIO(); Image.fromarray(bits).save(f, "PPM"); add("pbm", f.getvalue(), np.where(bits, 255, 0).astype(np.uint8))
add("ppm 16", b"P6\n# a comment\n%d %d\n65535\n" % (W, H) + WIDE.astype(">u2").tobytes(), narrow(WIDE))
add("pgm of 100 levels", b"P5 %d %d 100\n" % (W, H) + (GRAY % 101).tobytes(), np.floor((GRAY % 101).astype(int) * 255 / 100 + 0.5).astype(np.uint8))
add("plain ppm", b"P3\n%d %d\n255\n" % (W, H) + " ".join(map(str, RGB.ravel())).encode() + b"\n", RGB)
add("plain pgm", b"P2 %d %d 255\n" % (W, H) + "\n".join(map(str, GRAY.ravel())).encode() + b"\n", GRAY)
add("plain pbm", b"P1 %d %d\n" % (W, H) + "".join("0" if b else "1" for b in bits.ravel()).encode() + b"\n", np.where(bits, 255, 0).astype(np.uint8))

# Other pixel formats than RGB of 8 bits on white.
kept = []


def keep(name, data, pixels, channels=3, bits=8, background=255, error=None):
    """pixels: what the file must become, [height, width, channels]."""
    case = {"name": name, "file": data.hex(), "channels": channels, "bits": bits, "background": background}
    if error:
        case["error"] = error
    else:
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        assert pixels.shape == (H, W, channels) and pixels.dtype == (np.uint16 if bits == 16 else np.uint8), name
        case["samples"] = pixels.astype(">u2").tobytes().hex()
    kept.append(case)


def luma(rgb):
    r, g, b = (rgb[..., c].astype(np.int64) for c in range(3))
    return ((299 * r + 587 * g + 114 * b + 500) // 1000).astype(rgb.dtype)


def on(rgb, alpha, background, most):
    rgb, alpha = three(rgb).astype(np.int64), alpha.astype(np.int64)[..., None]
    return (rgb * alpha + background * (most // 255) * (most - alpha) + most // 2) // most


FIVE = rng.integers(0, 256, (H, W, 5), dtype=np.uint8)
FIVE_WIDE = rng.integers(0, 65536, (H, W, 5), dtype=np.uint16)
WIDE_GRAY, WIDE_ALPHA = WIDE[..., 0].copy(), rng.integers(0, 65536, (H, W), dtype=np.uint16)
png16 = lambda a: imagecodecs.png_encode(a)
keep("png gray 16, kept", png16(WIDE_GRAY), three(WIDE_GRAY), bits=16)
keep("png gray 16 as gray, kept", png16(WIDE_GRAY), WIDE_GRAY, channels=1, bits=16)
keep("png rgb 16, kept", png16(WIDE), WIDE, bits=16)
keep("png rgba 16 on black, kept", png16(np.dstack([WIDE, WIDE_ALPHA])), on(WIDE, WIDE_ALPHA, 0, 65535).astype(np.uint16), bits=16, background=0)
keep("png rgba on gray", pillow(np.dstack([RGB, ALPHA]), "PNG"), on(RGB, ALPHA, 128, 255).astype(np.uint8), background=128)
keep("png rgba as four channels", pillow(np.dstack([RGB, ALPHA]), "PNG"), np.dstack([RGB, ALPHA]), channels=4)
keep("png rgb as four channels", pillow(RGB, "PNG"), None, channels=4, error="unsupported format: 3 channels, and data.channels is 4")
keep("png rgb as gray", pillow(RGB, "PNG"), luma(RGB), channels=1)
keep("png of 8 bits, widened", pillow(RGB, "PNG"), RGB.astype(np.uint16) * 257, bits=16)
keep("bmp as gray of 16 bits", pillow(RGB, "BMP"), luma(RGB).astype(np.uint16) * 257, channels=1, bits=16)
keep("tiff rgb 16, kept", tiff(WIDE, photometric="rgb"), WIDE, bits=16)
keep("tiff rgb 16 as gray, kept", tiff(WIDE, photometric="rgb"), luma(WIDE), channels=1, bits=16)
keep("tiff miniswhite 16, kept", tiff(WIDE_GRAY, photometric="miniswhite"), three(65535 - WIDE_GRAY), bits=16)
keep("tiff of 5 channels", tiff(FIVE, photometric="minisblack", planarconfig="contig"), FIVE, channels=5)
keep("tiff of 5 planes", tiff(np.ascontiguousarray(FIVE.transpose(2, 0, 1)), photometric="minisblack", planarconfig="separate"), FIVE, channels=5)
keep("tiff of 5 channels of 16 bits, kept", tiff(FIVE_WIDE, photometric="minisblack", planarconfig="contig"), FIVE_WIDE, channels=5, bits=16)
keep("tiff of 5 channels of 16 bits, scaled", tiff(FIVE_WIDE, photometric="minisblack", planarconfig="contig"), narrow(FIVE_WIDE), channels=5)
keep("tiff of 5 channels as RGB", tiff(FIVE, photometric="minisblack", planarconfig="contig"), None, error="unsupported format: tiff with 5 channels; data.channels: 5 takes them")
keep("tiff rgb as 5 channels", tiff(RGB, photometric="rgb"), None, channels=5, error="unsupported format: 3 channels, and data.channels is 5")
keep("ppm 16, kept", b"P6 %d %d 65535\n" % (W, H) + WIDE.astype(">u2").tobytes(), WIDE, bits=16)
keep("pgm of 100 levels, widened", b"P5 %d %d 100\n" % (W, H) + (GRAY % 101).tobytes(), np.floor((GRAY % 101).astype(int) * 65535 / 100 + 0.5).astype(np.uint16), channels=1, bits=16)
gif = io.BytesIO(); Image.fromarray(GRAY).save(gif, "GIF"); keep("gif as gray", gif.getvalue(), GRAY, channels=1)

pathlib.Path(__file__).with_name("formats.json").write_text(json.dumps({"cases": cases, "kept": kept}, indent=0) + "\n")
print(len(cases), "cases,", len(kept), "in other pixel formats")
