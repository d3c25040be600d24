#!/usr/bin/env python3
"""Ends TLS in front of a server that speaks none, by OpenSSL: for what rustls does not speak, and for bridges.

tls_front.py --cert FILE --key FILE --to HOST:PORT [--listen HOST:PORT] [--tls 1.0|1.2|1.3] [--ciphers LIST]
prints `tls-front https://HOST:PORT` and `ready`. With --tls, no other version is spoken; TLS 1.0 needs no --ciphers.
"""

import argparse
import contextlib
import select
import socket
import ssl
import threading

VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def context(certificate, key, version=None, ciphers=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_alpn_protocols(["http/1.1"])
    if version == "1.0":
        ciphers = ciphers or "ALL:@SECLEVEL=0"
    if ciphers:
        made.set_ciphers(ciphers)
    if version:
        made.minimum_version = made.maximum_version = VERSIONS[version]
    made.load_cert_chain(certificate, key)
    return made


def serve(listener, tls, to):
    """Serves until the listener is closed."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=bridge, args=(client, tls, to), daemon=True).start()


def bridge(client, tls, to):
    with contextlib.suppress(OSError), tls.wrap_socket(client, server_side=True) as inside, socket.create_connection(to) as server:
        relay(inside, server)


def relay(one, other):
    """By one thread: a TLS connection of Python must not be read in one and written in another. Nothing is half open."""
    ways = {one: other, other: one}
    while True:
        held = [end for end in ways if isinstance(end, ssl.SSLSocket) and end.pending()]
        for end in held or select.select(list(ways), [], [])[0]:
            end.settimeout(0)
            try:
                piece = end.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):
                continue
            finally:
                end.settimeout(None)
            if not piece:
                return
            ways[end].sendall(piece)


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--to", required=True, type=address)
    parser.add_argument("--listen", default=("127.0.0.1", 0), type=address)
    parser.add_argument("--tls", choices=sorted(VERSIONS))
    parser.add_argument("--ciphers")
    options = parser.parse_args()
    with socket.create_server(options.listen) as listener:
        print("tls-front https://%s:%d" % listener.getsockname()[:2])
        print("ready", flush=True)
        serve(listener, context(options.cert, options.key, options.tls, options.ciphers), options.to)


if __name__ == "__main__":
    main()
