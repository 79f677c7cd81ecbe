"""A conversation with the simple device, as Python's struct packs it: `make.py > conversation.txt`.

A line `> BYTES` is what the client sends, `< BYTES` what the controller does, one frame a line. The controller's clock
stands still, and it sends telemetry once.
"""

import struct

TAI = (1790000037, 500000000)


def client(counter, code, *parameters):
    parameters += (0.0,) * (6 - len(parameters))
    print(">", struct.pack("<3I6d", 2, counter, code, *parameters).hex())


def frame(frame_id, counter, body):
    print("<", (struct.pack("<2I2q", frame_id, counter, *TAI) + body).hex())


def status(counter, ack=True, reason=""):
    frame(1, counter, struct.pack("<Id50s", 1 if ack else 2, 0.0, reason.encode()))


def config(drives):
    frame(3, 0, struct.pack("<B3d", drives, -25.0, 25.0, 47.0))


config(0)
frame(2, 0, struct.pack("<I4d", 0x400, 0.0, 0.0, 0.001, 0.0))
client(0, 4, 1.5)
status(0, False, "Not allowed in Standby.")
client(1, 1, 3.0)
status(1, False, "State command 3.0 not allowed in Standby.")
client(2, 1, 2.0)
status(2)
client(3, 2, 1.0)
config(1)
status(3)
client(4, 4, -24.5)
status(4)
client(5, 4, 26.0)
status(5, False, "Position 26.0 out of range [-25.0, 25.0].")
client(6, 3, 2.0)
status(6)
client(7, 9)
status(7, False, "Unknown command 9.")
client(8, 2, 7.0)
status(8, False, "Drives can be 0.0 or 1.0, not 7.0.")
client(9, 1, 3.0)
status(9)
client(10, 1, 6.0)
status(10)
client(11, 2, 0.0)
config(0)
status(11)
