#!/usr/bin/env python3
"""Somebody else's NTLM (pyspnego) behind TLS, as IIS has it: connections are signed in, not requests.

ntlm-acceptor.py CERTIFICATE KEY OTHER-CERTIFICATE OTHER-KEY: prints one line of JSON with its ports, and serves until
its input ends. There is a server for each Extended Protection setting, one before each that opens the TLS and shows the
other certificate, and proxies that ask for a password in one way each. Every host name is that of this machine.
"""

import base64
import collections
import hashlib
import itertools
import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import tempfile
import threading

import spnego
from spnego.channel_bindings import GssChannelBindings

from tls_front import relay

PASSWORD = "pässwörd€ 密码"
PROXY = ("proxy", "gateway")
USERS = [f"CORP:anna:{PASSWORD}", f":anna@corp.example:{PASSWORD}", f":anna:{PASSWORD}", "CORP:proxy:gateway"]
FOLDER = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
    '<h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1544" MinorBuildNumber="4" '
    'xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/></s:Header><s:Body><m:GetFolderResponse '
    'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" '
    'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>'
    '<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder>'
    '<t:FolderId Id="AAMk" ChangeKey="AQ=="/><t:DisplayName>Inbox</t:DisplayName></t:Folder></m:Folders>'
    "</m:GetFolderResponseMessage></m:ResponseMessages></m:GetFolderResponse></s:Body></s:Envelope>"
).encode()

counts = collections.Counter()
connections = itertools.count()


class Peer:
    """One end of a connection that speaks HTTP."""

    def __init__(self, stream):
        self.stream, self.read = stream, b""

    def until(self, end):
        while end not in self.read:
            piece = self.stream.recv(65536)
            if not piece:
                return None
            self.read += piece
        head, self.read = self.read.split(end, 1)
        return head

    def request(self):
        head = self.until(b"\r\n\r\n")
        if head is None:
            return None
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (field.split(":", 1) for field in fields)}
        length = int(headers.get("content-length", 0))
        while len(self.read) < length:
            self.read += self.stream.recv(65536)
        body, self.read = self.read[:length], self.read[length:]
        return line.split(" "), headers, body

    def answer(self, status, body=b"", *headers):
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        self.stream.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


