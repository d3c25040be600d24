"""Between the gateway and Exchange: hands on every octet and notes when, so that what the gateway takes can be told from
what it waits for."""

import collections
import multiprocessing
import selectors
import socket
import time
import urllib.parse

# What is noted: the gateway asks, it is answered, and a stream tells it something.
ASKED, ANSWERED, TOLD = range(3)
MOST_NOTES = 200_000


class Tap:
    """A process of its own, so that it does not wait for whoever measures."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = parts._replace(netloc=f"127.0.0.1:{listener.getsockname()[1]}").geturl()
        self.pipe, end = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=serve, args=(listener, (parts.hostname, parts.port), end), daemon=True)
        self.process.start()
        listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()

    def notes(self):
        """What was noted since this was last asked: when, on which connection, what."""
        self.pipe.send(None)
        return self.pipe.recv()


def serve(listener, server, pipe):
    select = selectors.DefaultSelector()
    select.register(listener, selectors.EVENT_READ)
    select.register(pipe, selectors.EVENT_READ)
    notes, streams, count = collections.deque(maxlen=MOST_NOTES), set(), 0
    while True:
        for key, _ in select.select():
            if key.fileobj is pipe:
                pipe.recv()
                pipe.send(list(notes))
                notes.clear()
            elif key.fileobj is listener:
                near, far, count = listener.accept()[0], socket.create_connection(server), count + 1
                for here, there, asks in ((near, far, True), (far, near, False)):
                    here.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    select.register(here, selectors.EVENT_READ, (there, count, asks))
            elif key.fileobj.fileno() >= 0:
                hand_on(select, key, notes, streams)


def hand_on(select, key, notes, streams):
    there, number, asks = key.data
    try:
        piece = key.fileobj.recv(1 << 18)
        there.sendall(piece)
    except OSError:
        piece = b""
    if not piece:
        for one in (key.fileobj, there):
            select.unregister(one)
            one.close()
        streams.discard(number)
        return
    if asks and b"GetStreamingEvents" in piece:
        streams.add(number)
    if number not in streams or not asks:
        notes.append((time.monotonic(), number, ASKED if asks else TOLD if number in streams else ANSWERED))


def own_share(notes, end):
    """Seconds from the first that a stream told to the end, without those in which an answer was waited for; None if
    nothing was told."""
    told = [when for when, _, what in notes if what == TOLD and when < end]
    if not told:
        return None
    spans = {}
    for when, number, what in sorted(notes):
        of_this = spans.setdefault(number, [])
        if what == ASKED and (not of_this or of_this[-1][1]):
            of_this.append([when, None])
        elif what == ANSWERED and of_this:
            of_this[-1][1] = when
    waited, until = 0.0, min(told)
    for first, last in sorted((first, last or end) for of_one in spans.values() for first, last in of_one):
        first, last = max(first, until), min(last, end)
        if last > first:
            waited, until = waited + last - first, last
    return end - min(told) - waited
