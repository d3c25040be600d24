"""What is measured: the simulated Exchange, the gateway, DavMail and Dovecot, each started here and ended here."""

import contextlib
import json
import mailbox
import os
import pathlib
import pwd
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

from imap_wire import Imap, client_tls

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("EXGATE_BIN", ROOT / "target/release"))
LAUNCHER = pathlib.Path(os.environ.get("EXGATE_SHARED", ROOT.parent / "shared")) / "peers/davmail/run.sh"
USER, PASSWORD = "alice@bench.test", "secret"
# What Exchange is asked whether or not a client does anything.
STANDING = {"GetStreamingEvents", "Subscribe"}
DAVMAIL_PORT, DOVECOT_PORT = 31000, 31600


class Missing(Exception):
    """Something that is measured beside the gateway is not there."""


class Rig(contextlib.ExitStack):
    """The programs of one measurement. Whatever is started in it ends with it."""

    # Exchange tells in whole seconds when a folder last changed: what is seconds old is no fair beginning.
    settle = 2.5

    def __init__(self):
        super().__init__()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="exgate-bench-"))
        # Dovecot serves no mail to root, and the user it serves must get here.
        self.work.chmod(0o755)
        self.callback(shutil.rmtree, self.work, ignore_errors=True)

    def simulator(self, preset="empty", latency=0, mail=None, users=((USER, PASSWORD),), auth="basic", words=()):
        words = [word for user, password in users for word in ("--user", f"{user}:{password}")] + list(words)
        words += ["--mail", mail] if mail else []
        words += [] if auth == "basic" else ["--auth", auth]
        process, said = self.program("exchange-sim", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0",
                                     "--preset", preset, "--latency", f"{latency}ms", *words)
        time.sleep(self.settle)
        return Simulator(process, said, auth)

    def gateway(self, simulator, more="", tls=False, ews=None):
        """The gateway, with the state that an earlier one of this rig has left; it reaches Exchange by `ews`, if that is given."""
        doors = 'imap = "127.0.0.1:0"\n'
        if tls:
            doors += f'imaps = "127.0.0.1:0"\n[tls]\ncertificate = "{self.certificate()}"\nkey = "{self.work}/key.pem"\n'
        config = self.work / "exgate.toml"
        config.write_text(f'state = "{self.work}/state"\n[listen]\n{doors}[exchange.main]\nurl = "{ews or simulator.ews}"\n'
                          f'auth = "{simulator.auth}"\nallow_http = true\n{more}')
        began = time.monotonic()
        process, said = self.program("exgate", "serve", "--config", config)
        server = Server("Exgate", said["imap"], said.get("imaps"), lambda: [process.pid])
        server.process, server.started = process, time.monotonic() - began
        return server

    def davmail(self, simulator, messages=None):
        """DavMail at its best: sizes are estimated, and nothing is expunged before it must be.
        With no messages to measure it with, it is left out."""
        if messages == 0:
            raise Missing("davmail=0")
        if not LAUNCHER.exists():
            raise Missing("DavMail's launcher is not there")
        work = self.work / "davmail"
        environment = {**os.environ, "EWS_URL": simulator.ews, "BASE_PORT": str(DAVMAIL_PORT), "APPROX_SIZE": "true"}
        subprocess.run([LAUNCHER, "start", work], env=environment, stdout=subprocess.DEVNULL, check=True)
        self.callback(subprocess.run, [LAUNCHER, "stop", work], env=environment, stdout=subprocess.DEVNULL, check=False)
        pid = int((work / "davmail.pid").read_text())
        return Server("DavMail", f"127.0.0.1:{DAVMAIL_PORT + 143}", None, lambda: [pid])

    def dovecot(self, letters):
        """Dovecot with these messages, each with its flags in Maildir's letters, in its inbox."""
        place, owner = self.work / "dovecot", pwd.getpwnam("mail") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        inbox = place / "mail/Maildir"
        for directory in (inbox / "cur", inbox / "new", inbox / "tmp"):
            directory.mkdir(parents=True)
        for number, (letter, flags) in enumerate(letters, 1):
            name = f"{1_600_000_000 + number}.M{number}.bench,S={len(letter)},W={len(letter)}:2,{flags}"
            (inbox / "cur" / name).write_bytes(letter)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "mail:mail", place / "mail"], check=True)
        config = place / "dovecot.conf"
        config.write_text(DOVECOT.format(place=place, programs=self.dovecot_programs(place), owner=owner.pw_name,
                                         group=owner.pw_gid, certificate=self.certificate(), key=self.work / "key.pem",
                                         port=DOVECOT_PORT, tls_port=DOVECOT_PORT + 1, password=PASSWORD, **dovecot_users()))
        process = subprocess.Popen(["dovecot", "-F", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.callback(end, process)
        server = Server("Dovecot", f"127.0.0.1:{DOVECOT_PORT}", f"127.0.0.1:{DOVECOT_PORT + 1}", lambda: children(process.pid))
        deadline = time.monotonic() + 20
        while True:
            try:
                server.login().close()
                return server
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Missing("Dovecot did not start") from None
                time.sleep(0.05)

    def dovecot_programs(self, place):
        """Where Dovecot's programs are. The IMAP part is another package than the rest; it need not be installed."""
        installed = pathlib.Path("/usr/lib/dovecot")
        if not shutil.which("dovecot"):
            raise Missing("Dovecot is not installed")
        if (installed / "imap").exists():
            return installed
        programs = place / "programs"
        programs.mkdir()
        download = subprocess.run(["apt-get", "-qq", "download", "dovecot-imapd"], cwd=programs, capture_output=True, check=False)
        packages = list(programs.glob("*.deb"))
        if download.returncode or not packages:
            raise Missing("dovecot-imapd is neither installed nor to be had")
        subprocess.run(["dpkg", "-x", packages[0], programs / "package"], check=True)
        for directory in (installed, programs / "package/usr/lib/dovecot"):
            for program in directory.iterdir():
                link = programs / program.name
                link.unlink(missing_ok=True)
                link.symlink_to(program)
        return programs

    def certificate(self):
        certificate = self.work / "certificate.pem"
        if not certificate.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3",
                            "-subj", "/CN=localhost", "-keyout", self.work / "key.pem", "-out", certificate],
                           check=True, capture_output=True)
        return certificate

    def program(self, name, *words):
        """Starts a program of ours; returns it with what it announced, once it is ready."""
        log = (self.work / f"{name}.log").open("a")
        process = subprocess.Popen([BIN / name, *map(str, words)], stdout=subprocess.PIPE, stderr=log, text=True)
        self.callback(end, process)
        said = {}
        for line in process.stdout:
            if line.strip() == "ready":
                return process, said
            word, _, rest = line.strip().partition(" ")
            said.setdefault(word, rest)
        raise SystemExit(f"{name} did not start: {(self.work / f'{name}.log').read_text()[-500:]}")


