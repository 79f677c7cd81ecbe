"""A peer made of nothing but the standard library: asyncio, json and struct.

    peer.py client DIALOGUE PORT    connects to PORT of this machine and holds the dialogue
    peer.py server DIALOGUE         prints the port that it listens on, and holds the dialogue with one client

It ends with exit code 0 if the other end did what the dialogue says, else with a traceback.

A script with dialogues of its own imports `main` and calls it with these.
"""

import argparse
import asyncio
import json
import socket
import struct
import sys

HOST = "127.0.0.1"

# The longest line that asyncio reads.
LIMIT = 2**20

# Nothing here takes so long, even on a busy machine.
PATIENCE = 60

TERMINATOR = b"\r\n"

# From the kernel's headers: a socket that is closed in this mode sends nothing.
TCP_REPAIR = 19

# What is exchanged. The other end has the same tables.
TEXTS = {
    "utf-8": ["status", "", "280.00 MV", "Kuppel öffnen €", "望遠鏡 🔭", "x" * 100_000],
    "latin-1": ["Kuppel öffnen ÿ", "".join(chr(code) for code in range(0x20, 0x100))],
    "ascii": ["status", "~ !"],
}
VALUES = [
    {"az": 280.5, "moving": True, "door": None, "name": "Küppel 🔭", "list": [1, -2, 3], "nested": {"a": {"b": []}}},
    {"small": 1e-300, "large": 1.7976931348623157e308, "tenth": 0.1, "integer": 2**63 - 1, "negative": -(2**63)},
    [],
    "text",
    12.0,
    None,
]
# Which JSON does not have, and Python's does.
NUMBERS = [float("nan"), float("inf"), float("-inf"), 1.5]

BODIES = [(1.5, 1, 2, 3), (-0.1, -(2**63), 0, 2**63 - 1)]

HEADER = struct.Struct("<I")
BODY = struct.Struct("<d3q")
FLAGS = struct.Struct(">H?B")


def check(actual, expected):
    if actual != expected:
        raise AssertionError(f"got {actual!r:.500}, expected {expected!r:.500}")


async def read_text(reader, encoding="utf-8"):
    line = await reader.readuntil(TERMINATOR)
    return line.removesuffix(TERMINATOR).decode(encoding)


def write_text(writer, text, encoding="utf-8"):
    writer.write(text.encode(encoding) + TERMINATOR)


async def read_struct(reader, kind):
    return kind.unpack(await reader.readexactly(kind.size))


async def drive(reader, writer):
    """Asks, and checks the replies."""
    for encoding, texts in TEXTS.items():
        for text in texts:
            write_text(writer, text, encoding)
            check(await read_text(reader, encoding), "got " + text)

    for value in VALUES:
        for ensure_ascii in (True, False):
            write_text(writer, json.dumps(value, ensure_ascii=ensure_ascii))
            check(json.loads(await read_text(reader)), {"got": value})
    write_text(writer, json.dumps(NUMBERS))
    check(repr(json.loads(await read_text(reader))), repr(NUMBERS))

    writer.write(HEADER.pack(len(BODIES)) + b"".join(BODY.pack(*body) for body in BODIES))
    for body in BODIES:
        check(await read_struct(reader, BODY), body)
    writer.write(FLAGS.pack(0x0102, True, 7))
    check(await read_struct(reader, FLAGS), (0x0201, False, 7))

    # Text and structures in one segment.
    writer.write(b"before\r\n" + BODY.pack(*BODIES[0]) + b"after\r\n")
    check(await reader.readexactly(12 + BODY.size + 11), b"got before\r\n" + BODY.pack(*BODIES[0]) + b"got after\r\n")

    # One byte in each segment.
    for byte in b"slow\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    check(await read_text(reader), "got slow")

    # A last request, behind which the stream ends.
    write_text(writer, "bye")
    writer.write_eof()
    check(await reader.read(), b"got bye\r\n")


async def respond(reader, writer):
    """Checks what is asked, and replies."""
    for encoding, texts in TEXTS.items():
        for text in texts:
            check(await read_text(reader, encoding), text)
            write_text(writer, "got " + text, encoding)

    for value in VALUES:
        for ensure_ascii in (True, False):
            check(json.loads(await read_text(reader)), value)
            write_text(writer, json.dumps({"got": value}, ensure_ascii=ensure_ascii))
    numbers = json.loads(await read_text(reader))
    check(repr(numbers), repr(NUMBERS))
    write_text(writer, json.dumps(numbers))

    (count,) = await read_struct(reader, HEADER)
    check(count, len(BODIES))
    for body in BODIES:
        check(await read_struct(reader, BODY), body)
        writer.write(BODY.pack(*body))
    check(await read_struct(reader, FLAGS), (0x0102, True, 7))
    writer.write(FLAGS.pack(0x0201, False, 7))

    check(await read_text(reader), "before")
    body = await read_struct(reader, BODY)
    check(await read_text(reader), "after")
    writer.write(b"got before\r\n" + BODY.pack(*body) + b"got after\r\n")

    for text in ("slow", "bye"):
        check(await read_text(reader), text)
        write_text(writer, "got " + text)
    check(await reader.read(), b"")


async def beat(reader, writer):
    """Sends heartbeats, with data between them, then nothing any more, and waits to be given up."""
    for number in range(10):
        writer.write(b"heartbeat\r\n")
        write_text(writer, str(number))
        await writer.drain()
        await asyncio.sleep(0.25)
    check(await reader.read(), b"")


async def count(reader, writer):
    """Waits for heartbeats."""
    for _ in range(3):
        check(await reader.readline(), b"heartbeat\r\n")


async def vanish(reader, writer):
    """Disappears as a machine without power does: the other end is told nothing."""
    repaired = writer.get_extra_info("socket")
    try:
        repaired.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    except PermissionError as error:
        write_text(writer, f"skipped: {error}")
        return
    writer.transport.abort()


async def hold(dialogue, reader, writer):
    try:
        await dialogue(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


async def connect(dialogue, port):
    reader, writer = await asyncio.open_connection(HOST, port, limit=LIMIT)
    await hold(dialogue, reader, writer)


async def serve(dialogue):
    held = asyncio.get_running_loop().create_future()

    async def serve_one(reader, writer):
        try:
            await hold(dialogue, reader, writer)
            held.set_result(None)
        except Exception as error:
            held.set_exception(error)

    server = await asyncio.start_server(serve_one, HOST, 0, limit=LIMIT)
    print(server.sockets[0].getsockname()[1], flush=True)
    await held
    server.close()


def main(dialogues):
    parser = argparse.ArgumentParser()
    roles = parser.add_subparsers(dest="role", required=True)
    for role in ("client", "server"):
        arguments = roles.add_parser(role)
        arguments.add_argument("dialogue", choices=dialogues)
        if role == "client":
            arguments.add_argument("port", type=int)
    arguments = parser.parse_args()
    dialogue = dialogues[arguments.dialogue]
    run = connect(dialogue, arguments.port) if arguments.role == "client" else serve(dialogue)
    asyncio.run(asyncio.wait_for(run, PATIENCE))


if __name__ == "__main__":
    sys.exit(main({"drive": drive, "respond": respond, "beat": beat, "count": count, "vanish": vanish}))
