"""The Moog protocol in plain Python, by struct alone: a client for the mock, and a controller for the client.

    moog_peers.py client commander PORT
    moog_peers.py server controller
"""

import pathlib
import struct
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tcpip-testkit" / "tests" / "python"))

from peer import check, main  # noqa: E402

COMMAND = struct.Struct("<3I6d")
HEADER = struct.Struct("<2I2q")
STATUS = struct.Struct("<Id50s")
TELEMETRY = struct.Struct("<I4d")
CONFIG = struct.Struct("<B3d")
BODIES = {1: STATUS, 2: TELEMETRY, 3: CONFIG}
TAI_AHEAD = 37


async def read_frame(reader):
    frame_id, counter, tai_sec, tai_nsec = HEADER.unpack(await reader.readexactly(HEADER.size))
    check(abs(tai_sec - TAI_AHEAD - time.time()) < 30, True)
    check(0 <= tai_nsec < 1_000_000_000, True)
    body = BODIES[frame_id]
    return frame_id, counter, body.unpack(await reader.readexactly(body.size))


async def commander(reader, writer):
    """Commands the mock, and checks what it says."""
    check(await read_frame(reader), (3, 0, (0, -25.0, 25.0, 47.0)))
    check((await read_frame(reader))[:2], (2, 0))

    async def command(counter, code, parameter):
        writer.write(COMMAND.pack(2, counter, code, parameter, 0, 0, 0, 0, 0))
        configs = []
        while True:
            frame_id, got, body = await read_frame(reader)
            if frame_id == 3:
                configs.append(body)
            elif frame_id == 1:
                check(got, counter)
                return body[0], body[2].rstrip(b"\0"), configs

    check(await command(0, 1, 2.0), (1, b"", []))
    check(await command(1, 2, 1.0), (1, b"", [(1, -25.0, 25.0, 47.0)]))
    check(await command(0xFFFFFFFF, 4, -3.25), (1, b"", []))
    check(await command(5, 4, 26.0), (2, b"Position 26.0 out of range [-25.0, 25.0].", []))
    while True:
        frame_id, _, body = await read_frame(reader)
        if frame_id == 2:
            check((body[0], body[1], body[2], body[4]), (0x400, 2.0, 0.0, -3.25))
            check(abs(body[3] + 3.25) < 0.1, True)
            break


async def controller(reader, writer):
    """Answers the client: a byte a segment, an unknown frame, a status of nobody's, and one refusal of 50 bytes."""

    def frame(frame_id, counter, body):
        return HEADER.pack(frame_id, counter, 1790000037, 5) + body

    for byte in frame(3, 0, CONFIG.pack(1, -1.0, 1.0, 2.0)):
        writer.write(bytes([byte]))
        await writer.drain()
    telemetry = frame(2, 0, TELEMETRY.pack(0x400, 0.0, 0.0, 0.5, 0.25))
    writer.write(telemetry)

    async def expect(*expected):
        check(COMMAND.unpack(await reader.readexactly(COMMAND.size)), expected)

    await expect(2, 0, 1, 2.0, 0, 0, 0, 0, 0)
    # The largest body behind an unknown header, then frames as ever.
    writer.write(frame(77, 0, b"\xff" * STATUS.size))
    writer.write(telemetry)
    writer.write(frame(1, 12, STATUS.pack(1, 9.0, b"nobody's")))
    writer.write(frame(1, 0, STATUS.pack(1, 1.5, b"")))
    await expect(2, 1, 4, 7.0, 0, 0, 0, 0, 0)
    writer.write(frame(1, 1, STATUS.pack(2, 0.0, b"x" * 50)))
    check(await reader.read(), b"")


if __name__ == "__main__":
    sys.exit(main({"commander": commander, "controller": controller}))