class Simulator:
    def __init__(self, process, said, auth):
        self.process, self.auth, self.ews, self.address = process, auth, said["ews"], said["control"]

    def control(self, path, body=None):
        with urllib.request.urlopen(self.address + path, data=body, timeout=600) as answer:
            return json.loads(answer.read() or b"null")

    def reset(self):
        self.control("/stats/reset", b"")

    def stats(self):
        return self.control("/stats")

    def calls(self):
        """What was asked since the reset, without what stands open always; and the bytes both ways."""
        stats = self.stats()
        calls = {name: count for name, count in stats["operations"].items() if name not in STANDING}
        return calls, stats["bytes_in"] + stats["bytes_out"]

    def deliver(self, message, user=USER, folder="inbox"):
        query = urllib.parse.urlencode({"mailbox": user, "folder": folder})
        return self.control(f"/deliver?{query}", message)

    def quiet(self, seconds=1.0, limit=600, of_all=False):
        """Waits until Exchange has not been asked anything for that long; `of_all`: nor for subscriptions and streams."""
        end, since, before = time.monotonic() + limit, time.monotonic(), None
        while time.monotonic() - since < seconds:
            assert time.monotonic() < end, f"Exchange is asked without end: {before}"
            stats = self.stats()
            asked = sum(stats["operations"].values()) if of_all else sum(self.calls()[0].values())
            now = (asked, stats["bytes_out"], stats["in_flight"])
            if now != before or stats["in_flight"]:
                before, since = now, time.monotonic()
            time.sleep(0.05)


