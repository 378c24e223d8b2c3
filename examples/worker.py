#!/usr/bin/python3
#  worker.py ENDPOINT GROUP: serves a group by turning its payloads into upper case
#  SPDX-License-Identifier: MPL-2.0
import random, sys, time, msgpack, zmq
READY, RESULT, HEARTBEAT, BYE, ACCEPTED, TASK, ERROR = b"!#ABabh"
(endpoint, group), unsure, number = sys.argv[1:], {}, 0  # unsure: not durable yet
worker, pause, silence = random.getrandbits(63) | 1, 0.1, 3000
def send(command, *frames, **fields):
    socket.send_multipart([b"STP\1" + bytes([command]) + msgpack.packb(fields), *frames])

while True:  # each turn is a session, on a socket of its own
    with zmq.Context.instance().socket(zmq.DEALER) as socket:
        socket.connect(endpoint)
        claims = [result[:2] for _, results in unsure.values() for result in results]
        send(READY, r=0, w=worker, h=[group], c=200, n="worker.py", t=claims)
        for request, (large, results) in unsure.items():
            send(RESULT, *large, r=request, t=results)
        while socket.poll(silence):
            header, *frames = socket.recv_multipart()
            command, fields, pause = header[4], msgpack.unpackb(header[5:] or b"\x80"), 0.1
            silence = fields["u"] * fields["y"] if "u" in fields else silence
            if command == HEARTBEAT:  # an answer to each is enough to stay known
                send(HEARTBEAT)
            elif command == BYE or fields.get("e") == "stopping":
                break
            elif command == ERROR:
                sys.exit("worker.py: {e}: {m}".format(**fields))
            elif command == ACCEPTED:
                unsure.pop(fields["r"], None)
            elif command == TASK:
                number, large, results = number + 1, [], []
                for task, fence, _, body in fields["t"]:
                    body = frames[body - 1] if isinstance(body, int) else body or b""
                    large += [body.upper()] if len(body) > 65536 else []
                    body = len(large) if len(body) > 65536 else body.upper()
                    results.append([task, fence, 0, body])
                unsure[number] = large, results
                send(RESULT, *large, r=number, t=results)
    time.sleep(random.uniform(0.8, 1.2) * (pause := min(2 * pause, 8)))
