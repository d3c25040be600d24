#!/usr/bin/python3
"""An acceptor for Negotiate that is MIT Kerberos, in front of another server: whoever it lets in is passed on under the name
and password that server knows them by. Extended Protection as IIS has it: off, allow (a wrong binding is refused) and require.

    kerberos-acceptor.py --certificate PEM --key PEM --protection off|allow|require --bound-to PEM --to URL NAME=USER:PASSWORD...

Prints its port, then a line for each connection: whom it let in, and whether they were bound to it. Needs python3-gssapi.
"""

import argparse
import base64
import hashlib
import http.client
import http.server
import socketserver
import ssl
import urllib.parse

import gssapi
import gssapi.raw

BOUND = 2048  # GSS_C_CHANNEL_BOUND_FLAG (MIT Kerberos 1.19)


class Acceptor(http.server.BaseHTTPRequestHandler):
    """One connection. Whom it was given to is kept as long as it lives, as IIS does."""

    protocol_version = "HTTP/1.1"
    user = None

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        token = self.headers.get("Authorization", "")
        if self.user is None and token.lower().startswith("negotiate "):
            self.sign_in(base64.b64decode(token[10:]))
        if self.user is None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Negotiate")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.pass_on(body)

    do_POST = do_GET

    def sign_in(self, token):
        options = self.server.options
        bindings = None if options.protection == "off" else options.bindings
        try:
            context = gssapi.SecurityContext(usage="accept", creds=options.credentials, channel_bindings=bindings)
            context.step(token)
            bound = bool(gssapi.raw.inquire_context(context, flags=True).flags & BOUND) if bindings else False
            name = str(context.initiator_name)
        except gssapi.exceptions.GSSError as error:
            print("refused", " ".join(str(error).split())[:200], flush=True)
            return
        if options.protection == "require" and not bound:
            print("refused", name, "unbound", flush=True)
            return
        self.user = options.users[name.split("@")[0]]
        print("accepted", name, "bound" if bound else "unbound", flush=True)

    def pass_on(self, body):
        to = self.server.options.to
        behind = http.client.HTTPConnection(to.hostname, to.port)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        headers["Authorization"] = "Basic " + base64.b64encode(self.user.encode()).decode()
        behind.request(self.command, self.path, body=body, headers=headers)
        answer = behind.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := answer.read1(65536):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        behind.close()

    def log_message(self, *_):
        pass


HOP = {"authorization", "connection", "content-length", "host", "transfer-encoding"}


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def end_point(certificate):
    """`tls-server-end-point` (RFC 5929 section 4.1) of a certificate signed with SHA-256."""
    der = ssl.PEM_cert_to_DER_cert(open(certificate).read())
    return gssapi.raw.ChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(der).digest())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--protection", choices=["off", "allow", "require"], default="off")
    parser.add_argument("--bound-to", required=True)
    parser.add_argument("--to", type=urllib.parse.urlsplit, required=True)
    parser.add_argument("users", nargs="+")
    options = parser.parse_args()
    options.users = dict(user.split("=", 1) for user in options.users)
    options.bindings = end_point(options.bound_to)
    options.credentials = gssapi.Credentials(usage="accept")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(options.certificate, options.key)
    server = Server(("127.0.0.1", 0), Acceptor)
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.options = options
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
