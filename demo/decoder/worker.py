"""The program of a decoding worker: requests on standard input, replies on standard output."""

import os
import sys
from typing import BinaryIO

from PIL import Image

from demo.decoder.decode import Decoded, RefusedError, configure, decode
from demo.decoder.limits import limit_next_request, limit_process
from demo.decoder.wire import READY, REPLY, REQUEST, Outcome

BAND_BYTES = 1 << 20


def main() -> None:
    """Serve until standard input ends: the app closed it, or is gone."""
    requests, replies = sys.stdin.buffer, private_output()
    configure()
    limit_process()
    replies.write(READY)
    replies.flush()
    while header := requests.read(REQUEST.size):
        limit_next_request()
        serve(requests.read(*REQUEST.unpack(header)), replies)


def private_output() -> BinaryIO:
    """Standard output under another number, so that nothing a decoder prints can pass for a reply."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, sys.stdout.fileno())
    os.close(silence)
    return replies


def serve(content: bytes, replies: BinaryIO) -> None:
    """Decode one picture and reply; it is let go before the next request."""
    try:
        decoded = decode(content)
    except RefusedError as error:
        replies.write(REPLY.pack(error.outcome, 0, 0, 0, 0))
    else:
        send(decoded, replies)
    replies.flush()


def send(decoded: Decoded, replies: BinaryIO) -> None:
    """Write a picture in bands: in one piece it would be held twice more."""
    picture = decoded.picture
    channels = len(picture.getbands())
    replies.write(REPLY.pack(Outcome.PICTURE, channels, decoded.several, picture.height, picture.width))
    rows = max(1, BAND_BYTES // (picture.width * channels))
    for top in range(0, picture.height, rows):
        band: Image.Image = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        replies.write(band.tobytes())
