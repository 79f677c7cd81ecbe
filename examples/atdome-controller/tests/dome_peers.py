"""The dome's other end in plain Python asyncio: a controller for the mock, and a mock for the controller.

    dome_peers.py client controller PORT
    dome_peers.py server mock
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tcpip-testkit" / "tests" / "python"))

from peer import check, main  # noqa: E402

GREETING = b"ACE Main Box\n>"
STATUS = b"MAIN CLOSED 000\nDROP CLOSED 000\n[OFF] 00\nPOSN 285.00\n-- 000\nDome not homed\n"


async def controller(reader, writer):
    """Asks the mock, and checks its replies to the byte."""
    check(await reader.readuntil(b">"), GREETING)
    writer.write(b"?\r\n")
    check(await reader.readuntil(b">"), STATUS + b">")
    writer.write(b"+\r\n")
    full = await reader.readuntil(b">")
    check(full.startswith(STATUS), True)
    check(full.count(b"\n"), 27)
    # Three commands in one segment, one of them unknown, and a blank line, which gets nothing.
    writer.write(b"280.00 MV\r\nNONSENSE\r\n\r\nST\r\n")
    check([await reader.readuntil(b">") for _ in range(3)], [b">"] * 3)
    # A last question, behind which the stream ends.
    writer.write(b"?\n")
    writer.write_eof()
    last = await reader.read()
    check(last.count(b"\n"), 6)
    check(last.endswith(b">"), True)


async def mock(reader, writer):
    """Answers the controller, a byte a segment at first, and checks what it asks."""
    for byte in GREETING:
        writer.write(bytes([byte]))
        await writer.drain()
    check(await reader.readline(), b"?\r\n")
    writer.write(STATUS + b">")
    check(await reader.readline(), b"280.00 MV\r\n")
    writer.write(b">")
    check(await reader.readline(), b"OP\r\n")
    writer.write(b"Command OP failed by request\n>")
    check(await reader.read(), b"")


async def json_lines(reader, writer):
    """Sends JSON to an echo server, which sends it back."""
    for value in ({"az": 280.5, "name": "Küppel 🔭", "list": [1, -2, None]}, [], "text", 12.0):
        for ensure_ascii in (True, False):
            writer.write(json.dumps(value, ensure_ascii=ensure_ascii).encode() + b"\r\n")
            check(json.loads(await reader.readline()), value)


if __name__ == "__main__":
    sys.exit(main({"controller": controller, "mock": mock, "json_lines": json_lines}))
