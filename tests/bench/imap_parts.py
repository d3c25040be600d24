"""The parts of the measurement. Each is a function of its numbers and of the report it fills."""

import base64
import collections
import concurrent.futures
import contextlib
import http.client
import random
import re
import selectors
import statistics
import subprocess
import threading
import time
import urllib.parse

from imap_rig import PASSWORD, USER, Missing, Rig, Took, letter, maildir, mbox
from imap_tap import Tap, own_share
from imap_wire import flags_of, uids_of

PARTS = {}


def part(smoke=None, **numbers):
    """Takes a function into the list, with its numbers and with those of a quick look."""
    def add(run):
        PARTS[run.__name__] = (run, numbers, smoke or {})
        return run
    return add


@part(messages=10_000, davmail=10_000, size=8_000, latency=20, lanes=8, auth="basic", smoke={"messages": 120, "davmail": 20, "size": 2_000})
def sync(n, report):
    """A first copy by mbsync of a mailbox nobody has opened before, against a bare loop that fetches the same MIME"""
    what = "first sync by mbsync"
    letters = [letter(number, n.size * (1 + number % 5) // 3) for number in range(n.messages)]
    with Rig() as rig:
        simulator = rig.simulator(latency=n.latency, mail=mbox(rig.work / "mbox", letters), auth=offered(n.auth))
        simulator.auth = n.auth
        gateway = rig.gateway(simulator, f"[exchange.main.limits]\nper_mailbox = {n.lanes}\n")
        ours = Took(simulator, lambda: mbsync(rig, gateway, "exgate"))
        lanes = simulator.stats()["largest_in_flight"]
        same_letters(maildir(rig.work / "exgate"), letters)
        report.row(what, "Exgate", ours.seconds, took=ours, peak=gateway.peak(), note=f"{lanes} lanes")
        loop = Took(simulator, lambda: bare_loop(simulator, lanes))
        assert loop.answer == n.messages, f"the loop got {loop.answer} messages"
        report.row(what, "bare loop", loop.seconds, took=loop, note=f"{lanes} lanes")
        report.at_most("mbsync against the bare loop", ours.seconds / loop.seconds, 1.5, "times")
        again = Took(simulator, lambda: mbsync(rig, gateway, "exgate-2"))
        same_letters(maildir(rig.work / "exgate-2"), letters)
        report.row("by another client after it", "Exgate", again.seconds, took=again, peak=gateway.peak())
    with beside(report, what), Rig() as rig:
        dovecot = rig.dovecot((letter, "") for letter in letters)
        theirs = Took(None, lambda: mbsync(rig, dovecot, "dovecot"))
        report.row("by another client after it", "Dovecot", theirs.seconds)
    with beside(report, what), Rig() as rig:
        fewer = letters[: n.davmail]
        simulator = rig.simulator(latency=n.latency, mail=mbox(rig.work / "mbox", fewer), auth=n.auth)
        davmail = rig.davmail(simulator, n.davmail)
        theirs = Took(simulator, lambda: mbsync(rig, davmail, "davmail"))
        assert len(maildir(rig.work / "davmail")) == n.davmail, "DavMail gave other messages"
        seconds = theirs.seconds * n.messages / n.davmail
        note = "" if n.davmail == n.messages else f"{theirs.seconds:.1f} s for {n.davmail}"
        report.row(what, "DavMail", seconds, took=theirs, peak=davmail.peak(), note=note)
        report.at_least("DavMail's first sync against ours", seconds / ours.seconds, 10, "times")


@part(messages=100_000, latency=20, times=5, settle=7.0, auth="basic", smoke={"messages": 1_000, "times": 2, "settle": 0.5})
def flags(n, report):
    """SELECT and FETCH 1:* (FLAGS) of a folder that was opened before"""
    what = "SELECT + FETCH 1:* (FLAGS)"

    def both(imap):
        def action():
            imap.select()
            return imap.ask("FETCH 1:* (FLAGS)")
        return action

    with Rig() as rig:
        simulator = rig.simulator(f"large:{n.messages}", n.latency, auth=n.auth)
        gateway = rig.gateway(simulator)
        imap = gateway.login()
        assert imap.select() == n.messages
        simulator.quiet(n.settle)
        known = flags_of(both(imap)())
        assert len(known) == n.messages
        ours = Took(simulator, both(imap), n.times)
        report.row(what, "Exgate", ours.seconds, took=ours, peak=gateway.peak())
        report.at_most("EWS calls for it", ours.calls, 0)
        with beside(report, what), Rig() as other:
            maildir_flags = {b"\\seen": "S", b"\\flagged": "F"}
            dovecot = other.dovecot((letter(number), "".join(sorted(maildir_flags[flag] for flag in known[number]))) for number in sorted(known))
            theirs = dovecot.login()
            assert flags_of(both(theirs)()) == known, "Dovecot has other flags"
            took = Took(None, both(theirs), n.times)
            report.row(what, "Dovecot", took.seconds, peak=dovecot.peak())
            report.at_most("SELECT + FETCH FLAGS against Dovecot", ours.seconds / took.seconds, 2, "times")
        with beside(report, what):
            davmail = rig.davmail(simulator)
            theirs = davmail.login()
            assert flags_of(both(theirs)()) == known, "DavMail has other flags"
            took = Took(simulator, both(theirs))
            report.row(what, "DavMail", took.seconds, took=took, peak=davmail.peak())


@part(messages=100_000, changes=10, latency=20, settle=8.0, auth="basic", smoke={"messages": 1_000, "settle": 1.0})
def resync(n, report):
    """SELECT with QRESYNC after a few changes"""
    what = f"SELECT (QRESYNC ...) after {n.changes} changes"

    def measure(server, simulator, name):
        imap = server.login()
        if not (imap.knows("QRESYNC") and imap.knows("CONDSTORE")):
            raise Missing(f"{name} does not offer QRESYNC")
        imap.ask("ENABLE QRESYNC")
        # Whoever opens a folder that is still being listed comes back to all that was listed since.
        imap.select()
        if simulator:
            simulator.quiet(n.settle)
        answer = imap.ask("SELECT INBOX")
        validity, modseq = (int(re.search(rb"\[%s (\d+)\]" % word, answer)[1]) for word in (b"UIDVALIDITY", b"HIGHESTMODSEQ"))
        other = server.login()
        count = other.select()
        gone = n.changes // 2
        last = int(uids_of(other.ask("FETCH * (UID)"))[-1])
        imap.ask("UNSELECT")
        other.ask(f"UID STORE {last - 99}:{last - 99 + gone - 1} +FLAGS.SILENT (\\Deleted)")
        other.ask("EXPUNGE")
        other.ask(f"UID STORE {last - 50}:{last - 50 + n.changes - gone - 1} +FLAGS.SILENT ($Bench)")
        if simulator:
            simulator.quiet(n.settle)
        command = f"SELECT INBOX (QRESYNC ({validity} {modseq}))"
        took = Took(simulator, lambda: imap.ask(command))
        vanished = re.search(rb"\* VANISHED \(EARLIER\) ([\d:,]+)", took.answer)[1].decode()
        assert expanded(vanished) == set(range(last - 99, last - 99 + gone)), f"{name} tells that {vanished} vanished"
        assert set(uids_of(took.answer)) == set(range(last - 50, last - 50 + n.changes - gone)), f"{name} tells of other changes"
        assert f"* {count - gone} EXISTS".encode() in took.answer
        return took, len(took.answer)

    with beside(report, what), Rig() as rig:
        simulator = rig.simulator(f"large:{n.messages}", n.latency, auth=n.auth)
        gateway = rig.gateway(simulator)
        took, size = measure(gateway, simulator, "the gateway")
        report.row(what, "Exgate", took.seconds, took=took, note=f"{size} octets")
        report.at_most("octets of a re-SELECT with QRESYNC", size, 4096)
        report.at_most("EWS calls of a re-SELECT with QRESYNC", took.calls, 0)
    with beside(report, what), Rig() as rig:
        took, size = measure(rig.dovecot((letter(number), "") for number in range(n.messages)), None, "Dovecot")
        report.row(what, "Dovecot", took.seconds, note=f"{size} octets")


@part(folders=20, count=300, davmail=30, latency=20, auth="basic", times=5, settle=7.0, smoke={"folders": 3, "davmail": 6, "times": 1, "settle": 1.0})
def status(n, report):
    """STATUS of many folders that were looked at before"""
    names = [f"Folder{number}" for number in range(n.folders)]

    def commands(count):
        return [f"STATUS {names[number % len(names)]} (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)" for number in range(count)]

    def one_by_one(imap, count):
        return lambda: [imap.ask(command) for command in commands(count)]

    def at_once(imap, count):
        def action():
            tags = [imap.send(command) for command in commands(count)]
            return imap.end(tags[-1])
        return action

    def counts(answers):
        found = re.findall(rb'STATUS "?(\w+)"? \(([^)]*)\)', b"".join(answers))
        told = {name.decode(): dict(re.findall(rb"(\w+) (\d+)", items)) for name, items in found}
        return {name: (items[b"MESSAGES"], items[b"UNSEEN"]) for name, items in told.items()}

    with Rig() as rig:
        simulator = rig.simulator(latency=n.latency, auth=n.auth)
        gateway = rig.gateway(simulator)
        imap = gateway.login()
        for name in names:
            imap.ask(f"CREATE {name}")
        for number in range(3 * n.folders):
            simulator.deliver(letter(number), folder=names[number // 3])
        simulator.quiet(n.settle)
        known = counts(one_by_one(imap, n.folders)())
        assert set(known) == set(names) and set(known.values()) == {(b"3", b"3")}, known
        took = Took(simulator, one_by_one(imap, n.count), n.times)
        report.row(f"{n.count} STATUS, one after the other", "Exgate", took.seconds, took=took)
        report.at_most(f"{n.count} STATUS", took.seconds * 1000, 50, "ms")
        report.at_most(f"EWS calls of {n.count} STATUS", took.calls, 0)
        together = Took(simulator, at_once(imap, n.count), n.times)
        report.row(f"{n.count} STATUS, sent at once", "Exgate", together.seconds, took=together)
        with beside(report, "STATUS"), Rig() as other:
            dovecot = other.dovecot([])
            theirs = dovecot.login()
            for name in names:
                theirs.ask(f"CREATE {name}")
            theirs_took = Took(None, one_by_one(theirs, n.count), n.times)
            report.row(f"{n.count} STATUS, one after the other", "Dovecot", theirs_took.seconds)
            report.row(f"{n.count} STATUS, sent at once", "Dovecot", Took(None, at_once(theirs, n.count), n.times).seconds)
        with beside(report, "STATUS"):
            davmail = rig.davmail(simulator, n.davmail)
            theirs = davmail.login()
            assert counts(one_by_one(theirs, n.folders)()) == known, "DavMail counts otherwise"
            took = Took(simulator, one_by_one(theirs, n.davmail))
            note = f"{took.seconds:.2f} s for {n.davmail}"
            report.row(f"{n.count} STATUS, one after the other", "DavMail", took.seconds * n.count / n.davmail, took=took, note=note)


@part(messages=2_000, size=20_000, large=20, large_size=2_000_000, times=5, smoke={"messages": 60, "large": 2, "times": 1})
def bodies(n, report):
    """FETCH of bodies that are cached"""
    letters = [letter(number, n.size) for number in range(n.messages)]
    letters += [letter(number, n.large_size) for number in range(n.messages, n.messages + n.large)]
    sets = {f"{n.messages} bodies of {n.size // 1000} kB": f"1:{n.messages}",
            f"{n.large} bodies of {n.large_size // 1000} kB": f"{n.messages + 1}:*"}
    with Rig() as rig:
        simulator = rig.simulator(mail=mbox(rig.work / "mbox", letters))
        gateway = rig.gateway(simulator, tls=True)
        imap = gateway.login()
        assert imap.select() == len(letters)
        imap.drain("FETCH 1:* (BODY.PEEK[])")
        theirs = None
        with beside(report, "cached bodies"):
            dovecot = rig.dovecot((letter, "") for letter in letters)
            theirs = dovecot.login()
            assert theirs.select() == len(letters)
        for number in (1, n.messages, n.messages + 1):
            ours_now = imap.ask(f"FETCH {number} (BODY.PEEK[])")
            assert letters[number - 1].rstrip() in ours_now, "not the message that was delivered"
        for tls, goal in ((False, 0.5), (True, 0.8)):
            over = "over TLS" if tls else "plain"
            for what, numbers in sets.items():
                command = f"FETCH {numbers} (BODY.PEEK[])"
                speed = {}
                for name, server in (("Exgate", gateway), ("Dovecot", theirs and dovecot)):
                    if not server:
                        continue
                    with contextlib.closing(server.login(tls=tls)) as client:
                        client.select()
                        size = client.drain(command)
                        took = Took(simulator if name == "Exgate" else None, lambda: client.drain(command), n.times)
                    speed[name] = size / took.seconds / 1e6
                    report.row(f"{what}, {over}", name, speed[name], "MB/s", took=took if name == "Exgate" else None, peak=server.peak())
                if len(speed) == 2:
                    report.at_least(f"{what}, {over}, against Dovecot", speed["Exgate"] / speed["Dovecot"], goal, "times")


@part(messages=1_000, davmail=1_000, latency=20, settle=8.0, auth="basic", smoke={"messages": 60, "davmail": 10, "settle": 0.5})
def writes(n, report):
    """Flagging, moving, copying and deleting many messages"""
    with Rig() as rig:
        simulator = rig.simulator(f"large:{4 * n.messages + 4 * n.davmail}", n.latency, auth=n.auth)
        gateway = rig.gateway(simulator)
        imap = gateway.login()
        imap.ask("CREATE Elsewhere")
        imap.select()
        simulator.quiet(n.settle)
        ours = write_all(imap, simulator, 0, n.messages, n.settle)
        for what, took in ours.items():
            report.row(what, "Exgate", took.seconds, took=took, note=", ".join(f"{count} {name}" for name, count in took.operations.items()))
        for what in ("flagging", "moving", "deleting"):
            report.at_most(f"EWS calls for {what} {n.messages} messages, echoes included", ours[what].calls, 12)
        same_as_exchange(imap, simulator)
        with beside(report, "writes"):
            davmail = rig.davmail(simulator, n.davmail)
            theirs = davmail.login()
            theirs.select()
            others = write_all(theirs, simulator, n.messages, n.davmail, min(n.settle, 1))
            for what, took in others.items():
                note = "" if n.davmail == n.messages else f"{n.davmail} messages"
                report.row(what, "DavMail", took.seconds * n.messages / n.davmail, took=took, peak=davmail.peak(), note=note)
            for what in ("flagging", "moving by number", "deleting"):
                ratio = others[what].calls * n.messages / n.davmail / max(ours[what].calls, 1)
                report.at_least(f"DavMail's EWS calls for {what} against ours", ratio, 50, "times")


def write_all(imap, simulator, skip, count, settle):
    """The same writes by any client, after so many messages. What the server asks because of them afterwards counts too."""
    uids = uids_of(imap.ask(f"FETCH {skip + 1}:{skip + 4 * count} (UID)"))
    slices = [uids[place * count:(place + 1) * count] for place in range(4)]

    def flag():
        imap.ask(f"UID STORE {ranges(slices[0])} +FLAGS.SILENT (\\Flagged)")

    def delete():
        imap.ask(f"UID STORE {ranges(slices[1])} +FLAGS.SILENT (\\Deleted)")
        imap.ask("EXPUNGE")

    def move():
        imap.ask(f"UID MOVE {ranges(slices[2])} Elsewhere")

    def move_by_number():
        # What stood between the first slice and the last is gone by then.
        first = skip + count + 1
        imap.ask(f"MOVE {first}:{first + count - 1} Elsewhere")

    def copy():
        imap.ask(f"UID COPY {ranges(slices[0])} Elsewhere")

    done = {}
    for what, action in (("flagging", flag), ("copying", copy), ("deleting", delete), ("moving", move), ("moving by number", move_by_number)):
        took = Took(simulator, action)
        simulator.quiet(settle)
        took.operations, took.bytes = simulator.calls()
        took.calls = sum(took.operations.values())
        done[what] = took
        if what == "deleting":
            imap.select()
        elif what == "moving":
            imap.select()
    return done


def same_as_exchange(imap, simulator):
    """What the client sees is what Exchange has."""
    there = simulator.control("/mailbox?" + urllib.parse.urlencode({"mailbox": USER}))
    folders = there.get("folders", there)
    for path, folder in (("inbox", "INBOX"), ("elsewhere", "Elsewhere")):
        items = next(items for name, items in folders.items() if name.rstrip("/").lower().endswith(path))
        seen = imap.select(folder)
        assert seen == len(items), f"{folder}: {seen} messages for the client, {len(items)} in Exchange"


@part(mailboxes=1_000, deliveries=300, alone=100, latency=50, seconds=5, rest=35, streams="shared",
      smoke={"mailboxes": 10, "deliveries": 20, "alone": 5, "seconds": 1, "rest": 1})
def delivery(n, report):
    """From the delivery of a message to EXISTS, with many mailboxes being watched; streams=shared: by a service account,
    streams=own: each with its owner's password"""
    users = [f"user{number}@bench.test" for number in range(n.mailboxes)]
    service = "svc@bench.test"
    file_limit(3.5 * n.mailboxes)
    words = ["--account", f"{service}:{PASSWORD}", "--impersonator", service]
    with Rig() as rig:
        simulator = rig.simulator(latency=n.latency, users=[(user, PASSWORD) for user in users], words=words)
        tap = rig.enter_context(Tap(simulator.ews))
        acting = f'mode = "impersonation"\n[exchange.main.service]\nuser = "{service}"\npassword = "{PASSWORD}"\n'
        gateway = rig.gateway(simulator, acting if n.streams == "shared" else "", ews=tap.url)
        alone = gateway.resident()
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            watchers = list(pool.map(lambda pair: idler(gateway, pair[1], source(pair[0])), enumerate(users)))
        report.row(f"until {n.mailboxes} have signed in and idle", "Exgate", time.monotonic() - began)
        # A stream takes in those who have come in groups, now and then: that belongs to signing in.
        simulator.quiet(3, of_all=True)
        stats = simulator.stats()
        note = f"{stats['streams']} streams, {stats['operations'].get('GetStreamingEvents', 0)} opened"
        report.row("until all are on streams, and 3 s without a call", "Exgate", time.monotonic() - began, note=note)
        # Files are closed, and what the coming took is given back, when a mailbox was left alone for a while.
        resting(gateway, n.rest)
        each = (gateway.resident() - alone) / n.mailboxes / 1024
        report.row("memory for a mailbox that is watched", "Exgate", each, "KiB", peak=gateway.peak())
        report.at_most("memory for a mailbox that is watched (2 GiB for 5,000)", each, 2 * (1 << 20) / 5000, "KiB")
        began = time.monotonic()
        arrivals(simulator, users, watchers, range(n.mailboxes))
        counted = collections.Counter(simulator.stats()["operations"]) - collections.Counter(stats["operations"])
        note = ", ".join(f"{count} {name}" for name, count in counted.most_common(4))
        report.row(f"until all {n.mailboxes} have heard of one message", "Exgate", time.monotonic() - began, note=note)
        chosen = random.Random(7).choices(range(n.mailboxes), k=n.deliveries)
        times = sorted(arrivals(simulator, users, watchers, chosen))
        middle, late = statistics.median(times), times[min(int(len(times) * 0.99), len(times) - 1)]
        report.row("delivery to EXISTS, p50", "Exgate", middle * 1000, "ms", peak=gateway.peak())
        report.row("delivery to EXISTS, p99", "Exgate", late * 1000, "ms")
        report.at_most(f"delivery to EXISTS, {n.mailboxes} mailboxes, {n.streams} streams, p50", middle, 0.5, "s")
        report.at_most(f"delivery to EXISTS, {n.mailboxes} mailboxes, {n.streams} streams, p99", late, 2, "s")
        shares = sorted(share * 1000 for share in one_by_one(simulator, tap, users, watchers, n.alone))
        late = shares[min(int(len(shares) * 0.99), len(shares) - 1)]
        note = "from the event on the stream to the line, without waiting for Exchange"
        report.row("of that inside the gateway, p50", "Exgate", statistics.median(shares), "ms", note=note)
        report.row("of that inside the gateway, p99", "Exgate", late, "ms")
        report.at_most("of that inside the gateway, p99", late, 50, "ms")
        before = gateway.processor()
        time.sleep(n.seconds)
        report.row("processor while nothing happens", "Exgate", (gateway.processor() - before) / n.seconds * 100, "%")


def resting(gateway, seconds):
    """Waits until the gateway's memory has grown no smaller for so long."""
    least, since = gateway.resident(), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(1)
        now = gateway.resident()
        if now < least * 0.99:
            least, since = now, time.monotonic()


def one_by_one(simulator, tap, users, watchers, count):
    """Seconds that the gateway took by itself for each of so many deliveries, of which each waits for the one before."""
    simulator.quiet(2, of_all=True)
    shares = []
    for number in range(count):
        place = number * 7 % len(users)
        tap.notes()
        simulator.deliver(letter(number, to=users[place]), users[place])
        while b"EXISTS" not in watchers[place].socket.recv(4096):
            pass
        told = time.monotonic()
        shares.append(own_share(tap.notes(), told))
        # What else the gateway does about it must not meet the next one.
        simulator.quiet(0.1, of_all=True)
    assert None not in shares, "an EXISTS came before its event"
    return shares


def arrivals(simulator, users, watchers, chosen):
    """Seconds from each delivery to the EXISTS of the one who watches, a few tens of them a second."""
    came, waiting = [], {}
    lock, over = threading.Lock(), threading.Event()

    def listen():
        select = selectors.DefaultSelector()
        for number, imap in enumerate(watchers):
            select.register(imap.socket, selectors.EVENT_READ, number)
        while not over.is_set():
            for key, _ in select.select(0.2):
                now = time.monotonic()
                text = key.fileobj.recv(4096)
                with lock:
                    if b"EXISTS" in text and key.data in waiting:
                        came.append(now - waiting.pop(key.data))

    listener = threading.Thread(target=listen)
    listener.start()
    for number, place in enumerate(chosen):
        while place in waiting:
            time.sleep(0.01)
        with lock:
            waiting[place] = time.monotonic()
        simulator.deliver(letter(number, to=users[place]), users[place])
        time.sleep(0.02)
    end = time.monotonic() + 180
    while waiting and time.monotonic() < end:
        time.sleep(0.05)
    over.set()
    listener.join()
    assert not waiting, f"{len(waiting)} of {len(chosen)} deliveries were never told of"
    return came


@part(sessions=10_000, first=1_000, users=250, messages=20, seconds=30, rest=5,
      smoke={"sessions": 300, "first": 100, "users": 10, "seconds": 1, "rest": 1})
def idle(n, report):
    """What sessions cost that do nothing: signed in, INBOX selected, in IDLE"""
    file_limit(n.sessions + 20 * n.users)
    users = [f"user{number}@bench.test" for number in range(n.users)]
    for tls, goal in ((False, 8), (True, 32)):
        kind = "TLS" if tls else "plain"
        with Rig() as rig:
            simulator = rig.simulator(users=[(user, PASSWORD) for user in users])
            for number in range(n.messages * n.users):
                simulator.deliver(letter(number), users[number % n.users])
            gateway = rig.gateway(simulator, tls=True)
            began = gateway.resident()
            pool = rig.enter_context(concurrent.futures.ThreadPoolExecutor(8))
            idlers = lambda first, last: list(pool.map(
                lambda number: idler(gateway, users[number % n.users], source(number), tls), range(first, last)))
            # What the program takes, and its mailboxes, is not theirs: the first ones open all there are.
            clients = idlers(0, n.first)
            simulator.quiet(2)
            before = gateway.resident()
            clients += idlers(n.first, n.sessions)
            simulator.quiet(2)
            each = (gateway.resident() - before) / (n.sessions - n.first) / 1024
            note = f"{n.first} to {n.sessions} sessions of {n.users} mailboxes"
            report.row(f"memory of an idle {kind} session", "Exgate", each, "KiB", peak=gateway.peak(), note=note)
            report.row(f"the first {n.first} {kind} sessions and the mailboxes", "Exgate", (before - began) / (1 << 20), "MiB")
            report.at_most(f"KiB of an idle {kind} session, {n.sessions} of them", each, goal)
            # What was needed to open them all goes back to the system first.
            resting(gateway, n.rest)
            busy = gateway.processor()
            time.sleep(n.seconds)
            share = (gateway.processor() - busy) / n.seconds * 100
            report.row(f"processor, {n.sessions} idle {kind} sessions", "Exgate", share, "%", note=f"of one, over {n.seconds} s")
            report.at_most(f"% of a processor, {n.sessions} idle {kind} sessions", share, 2)
            assert all(alive(client) for client in (clients[0], clients[-1])), "a session is gone"
            for client in clients:
                client.close()


def idler(gateway, user, source, tls=False):
    imap = gateway.login(user, tls=tls, source=source)
    imap.buffer = bytearray(4096)
    imap.select()
    imap.send("IDLE")
    while not imap.line().startswith(b"+"):
        pass
    return imap


def alive(client):
    """True if the session ends its IDLE when it is asked to."""
    client.socket.sendall(b"DONE\r\n")
    line = client.line()
    while line.startswith(b"* "):
        line = client.line()
    return b" OK" in line


@part(messages=500_000, sessions=5, latency=0, rest=5, smoke={"messages": 5_000, "rest": 1})
def opened(n, report):
    """The memory of a large folder that several sessions have open"""
    with Rig() as rig:
        simulator = rig.simulator(f"large:{n.messages}", n.latency)
        gateway = rig.gateway(simulator)
        fill = Took(simulator, lambda: wait_for_all(gateway, n.messages))
        report.row(f"{n.messages} messages indexed", "Exgate", fill.seconds, took=fill, peak=gateway.peak())
        before = gateway.resident()
        clients = []
        for _ in range(n.sessions):
            clients.append(gateway.login())
            assert clients[-1].select() == n.messages
        resting(gateway, n.rest)
        report.row(f"open in {n.sessions} sessions, in all", "Exgate", gateway.resident() / (1 << 20), "MiB", peak=gateway.peak(),
                   note=f"{before / (1 << 20):.0f} MiB before")
        report.at_most(f"MiB with {n.messages} messages open in {n.sessions} sessions", gateway.resident() / (1 << 20), 64)
        for client in clients:
            client.close()
        rig.callback(lambda: None)


@part(messages=500_000, latency=20, auth="basic", smoke={"messages": 3_000})
def cold(n, report):
    """The first fifty envelopes of a large folder nobody has opened before"""
    with Rig() as rig:
        simulator = rig.simulator(f"large:{n.messages}", n.latency, auth=n.auth)
        gateway = rig.gateway(simulator)
        imap = gateway.connect()

        def first_page():
            imap.login(USER, PASSWORD)
            count = imap.select()
            assert count == n.messages, f"{count} messages"
            return imap.ask(f"FETCH {count - 49}:{count} (UID FLAGS INTERNALDATE ENVELOPE)")

        took = Took(simulator, first_page)
        subjects = re.findall(rb'ENVELOPE \("[^"]*" "Message (\d+)"', took.answer)
        assert [int(subject) for subject in subjects] == list(range(n.messages - 50, n.messages)), f"not the newest: {subjects[:3]}"
        report.row("LOGIN, SELECT, 50 envelopes", "Exgate", took.seconds, took=took, peak=gateway.peak())
        report.at_most(f"first 50 envelopes of {n.messages} cold messages", took.seconds, 3, "s")
        waits = []
        while len(waits) < 20:
            first = random.Random(len(waits)).randrange(n.messages - 500, n.messages - 10)
            began = time.monotonic()
            imap.ask(f"FETCH {first}:{first + 9} (UID FLAGS ENVELOPE)")
            waits.append(time.monotonic() - began)
        report.row("10 envelopes while the rest comes, median", "Exgate", statistics.median(waits) * 1000, "ms")
        rest = Took(simulator, lambda: wait_for_all(gateway, n.messages))
        report.row("the rest of the folder", "Exgate", rest.seconds, took=rest, peak=gateway.peak())


def wait_for_all(gateway, messages):
    """Returns once all flags can be told."""
    with contextlib.closing(gateway.login()) as imap:
        assert imap.select() == messages
        answer = imap.ask("FETCH 1:* (FLAGS)")
        assert answer.count(b" FETCH (") >= messages, f"{answer.count(b' FETCH (')} of {messages}"


@part(mailboxes=1_000, latency=20, smoke={"mailboxes": 20})
def start(n, report):
    """A start of the gateway that knows many mailboxes already"""
    users = [(f"user{number}@bench.test", PASSWORD) for number in range(n.mailboxes)]
    file_limit(3.5 * n.mailboxes)
    with Rig() as rig:
        simulator = rig.simulator(latency=n.latency, users=users)
        gateway = rig.gateway(simulator)

        def visit(pair):
            number, (user, _) = pair
            simulator.deliver(letter(number, to=user), user)
            with contextlib.closing(gateway.login(user, source=source(number))) as imap:
                assert imap.select() == 1

        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            list(pool.map(visit, enumerate(users)))
        simulator.quiet(2)
        report.row(f"until {n.mailboxes} mailboxes are known", "Exgate", time.monotonic() - began)
        gateway.process.terminate()
        gateway.process.wait()
        # One of them has mail that the gateway does not know of.
        news = users[-1][0]
        simulator.deliver(letter(n.mailboxes, to=news), news)
        time.sleep(rig.settle)
        gateway = rig.gateway(simulator)
        report.row(f"start with {n.mailboxes} known mailboxes", "Exgate", gateway.started, peak=gateway.peak())
        report.at_most(f"start with {n.mailboxes} known mailboxes", gateway.started, 1, "s")
        logins, selects = [], []
        for user, _ in users[:5]:
            imap = gateway.connect()
            logins.append(Took(simulator, lambda: imap.login(user, PASSWORD)))
            selects.append(Took(simulator, lambda: imap.select()))
            assert selects[-1].answer == 1
        report.row("first LOGIN after it, median", "Exgate", statistics.median(took.seconds for took in logins) * 1000, "ms", took=logins[0])
        report.row("first SELECT after it, median", "Exgate", statistics.median(took.seconds for took in selects) * 1000, "ms", took=selects[0])
        report.at_most("first SELECT after a start", statistics.median(took.seconds for took in selects) * 1000, 50, "ms")
        with contextlib.closing(gateway.login(news)) as imap:
            known = imap.select()
            told = re.findall(rb"\* (\d+) EXISTS", imap.ask("NOOP"))
            assert 2 in (known, *map(int, told)), f"{known} at SELECT, {told} at NOOP: the new message is missing"


def mbsync(rig, server, name):
    host, port = server.address.rsplit(":", 1)
    inbox, others = rig.work / name, rig.work / f"{name}-others"
    others.mkdir()
    config = rig.work / f"{name}.mbsyncrc"
    config.write_text(
        f"FSync no\nIMAPAccount a\nHost {host}\nPort {port}\nUser {USER}\nPass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\nTimeout 0\n\n"
        f"IMAPStore far\nAccount a\n\nMaildirStore near\nInbox {inbox}\nPath {others}/\n\n"
        f"Channel all\nFar :far:INBOX\nNear :near:INBOX\nSync Pull\nCreate Near\nSyncState {inbox}.state\n")
    done = subprocess.run(["mbsync", "-c", config, "-q", "all"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"mbsync: {done.stderr[-500:]}"


def bare_loop(simulator, lanes, batch=32):
    """Fetches the MIME of every message of the inbox, with so many connections, and does nothing with it."""
    place = urllib.parse.urlsplit(simulator.ews)
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    local = threading.local()

    def ask(body):
        if not hasattr(local, "lane"):
            local.lane = http.client.HTTPConnection(place.netloc, timeout=600)
        local.lane.request("POST", place.path, ENVELOPE.format(body).encode(),
                           {"Authorization": f"Basic {login}", "Content-Type": "text/xml; charset=utf-8"})
        answer = local.lane.getresponse().read()
        assert b"NoError" in answer, answer[:500]
        return answer

    def fetch(ids):
        answer = ask(GET_ITEM.format("".join(f'<t:ItemId Id="{item}"/>' for item in ids)))
        return sum(bool(base64.b64decode(mime)) for mime in re.findall(rb"MimeContent[^>]*>([^<]+)<", answer))

    ids, page = [], None
    while page is None or b'IncludesLastItemInRange="true"' not in page:
        page = ask(FIND_ITEM.format(len(ids)))
        ids += [item.decode() for item in re.findall(rb'ItemId Id="([^"]+)"', page)]
    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        return sum(pool.map(fetch, (ids[first:first + batch] for first in range(0, len(ids), batch))))


@contextlib.contextmanager
def beside(report, what):
    """What is measured beside the gateway may be missing."""
    try:
        yield
    except Missing as missing:
        report.skip(what, missing)


def offered(auth):
    """The bare loop knows Basic only."""
    return auth if auth == "basic" else f"{auth},basic"


def same_letters(found, letters):
    assert len(found) == len(letters), f"{len(found)} of {len(letters)} messages"
    for number, message in enumerate(letters):
        body = message.partition(b"\r\n\r\n")[2].decode().replace("\r\n", "\n")
        assert found[f"Letter {number}"].rstrip("\n") == body.rstrip("\n"), f"letter {number} is another one"


def ranges(uids):
    """A set as short as a client would write it."""
    spans = []
    for uid in uids:
        if spans and spans[-1][1] == uid - 1:
            spans[-1][1] = uid
        else:
            spans.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in spans)


def expanded(numbers):
    found = set()
    for span in numbers.split(","):
        first, _, last = span.partition(":")
        found.update(range(int(first), int(last or first) + 1))
    return found


def source(number):
    """An address of this machine: so many sessions do not come from one."""
    return f"127.0.{1 + number // 100}.1"


def file_limit(wanted):
    """Lets this program, and those it starts, open that many files."""
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        raise Missing(f"this system lets a program open {hard} files; {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


ENVELOPE = ('<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" '
            'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header>'
            '<t:RequestServerVersion Version="Exchange2013_SP1"/></s:Header><s:Body>{}</s:Body></s:Envelope>')
FIND_ITEM = ('<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>'
             '<m:IndexedPageItemView MaxEntriesReturned="1000" Offset="{}" BasePoint="Beginning"/>'
             '<m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>')
GET_ITEM = ('<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape>'
            '<m:ItemIds>{}</m:ItemIds></m:GetItem>')
