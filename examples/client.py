#!/usr/bin/python3
#  client.py ENDPOINT GROUP: makes each line it reads a task, prints the results in order
#  SPDX-License-Identifier: MPL-2.0
import random, sys, time, msgpack, zmq
PUSH, BATCH, COLLECT, HEARTBEAT, BYE, ACCEPTED, OUTCOME, FULL, ERROR = b"\1\2\3ABacgh"
(endpoint, group), lines, results = sys.argv[1:], sys.stdin.buffer.read().splitlines(), {}
producer, taken, batch, pause, silence = random.getrandbits(63) | 1, 0, 0, 0.1, 3000
def send(command, *frames, **fields):
    socket.send_multipart([b"STP\1" + bytes([command]) + msgpack.packb(fields), *frames])

while len(results) < len(lines):  # each turn is a session, on a socket of its own
    with zmq.Context.instance().socket(zmq.DEALER) as socket:
        socket.connect(endpoint)
        send(BATCH, r=taken, g=group, n=f"client-{producer}")
        while len(results) < len(lines) and socket.poll(silence):
            header, *frames = socket.recv_multipart()
            command, fields, pause = header[4], msgpack.unpackb(header[5:] or b"\x80"), 0.1
            if command == HEARTBEAT:  # an answer to each is enough to stay known
                silence = fields["u"] * fields["y"] if "u" in fields else silence
                send(HEARTBEAT)
            elif command == BYE or fields.get("e") == "stopping":
                break
            elif command == ERROR:
                sys.exit("client.py: {e}: {m}".format(**fields))
            elif command == ACCEPTED:  # a request's number: lines that are taken with it
                taken, batch = fields["r"], fields.get("b") or batch
            elif command == OUTCOME:
                for _, place, state, _, body in (item for item in fields["t"] if item[0]):
                    body = frames[body - 1] if isinstance(body, int) else body or b""
                    results[place] = body if state == 4 else b"FAILED: " + body
            if command in (ACCEPTED, OUTCOME):
                send(COLLECT, r=0, b=batch, c=4096, k=fields.get("k", 0))
            if command in (ACCEPTED, FULL) and (some := lines[taken:taken + 200]):
                time.sleep(fields.get("d", 0) / 1000)
                large = [line for line in some if len(line) > 4096]
                send(PUSH, *large, r=taken + len(some), g=group, p=producer, s=taken + 1,
                     b=batch, t=[1 + large.index(x) if x in large else x for x in some])
    time.sleep(random.uniform(0.8, 1.2) * (pause := min(2 * pause, 8)))
sys.stdout.buffer.writelines(results[place] + b"\n" for place in sorted(results))
