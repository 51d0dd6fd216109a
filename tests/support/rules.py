"""Pictures that decoders read differently unless they follow the rules of demo/README.md."""

import functools
import io
import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageCms

from demo.decoder.containers import chunk
from tests.support.pictures import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, bmp32, encoded, png

WIDTH, HEIGHT = 61, 45
EVERYWHERE: Final = frozenset({"Python", "Node", "browser"})
NODE: Final = frozenset({"Node"})
BROWSER: Final = frozenset({"browser"})
ELSEWHERE: Final = NODE | BROWSER


@dataclass(frozen=True)
class Case:
    """A picture file.

    like: a file that gives the same pixels before `turn`, an EXIF orientation; None where the rule is only
    that all decoders agree. refused: by which decoders.
    """

    content: bytes
    like: bytes | None = None
    turn: int = 1
    refused: frozenset[str] = frozenset()


def scene(seed: int = 0) -> Image.Image:
    """A picture of slopes in all channels, with sharp edges, that looks different however it is turned."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([x * 255 // WIDTH, y * 255 // HEIGHT, (x * 7 + y * 3 + 50 * seed) % 256], axis=2)
    pixels[5:12, 5:20] = (255, 0, 0)
    return Image.fromarray(pixels.astype(np.uint8))


SCENE: Final = scene()
PIXELS: Final = np.asarray(SCENE)
LIGHT: Final = SCENE.convert("L")
PLAIN: Final = encoded(SCENE)


@functools.cache
def cases() -> dict[str, Case]:
    """Return all of them by name."""
    return {**turns(), **frames(), **profiles(), **checksums(), **depths(), **opacities(), **formats()}


def with_chunk(name: bytes, content: bytes) -> bytes:
    """Return the scene as a PNG with a chunk before its pixels."""
    return png(PIXELS, 8, RGB, {name: content})


def exif(orientation: int) -> bytes:
    """Return an EXIF block with an orientation."""
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def turns() -> dict[str, Case]:
    """EXIF orientation: applied in all formats; XMP's is not, nor EXIF's where the container has its own."""
    found = {}
    options: dict[str, dict[str, Any]] = {"webp": {"lossless": True}, "jpeg": {"quality": 90}}
    for kind in ("jpeg", "png", "webp", "avif", "heic"):
        # In grey, as encoders halve the size of the colours before the container turns them.
        picture = LIGHT if kind in ("avif", "heic") else SCENE
        given = options.get(kind, {})
        like = encoded(picture, kind.upper(), **given)
        for value in range(1, 9):
            content = encoded(picture, kind.upper(), exif=exif(value), **given)
            found[f"turned-{value}.{kind}"] = Case(
                content, like, value, ELSEWHERE if kind == "heic" else frozenset()
            )
    jpeg, webp = encoded(SCENE, "JPEG"), encoded(SCENE, "WEBP", lossless=True)
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description tiff:Orientation=\"6\"/></x:xmpmeta>"
    turned = chunk(b"eXIf", exif(6).removeprefix(b"Exif\0\0"))
    avif = encoded(LIGHT, "AVIF", exif=exif(6))
    angle = avif.index(b"irot") + 4
    return found | {
        "xmp.jpeg": Case(encoded(SCENE, "JPEG", xmp=xmp), jpeg),
        "xmp.webp": Case(encoded(SCENE, "WEBP", lossless=True, xmp=xmp), webp),
        "turned-behind.png": Case(PLAIN[:-12] + turned + PLAIN[-12:], PLAIN, 6),
        "turned-twice.png": Case(
            PLAIN[:33] + turned + turned.replace(b"\6\0", b"\3\0") + PLAIN[33:], PLAIN, 6
        ),
        "little-endian.jpeg": Case(encoded(SCENE, "JPEG", exif=little_endian()), jpeg, 8),
        "wide-number.jpeg": Case(encoded(SCENE, "JPEG", exif=little_endian(long=True)), jpeg, 8),
        "unknown-turn.jpeg": Case(encoded(SCENE, "JPEG", exif=exif(9)), jpeg),
        "damaged.jpeg": Case(
            encoded(SCENE, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(30)), jpeg
        ),
        "exif-alone.avif": Case(avif[:angle] + b"\0" + avif[angle + 1 :], encoded(LIGHT, "AVIF")),
    }


def little_endian(long: bool = False) -> bytes:
    """Return an EXIF block of Intel's byte order with orientation 8; long: as four bytes."""
    entry = struct.pack("<HHII", 0x0112, 4 if long else 3, 1, 8)
    return b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)