class Server:
    """One of the servers that are compared."""

    def __init__(self, name, address, tls_address, pids):
        self.name, self.address, self.tls_address, self.pids = name, address, tls_address, pids
        self.started = None

    def connect(self, tls=False, source=None):
        return Imap(self.tls_address, client_tls(), source) if tls else Imap(self.address, None, source)

    def login(self, user=USER, tls=False, source=None):
        return self.connect(tls, source).login(user, PASSWORD)

    def resident(self):
        """What its memory holds now, in bytes."""
        return sum(status(pid, "VmRSS") for pid in self.pids())

    def peak(self):
        """The most it ever held, in MiB."""
        return sum(status(pid, "VmHWM") for pid in self.pids()) / (1 << 20)

    def processor(self):
        """Seconds of processor time taken so far."""
        ticks = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


class Took:
    """What an action took: seconds, and what Exchange was asked for it."""

    def __init__(self, simulator, action, times=1):
        taken = []
        if simulator:
            simulator.reset()
        for _ in range(times):
            began = time.monotonic()
            self.answer = action()
            taken.append(time.monotonic() - began)
        self.seconds, self.worst = statistics.median(taken), max(taken)
        self.operations, self.bytes = simulator.calls() if simulator else ({}, None)
        self.calls = sum(self.operations.values()) if simulator else None


def status(pid, key):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        found = re.search(rf"{key}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0


def children(pid):
    """A process and all below it."""
    below = {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            if entry.name.isdigit():
                below.setdefault(int((entry / "stat").read_text().rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found = [pid]
    for known in found:
        found.extend(below.get(known, []))
    return found


def end(process):
    """Ends a program that was started here."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    if process.stdout:
        process.stdout.close()


def letter(number, size=500, to=USER):
    """Message `number`, the same octets each time."""
    line = f"Line of message {number}: the quick brown fox jumps over the lazy dog.\r\n"
    head = (f"Date: Thu, 01 Jan 2026 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02} +0000\r\n"
            f"From: Ann <ann@letters.test>\r\nTo: {to}\r\nSubject: Letter {number}\r\n"
            f"Message-ID: <{number}.letter@letters.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n")
    return (head + line * max((size - len(head)) // len(line), 1)).encode()


def mbox(path, letters):
    """The same messages as an mbox, which the simulator reads."""
    with path.open("wb") as out:
        for message in letters:
            out.write(b"From ann@letters.test Thu Jan  1 00:00:00 2026\n" + message.replace(b"\r\n", b"\n") + b"\n")
    return path


def maildir(path):
    """Subject -> octets of what a client has stored."""
    found = {}
    for message in mailbox.Maildir(path, create=False):
        found[message["Subject"]] = message.get_payload(decode=False)
    return found


def dovecot_users():
    if os.getuid() == 0:
        return {"login": "dovenull", "internal": "dovecot"}
    name = pwd.getpwuid(os.getuid()).pw_name
    return {"login": name, "internal": name}


DOVECOT = """
base_dir = {place}/run
libexec_dir = {programs}
log_path = {place}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
default_login_user = {login}
default_internal_user = {internal}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={place}/mail
}}
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{place}/mail/Maildir
mail_fsync = never
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
"""
