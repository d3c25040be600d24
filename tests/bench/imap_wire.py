"""An IMAP client that adds next to nothing to what it measures: whole answers in large pieces, nothing parsed on the way."""

import functools
import re
import socket
import ssl

PIECE = 1 << 20
# A tagged line with a COPYUID for thousands of messages is long.
LONGEST_LINE = 1 << 18


class Refused(Exception):
    """The server answered NO or BAD."""


class Imap:
    """One connection. `source` is the address it comes from: servers allow so many connections from each."""

    def __init__(self, address, tls=None, source=None, timeout=600):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout, source_address=source and (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = bytearray(PIECE)
        self.rest = b""
        self.count = 0
        self.capabilities = frozenset()
        self.line()

    def line(self):
        """The next line, for what comes without having been asked for."""
        while b"\r\n" not in self.rest:
            self.rest += self._piece()
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line

    def send(self, command):
        self.count += 1
        tag = b"t%d" % self.count
        self.socket.sendall(tag + b" " + command.encode() + b"\r\n")
        return tag

    def ask(self, command):
        """The answer, tagged line included."""
        return self.end(self.send(command))

    def end(self, tag):
        pieces = [self.rest] if self.rest else []
        self.rest = b""
        while not _is_over(pieces, tag):
            pieces.append(self._piece())
        answer = b"".join(pieces)
        last = answer[answer.rfind(b"\r\n", 0, -2) + 2 if answer.count(b"\r\n") > 1 else 0:]
        if not last.startswith(tag + b" OK"):
            raise Refused(last[:300].decode(errors="replace"))
        return answer

    def drain(self, command):
        """How many octets the answer has; they are thrown away as they come."""
        tag, total, last = self.send(command), 0, b""
        while True:
            got = self.socket.recv_into(self.buffer)
            if not got:
                raise ConnectionError("the server has closed the connection")
            total += got
            last = (last + bytes(self.buffer[max(got - 4096, 0):got]))[-4096:]
            if _is_over([last], tag):
                return total

    def login(self, user, password):
        self.ask(f'LOGIN "{user}" "{password}"')
        return self

    def knows(self, capability):
        if not self.capabilities:
            line = re.search(rb"\* CAPABILITY ([^\r]*)", self.ask("CAPABILITY"))[1]
            self.capabilities = frozenset(line.decode().upper().split())
        return capability in self.capabilities

    def select(self, folder="INBOX"):
        """How many messages there are."""
        return int(re.findall(rb"\* +(\d+) EXISTS", self.ask(f"SELECT {folder}"))[-1])

    def close(self):
        self.socket.close()

    def _piece(self):
        got = self.socket.recv_into(self.buffer)
        if not got:
            raise ConnectionError("the server has closed the connection")
        return bytes(self.buffer[:got])


def _is_over(pieces, tag):
    """True if the last line is the tagged one."""
    if not pieces or not pieces[-1].endswith(b"\r\n"):
        return False
    tail, index = pieces[-1], len(pieces) - 1
    while index and len(tail) < LONGEST_LINE and tail.find(b"\r\n", 0, -2) < 0:
        index -= 1
        tail = pieces[index] + tail
    return tail[tail.rfind(b"\r\n", 0, -2) + 2 if tail.find(b"\r\n", 0, -2) >= 0 else 0:].startswith(tag + b" ")


@functools.cache
def client_tls():
    """Whoever measures believes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def flags_of(answer):
    """UID or number of each message, as the answer tells it -> its flags, without what is recent."""
    lines = re.finditer(rb"\* (\d+) FETCH \([^\r]*?FLAGS \(([^)]*)\)", answer)
    return {int(line[1]): frozenset(line[2].lower().split()) - {b"\\recent"} for line in lines}


def uids_of(answer):
    return [int(uid) for uid in re.findall(rb"UID (\d+)", answer)]
