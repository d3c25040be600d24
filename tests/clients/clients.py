"""What the client checks share: where the programs are, how results are told, and what the two sides hold.

Addresses come from the environment: IMAP_HOST, IMAP_PORT, IMAPS_PORT with CERTIFICATE, IMAP_USER, IMAP_PASSWORD, CONTROL
(the simulator's control interface), EWS_URL (the simulator itself). WORK is a directory a check may write to.
"""

import contextlib
import email
import hashlib
import imaplib
import json
import mailbox
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse
import urllib.request
from collections import Counter

HOST = os.environ.get("IMAP_HOST", "127.0.0.1")
PORT = int(os.environ.get("IMAP_PORT", "0"))
IMAPS_PORT = int(os.environ.get("IMAPS_PORT") or "0")
CERTIFICATE = os.environ.get("CERTIFICATE", "")
USER = os.environ.get("IMAP_USER", "alice@demo.test")
PASSWORD = os.environ.get("IMAP_PASSWORD", "demo-alice")
CONTROL = os.environ.get("CONTROL", "")
EWS_URL = os.environ.get("EWS_URL", "")
WORK = pathlib.Path(os.environ.get("WORK") or tempfile.mkdtemp(prefix="exgate-client-"))

_failed = 0


@contextlib.contextmanager
def check(name):
    """Prints `ok NAME`, or `FAIL NAME reason`; the checks after it run all the same."""
    global _failed
    try:
        yield
    except Exception as error:  # noqa: BLE001: whatever goes wrong is the result
        _failed += 1
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"FAIL {name} {reason[: int(os.environ.get('REASON', '600'))]}", flush=True)
        traceback.print_exc(file=sys.stderr)
    else:
        print(f"ok {name}", flush=True)


def finish():
    sys.exit(1 if _failed else 0)


def same(found, wanted, what=""):
    if found != wanted:
        raise AssertionError(f"{what} is {found!r}, not {wanted!r}")


def that(condition, what):
    if not condition:
        raise AssertionError(what)


def control(path, body=None):
    method = "GET" if body is None else "POST"
    request = urllib.request.Request(CONTROL + path, data=body, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text.strip() else None


def deliver(folder, message):
    query = urllib.parse.urlencode({"mailbox": USER, "folder": folder}, quote_via=urllib.parse.quote)
    return control(f"/deliver?{query}", message)


def operations():
    """EWS calls so far, by operation."""
    return Counter(control("/stats")["operations"])


# What changes something in Exchange.
WRITES = {
    "CreateItem", "UpdateItem", "DeleteItem", "MoveItem", "CopyItem", "SendItem", "CreateFolder", "UpdateFolder",
    "DeleteFolder", "MoveFolder", "EmptyFolder", "MarkAllItemsAsRead", "CreateAttachment", "DeleteAttachment",
}


def letter(key, body="A letter."):
    return (
        f"From: Bob Miller <bob@demo.test>\r\nTo: {USER}\r\nSubject: Letter {key}\r\n"
        f"Date: Mon, 02 Mar 2026 09:30:00 +0100\r\nMessage-ID: <{key}@clients.test>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=us-ascii\r\n\r\n{body}\r\n"
    ).encode()


def run(*command, timeout=300, **options):
    """Runs a program; fails with what it said if it fails."""
    done = subprocess.run(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=timeout, check=False, **options,
    )
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {output[-500:]}")
    return output


def connect():
    imap = imaplib.IMAP4(HOST, PORT, timeout=120)
    imap.login(USER, PASSWORD)
    return imap


def must(answer):
    status, data = answer
    if status != "OK":
        raise AssertionError(f"{status} {data!r}")
    return data


def folders(imap):
    """Names of all folders that can be selected."""
    names = []
    for line in must(imap.list()):
        if isinstance(line, tuple):
            flags, name = line[0], line[1].decode()
        else:
            found = re.match(rb'\(([^)]*)\) (?:"[^"]*"|NIL) (.*)$', line)
            flags, name = found[1], found[2].decode()
            name = name[1:-1].replace('\\"', '"').replace("\\\\", "\\") if name.startswith('"') else name
        if b"\\Noselect" not in flags and b"\\NonExistent" not in flags:
            names.append(name)
    return names


def quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


# The flags both sides know; the letters are those of a Maildir.
LETTERS = {"\\Seen": "S", "\\Answered": "R", "\\Flagged": "F", "\\Deleted": "T", "\\Draft": "D"}


def remote(imap, only=None):
    """What the gateway shows: folder -> Counter of (Message-ID, flags)."""
    sides = {}
    for name in folders(imap):
        if only is not None and name not in only:
            continue
        must(imap.select(quoted(name), readonly=True))
        messages = Counter()
        for part in must(imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")):
            if not isinstance(part, tuple):
                continue
            flags = re.search(rb"FLAGS \(([^)]*)\)", part[0])[1].decode().split()
            letters = "".join(sorted(LETTERS[flag] for flag in flags if flag in LETTERS))
            messages[(message_id(part[1]), letters)] += 1
        sides[name] = messages
    return sides


def local(root, name_of=lambda path: path):
    """The same of a tree of Maildirs."""
    sides = {}
    for directory in sorted(path.parent for path in pathlib.Path(root).rglob("cur")):
        messages = Counter()
        for file in [*(directory / "cur").iterdir(), *(directory / "new").iterdir()]:
            letters = file.name.partition(":2,")[2]
            letters = "".join(sorted(letter for letter in letters if letter in "SRFTD"))
            messages[(message_id(file.read_bytes()), letters)] += 1
        sides[name_of(str(directory.relative_to(root)))] = messages
    return sides


def agree(here, there):
    """Fails with the first few differences of two sides."""
    differences = []
    for name in sorted(set(here) | set(there)):
        mine, yours = here.get(name, Counter()), there.get(name, Counter())
        if mine != yours:
            differences.append(f"{name}: only local {list((mine - yours).items())[:3]}, only remote {list((yours - mine).items())[:3]}")
    that(not differences, "; ".join(differences[:4]))


def message_id(data):
    head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0] + b"\n"
    return " ".join((email.message_from_bytes(head)["Message-ID"] or "").split())


def digest(root):
    """Names and contents of a tree, as one number."""
    total = hashlib.sha256()
    for path in sorted(pathlib.Path(root).rglob("*")):
        total.update(str(path.relative_to(root)).encode() + b"\0")
        if path.is_file():
            total.update(path.read_bytes())
    return total.hexdigest()


def wait_for(what, ask, limit=20):
    """Asks until the answer is true."""
    end = time.monotonic() + limit
    while True:
        answer = ask()
        if answer:
            return answer
        that(time.monotonic() < end, f"not within {limit} s: {what}")
        time.sleep(0.1)


def maildir(path):
    return mailbox.Maildir(path, create=False)