class SignIn:
    """What a connection knows of who is at its other end."""

    def __init__(self, schemes, protection="off", certificate=None):
        self.schemes, self.protection = schemes, protection
        self.binding = certificate and GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(certificate).digest())
        self.context = None
        self.user = None

    def hear(self, authorization):
        """A token to be sent back, True if somebody is signed in, False if not."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme == "Basic" and "Basic" in self.schemes:
            name, _, password = base64.b64decode(token).decode().partition(":")
            self.user = name if (name.rpartition("\\")[2], password) == PROXY else None
            return self.user is not None
        if scheme not in self.schemes or not token:
            return False
        token = base64.b64decode(token)
        try:
            if self.context is None:
                options = spnego.NegotiateOptions.use_ntlm if scheme == "NTLM" else spnego.NegotiateOptions.use_negotiate
                self.context = spnego.server(protocol=scheme.lower(), options=options)
            answer = self.context.step(token, channel_bindings=self.expected(token))
        except Exception as error:
            counts["refused"] += 1
            print(f"refused: {error}", file=sys.stderr)
            self.context = None
            return False
        if self.context.complete:
            self.user, self.context = self.context.client_principal or "?", None
            counts["accepted"] += 1
            return True
        return answer

    def expected(self, token):
        message = token[token.find(b"NTLMSSP\0\3\0\0\0") :]
        if self.protection == "off" or not message.startswith(b"NTLMSSP\0\3"):
            return None
        length, _, at = struct.unpack_from("<HHI", message, 20)
        bound = bindings(message[at + 16 + 28 : at + length])
        if bound not in (None, bytes(16)):
            return self.binding
        if self.protection == "require":
            # pyspnego would let zeros pass.
            raise ValueError("the sign-in is bound to nothing")
        return None


def bindings(pairs):
    while len(pairs) >= 4:
        kind, length = struct.unpack_from("<HH", pairs)
        if kind == 10:
            return pairs[4 : 4 + length]
        pairs = pairs[4 + length :]
    return None


def serve_http(stream, protection, certificate):
    peer, sign_in = Peer(stream), SignIn(("NTLM", "Negotiate"), protection, certificate)
    number = next(connections)
    while request := peer.request():
        (method, *_), headers, _ = request
        counts[method] += 1
        heard = sign_in.user is not None and "authorization" not in headers
        if not heard:
            heard = sign_in.hear(headers.get("authorization"))
        if heard is True:
            counts["posts of strangers"] += method == "POST" and sign_in.user is None
            body = FOLDER if method == "POST" else b"You have created a service."
            peer.answer("200 OK", body, "Content-Type: text/xml; charset=utf-8", f"X-FEServer: C{number}")
        elif heard:
            scheme = headers["authorization"].split(" ")[0]
            peer.answer("401 Unauthorized", b"", f"WWW-Authenticate: {scheme} {base64.b64encode(heard).decode()}")
        else:
            counts["401"] += 1
            peer.answer("401 Unauthorized", b"no", "WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM")


def serve_connect(stream, schemes):
    peer, sign_in = Peer(stream), SignIn(schemes)
    while request := peer.request():
        (method, target, *_), headers, _ = request
        heard = not schemes or sign_in.hear(headers.get("proxy-authorization"))
        if heard is True:
            counts["tunnels"] += 1
            port = int(target.rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port)) as host:
                stream.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                return relay(stream, host)
        token = f" {base64.b64encode(heard).decode()}" if heard else ""
        asked = headers.get("proxy-authorization", "").split(" ")[0]
        offers = [f"Proxy-Authenticate: {asked}{token}"] if token else [f"Proxy-Authenticate: {scheme}" for scheme in schemes]
        peer.answer("407 Proxy Authentication Required", b"who are you?", *offers)


def serve_socks(stream, asks):
    def read(length):
        data = b""
        while len(data) < length:
            data += stream.recv(length - len(data))
        return data

    version, count = read(2)
    methods = read(count)
    chosen = 2 if asks else 0
    if version != 5 or chosen not in methods:
        return stream.sendall(b"\5\xff")
    stream.sendall(bytes([5, chosen]))
    if asks:
        _, length = read(2)
        user = read(length)
        password = read(read(1)[0])
        good = (user.decode(), password.decode()) == PROXY
        stream.sendall(bytes([1, not good]))
        if not good:
            return None
    _, command, _, kind = read(4)
    if kind != 3:
        # An address, where a name is due: names are for the proxy to look up.
        return stream.sendall(b"\5\x08\0\1" + bytes(6))
    read(read(1)[0])
    (port,) = struct.unpack(">H", read(2))
    counts["tunnels"] += 1
    with socket.create_connection(("127.0.0.1", port)) as host:
        stream.sendall(b"\5\0\0\1" + bytes(6))
        relay(stream, host)
    return None


def listen(handle, tls=None):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            try:
                stream = tls.wrap_socket(self.request, server_side=True) if tls else self.request
                handle(stream)
            except OSError:
                pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def context(certificate, key):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


def bridge(stream, port):
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    with blind.wrap_socket(socket.create_connection(("127.0.0.1", port))) as host:
        relay(stream, host)


def tell(stream):
    peer = Peer(stream)
    while peer.request():
        told = json.dumps(counts).encode()
        counts.clear()
        peer.answer("200 OK", told)


def main(certificate, key, other_certificate, other_key):
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", delete=False) as users:
        users.write("\n".join(USERS) + "\n")
    os.environ["NTLM_USER_FILE"] = users.name
    own = ssl.PEM_cert_to_DER_cert(open(certificate, encoding="ascii").read())
    tls, other = context(certificate, key), context(other_certificate, other_key)
    ports = {"counts": listen(tell), "server": {}, "bridge": {}, "connect": {}, "socks5": {}}
    for protection in ("off", "allow", "require"):
        port = listen(lambda stream, protection=protection: serve_http(stream, protection, own), tls)
        ports["server"][protection] = port
        ports["bridge"][protection] = listen(lambda stream, port=port: bridge(stream, port), other)
    for name, schemes in {"open": (), "Basic": ("Basic",), "NTLM": ("NTLM",), "Negotiate": ("Negotiate",)}.items():
        ports["connect"][name] = listen(lambda stream, schemes=schemes: serve_connect(stream, schemes))
    for name, asks in {"open": False, "password": True}.items():
        ports["socks5"][name] = listen(lambda stream, asks=asks: serve_socks(stream, asks))
    print(json.dumps(ports), flush=True)
    sys.stdin.read()
    os.unlink(users.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