def frames() -> dict[str, Case]:
    """Animations and further images: the first frame, the default or the primary image."""
    first, second = SCENE, scene(1)
    more: dict[str, Any] = {"save_all": True, "append_images": [second]}
    palette = first.quantize(64)
    gif = encoded(palette, "GIF")
    transparent_gif = encoded(palette, "GIF", transparency=5)
    grey, other = first.convert("L"), second.convert("L")
    avif = encoded(grey, "AVIF", save_all=True, append_images=[other])
    stream = io.BytesIO()
    heif = pillow_heif.from_pillow(second)
    heif.add_from_pillow(first)
    heif.save(stream, primary_index=1)
    return {
        "frames.gif": Case(encoded(palette, "GIF", save_all=True, append_images=[second.quantize(64)]), gif),
        "small-frame.gif": Case(screen(gif, 80, 70)),
        "small-frame-transparent.gif": Case(screen(transparent_gif, 80, 70)),
        "large-frame.gif": Case(screen(gif, 40, 30), gif),
        "moved-frame.gif": Case(screen(gif, 80, 70, (10, 20))),
        "frames.webp": Case(encoded(first, "WEBP", lossless=True, **more)),
        "frames-lossy.webp": Case(encoded(first, "WEBP", quality=80, **more)),
        "small-frame.webp": Case(animated_webp(80, 70, 10, 12)),
        "frames.png": Case(encoded(first, **more), encoded(first)),
        "default-image.png": Case(encoded(first, default_image=True, **more), encoded(first)),
        "frames.avif": Case(avif),
        "mpo.jpeg": Case(encoded(first, "MPO", **more), encoded(first, "JPEG")),
        "two.heic": Case(stream.getvalue(), encoded(first, "HEIC"), refused=ELSEWHERE),
        "pages.tiff": Case(encoded(grey, "TIFF", compression="tiff_lzw"), refused=EVERYWHERE),
    }


def screen(gif: bytes, width: int, height: int, at: tuple[int, int] = (0, 0)) -> bytes:
    """Return a GIF with another screen behind its frame, and the frame elsewhere on it."""
    frame = gif.index(b",", 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0))
    place = struct.pack("<HH", *at)
    return gif[:6] + struct.pack("<HH", width, height) + gif[10 : frame + 1] + place + gif[frame + 5 :]


def animated_webp(width: int, height: int, left: int, top: int) -> bytes:
    """Return a WebP animation whose frames leave part of its canvas free, without the flag for alpha."""
    still = encoded(SCENE, "WEBP", lossless=True)
    start = still.index(b"VP8L")
    size = struct.unpack_from("<I", still, start + 4)[0]
    pixels = still[start : start + 8 + size + size % 2]
    fields = (left // 2, top // 2, WIDTH - 1, HEIGHT - 1, 100)
    frame = b"".join(struct.pack("<I", field)[:3] for field in fields) + b"\0" + pixels
    extents = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + extents
    body += b"ANIM" + struct.pack("<I", 6) + b"\xff\xff\0\xff\0\0"
    body += (b"ANMF" + struct.pack("<I", len(frame)) + frame) * 2
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def swapped_profile() -> bytes:
    """Return an ICC profile that exchanges red and green, so that nobody can convert colours unnoticed."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ") + 4, profile.index(b"gXYZ") + 4
    profile[red : red + 8], profile[green : green + 8] = profile[green : green + 8], profile[red : red + 8]
    return bytes(profile)


def profiles() -> dict[str, Case]:
    """Colour profiles and gamma: ignored; CMYK: by products rounded down."""
    swapped = swapped_profile()
    options: dict[str, dict[str, Any]] = {"JPEG": {}, "PNG": {}, "WEBP": {"lossless": True}}
    found = {
        f"profile.{kind.lower()}": Case(
            encoded(SCENE, kind, icc_profile=swapped, **given), encoded(SCENE, kind, **given)
        )
        for kind, given in options.items()
    }
    inks = np.random.default_rng(0).integers(0, 256, (8, 8, 4), np.uint8)
    printed = encoded(
        Image.fromarray(np.kron(inks, np.ones((8, 8, 1), np.uint8)), "CMYK"), "JPEG", quality=95
    )
    adobe = printed.index(b"Adobe")
    primaries = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    return found | {
        "profile.avif": Case(
            encoded(SCENE, "AVIF", icc_profile=swapped), encoded(SCENE, "AVIF"), refused=NODE
        ),
        "grey-profile.avif": Case(encoded(LIGHT, "AVIF", icc_profile=swapped), encoded(LIGHT, "AVIF")),
        "gamma.png": Case(with_chunk(b"gAMA", struct.pack(">I", 100_000)), PLAIN),
        "primaries.png": Case(
            png(PIXELS, 8, RGB, {b"gAMA": struct.pack(">I", 45_455), b"cHRM": primaries}), PLAIN
        ),
        "hdr.png": Case(with_chunk(b"cICP", bytes([9, 16, 0, 1])), PLAIN),
        "significant.png": Case(with_chunk(b"sBIT", bytes([5, 5, 5])), PLAIN),
        "cmyk.jpeg": Case(printed),
        "ycck.jpeg": Case(printed[: adobe + 11] + b"\2" + printed[adobe + 12 :]),
        "cmyk-without-adobe.jpeg": Case(printed[: adobe - 4] + printed[adobe + 12 :]),
    }


def broken(content: bytes, name: bytes) -> bytes:
    """Return a PNG in which the checksum of a chunk is wrong."""
    start = content.index(name)
    end = start + 4 + struct.unpack(">I", content[start - 4 : start])[0]
    return content[:end] + bytes([content[end] ^ 255]) + content[end + 1 :]


def checksums() -> dict[str, Case]:
    """Wrong checksums: a chunk that pixels need is refused, any other is not there."""
    text = with_chunk(b"tEXt", b"key\0value")
    rng = np.random.default_rng(1)
    colours = {b"PLTE": rng.integers(0, 256, 48, np.uint8).tobytes()}
    indices = rng.integers(0, 16, (HEIGHT, WIDTH, 1))
    palette = png(indices, 4, PALETTE, colours | {b"tRNS": bytes(range(0, 160, 10))})
    gamma = with_chunk(b"gAMA", struct.pack(">I", 100_000))
    sequence = encoded(SCENE, save_all=True, append_images=[scene(1)])
    return {
        "broken-text.png": Case(broken(text, b"tEXt"), PLAIN),
        "broken-gamma.png": Case(broken(gamma, b"gAMA"), PLAIN),
        "broken-turn.png": Case(broken(encoded(SCENE, exif=exif(6)), b"eXIf"), PLAIN),
        "broken-animation.png": Case(broken(sequence, b"fdAT"), PLAIN),
        "broken-opacity.png": Case(broken(palette, b"tRNS"), png(indices, 4, PALETTE, colours)),
        "unpacks-badly.png": Case(with_chunk(b"zTXt", b"key\0\0no zlib"), PLAIN),
        "long-text.png": Case(with_chunk(b"tEXt", b"key\0" + b"x" * 2_000_000), PLAIN),
        "behind-the-end.png": Case(PLAIN + b"more", PLAIN),
        **{
            f"broken-{name.decode()}.png": Case(broken(content, name), refused=EVERYWHERE)
            for name, content in ((b"IHDR", text), (b"IDAT", text), (b"IEND", text), (b"PLTE", palette))
        },
        "unknown-critical.png": Case(with_chunk(b"CgBI", bytes(4)), refused=EVERYWHERE),
        "without-end.png": Case(PLAIN[:-12], refused=EVERYWHERE),
        "cut.png": Case(PLAIN[: len(PLAIN) // 2], refused=EVERYWHERE),
        "short-palette.png": Case(png(indices, 4, PALETTE, {b"PLTE": colours[b"PLTE"][:24]})),
    }


def grey_png(samples: NDArray[Any], depth: int = 8) -> bytes:
    """Return a grey PNG of samples [height, width, 1]."""
    return png(samples, depth, GREY)


def depths() -> dict[str, Case]:
    """16 bits: the upper byte. A picture below 1/8 of the range: the bits from its first used one."""
    rng = np.random.default_rng(2)
    one, three = (HEIGHT, WIDTH, 1), (HEIGHT, WIDTH, 3)
    wide, colour = rng.integers(0, 65536, one), rng.integers(0, 65536, three)
    found = {}
    for bits in range(1, 17):
        grey, rgb = rng.integers(0, 2**bits, one), rng.integers(0, 2**bits, three)
        grey[0, 0], rgb[0, 0] = 2**bits - 1, 2**bits - 1
        shift = 16 - bits if bits <= 13 else 0
        found[f"{bits}-of-16-bits.png"] = Case(grey_png(grey, 16), grey_png(grey << shift >> 8))
        found[f"{bits}-of-16-bits-colour.png"] = Case(png(rgb, 16, RGB), png(rgb << shift >> 8, 8, RGB))
    for bits in range(1, 9):
        grey = rng.integers(0, 2**bits, one)
        grey[0, 0] = 2**bits - 1
        found[f"{bits}-of-8-bits.png"] = Case(
            grey_png(grey), grey_png(grey << (8 - bits if bits <= 5 else 0))
        )
    low = rng.integers(0, 16, three)
    low[0, 0] = 15
    alpha = np.full(one, 255)
    translucent = alpha.copy()
    translucent[3, 4] = 254
    dark = Image.fromarray(low.astype(np.uint8))
    transparent = {b"tRNS": struct.pack(">H", int(wide[0, 0, 0]))}
    return found | {
        "16-bits-interlaced.png": Case(png(wide, 16, GREY, interlaced=True), grey_png(wide >> 8)),
        "16-bits-transparent.png": Case(png(wide, 16, GREY, transparent)),
        # Only one pixel is transparent, though all have the same upper bytes.
        "16-bits-transparent-colour.png": Case(
            png(colour & 255, 16, RGB, {b"tRNS": struct.pack(">3H", *(colour & 255)[3, 4])})
        ),
        "16-bits-rgba.png": Case(png(np.dstack([colour, wide]), 16, RGBA)),
        "16-bits-grey-alpha.png": Case(png(np.dstack([wide, wide]), 16, GREY_ALPHA)),
        "black.png": Case(grey_png(np.zeros(one, int)), grey_png(np.zeros(one, int))),
        "black-16.png": Case(grey_png(np.zeros(one, int), 16), grey_png(np.zeros(one, int))),
        "low-opaque.png": Case(
            png(np.dstack([low, alpha]), 8, RGBA), png(np.dstack([low << 4, alpha]), 8, RGBA)
        ),
        "low-translucent.png": Case(png(np.dstack([low, translucent]), 8, RGBA)),
        "low.bmp": Case(encoded(dark, "BMP"), png(low << 4, 8, RGB)),
        "low.webp": Case(encoded(dark, "WEBP", lossless=True), png(low << 4, 8, RGB)),
        "low.gif": Case(encoded(dark.convert("L"), "GIF")),
        "low.jpeg": Case(encoded(Image.fromarray(PIXELS // 16), "JPEG")),
    }


def opacities() -> dict[str, Case]:
    """Translucent pixels: exact, though a browser multiplies colours by their opacity."""
    alpha = Image.fromarray(np.tile(np.arange(WIDTH) * 4, (HEIGHT, 1)).astype(np.uint8))
    translucent = SCENE.copy()
    translucent.putalpha(alpha)
    grey = Image.merge("LA", (LIGHT, alpha))
    rng = np.random.default_rng(3)
    indices = rng.integers(0, 16, (HEIGHT, WIDTH, 1))
    chunks = {b"PLTE": rng.integers(0, 256, 48, np.uint8).tobytes(), b"tRNS": bytes(range(0, 160, 10))}
    return {
        "translucent.png": Case(encoded(translucent)),
        "translucent-grey.png": Case(encoded(grey)),
        "translucent-palette.png": Case(png(indices, 4, PALETTE, chunks)),
        "transparent-colour.png": Case(with_chunk(b"tRNS", struct.pack(">3H", *PIXELS[3, 4]))),
        "translucent.webp": Case(encoded(translucent, "WEBP", lossless=True)),
        "translucent-lossy.webp": Case(encoded(translucent, "WEBP", quality=70)),
        "translucent.avif": Case(encoded(translucent, "AVIF"), refused=ELSEWHERE),
        "translucent-grey.avif": Case(encoded(grey, "AVIF"), refused=BROWSER),
        "translucent.bmp": Case(bmp32(np.asarray(translucent)), encoded(translucent)),
    }


def formats() -> dict[str, Case]:
    """The formats themselves, and those that are not taken."""
    palette = SCENE.quantize(16)
    rng = np.random.default_rng(4)
    halves = rng.integers(0, 65536, (HEIGHT, WIDTH + 1)).astype("<u2").tobytes()
    quads = rng.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
    hollow = np.dstack([quads[..., :3], np.zeros((HEIGHT, WIDTH), np.uint8)])
    rle = bmp(8, 1, b"\x3d\x05\0\0" * HEIGHT + b"\0\1", palette=bytes(range(256)) * 4)
    jpeg = encoded(SCENE, "JPEG", quality=90)
    return {
        "444.jpeg": Case(encoded(SCENE, "JPEG", quality=90, subsampling=0)),
        "422.jpeg": Case(encoded(SCENE, "JPEG", quality=60, subsampling=1)),
        "420.jpeg": Case(encoded(SCENE, "JPEG", quality=60, subsampling=2)),
        "progressive.jpeg": Case(encoded(SCENE, "JPEG", progressive=True)),
        "grey.jpeg": Case(encoded(LIGHT, "JPEG")),
        "filled.jpeg": Case(jpeg[:2] + b"\xff" * 9 + jpeg[2:], jpeg),
        "cut.jpeg": Case(jpeg[: len(jpeg) // 2], refused=EVERYWHERE),
        "lossy.webp": Case(encoded(SCENE, "WEBP", quality=60)),
        "444.avif": Case(encoded(SCENE, "AVIF", quality=90, subsampling="4:4:4"), refused=NODE),
        "420.avif": Case(encoded(SCENE, "AVIF", quality=60), refused=NODE),
        "grey.avif": Case(encoded(LIGHT, "AVIF")),
        "interlaced.gif": Case(encoded(palette, "GIF", interlace=True), encoded(palette, "GIF")),
        "transparent.gif": Case(encoded(palette, "GIF", transparency=5)),
        "24.bmp": Case(encoded(SCENE, "BMP"), PLAIN),
        "8.bmp": Case(encoded(palette, "BMP"), encoded(palette.convert("RGB"))),
        "1.bmp": Case(encoded(SCENE.convert("1"), "BMP")),
        "4.bmp": Case(
            bmp(4, 0, quads.tobytes()[: 32 * HEIGHT], palette=rng.integers(0, 256, 64, np.uint8).tobytes())
        ),
        "555.bmp": Case(bmp(16, 0, halves)),
        "565.bmp": Case(bmp(16, 3, halves, struct.pack("<3I", 0xF800, 0x7E0, 0x1F))),
        "32.bmp": Case(bmp(32, 0, quads.tobytes())),
        "unset-opacity.bmp": Case(bmp32(hollow), encoded(Image.fromarray(hollow[..., :3]))),
        "top-down.bmp": Case(bmp(32, 0, quads.tobytes(), down=True)),
        "compressed.bmp": Case(rle, refused=EVERYWHERE),
        "cut.bmp": Case(encoded(SCENE, "BMP")[:-100], refused=EVERYWHERE),
        "picture.ico": Case(encoded(SCENE, "ICO"), refused=EVERYWHERE),
        "picture.svg": Case(
            b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", refused=EVERYWHERE
        ),
    }


def bmp(
    bits: int,
    compression: int,
    pixels: bytes,
    masks: bytes = b"",
    palette: bytes = b"",
    *,
    down: bool = False,
) -> bytes:
    """Return a BMP of `WIDTH` by `HEIGHT`. down: its rows begin at the top."""
    fields = (40, WIDTH, -HEIGHT if down else HEIGHT, 1, bits, compression, len(pixels), 1, 1)
    header = struct.pack("<IiiHHIIiiII", *fields, len(palette) // 4, 0) + masks + palette
    return struct.pack("<2sIII", b"BM", 14 + len(header) + len(pixels), 0, 14 + len(header)) + header + pixels
