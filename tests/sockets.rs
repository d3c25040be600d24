//! Sockets that are there before the gateway, as systemd hands them over, and stay when it goes.

use std::fs;
use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;

use exgate_tests::{Imap, Options, PASSWORD, Port, USER, program};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Opens `NAME ADDRESS PORT` of each of its arguments behind the first two, the program and its configuration, and hands them to
/// the program; starts it anew, after a kill -9, when a line comes.
const MANAGER: &str = r#"
import ctypes, fcntl, os, signal, socket, sys
program, config, *wanted = sys.argv[1:]
sockets, names = [], []
for word in wanted:
    name, address, port = word.split(" ")
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((address, int(port)))
    if name != "silent":
        one.listen(64)
    sockets.append(one)
    names.append(name)
def start():
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        high = [fcntl.fcntl(one, fcntl.F_DUPFD, 100) for one in sockets]
        for number, fd in enumerate(high):
            os.dup2(fd, 3 + number)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=":".join(names))
        os.execv(program, [program, "serve", "--config", config])
    return child
child = start()
for line in sys.stdin:
    if line == "kill\n":
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print("killed", flush=True)
    elif line == "start\n":
        child = start()
    elif line == "wait\n":
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os.kill(child, signal.SIGTERM)
os.waitpid(child, 0)
"#;

#[tokio::test]
async fn who_connects_while_it_is_started_anew_is_served() {
    let simulator = Options::preset("empty").start().await;
    let kept = [(); 3].map(|()| Port::free());
    let [imap, other, free] = kept.each_ref().map(Port::address);
    let place = Place::new(&simulator.ews, &format!("imap = [\"{imap}\", \"{other}\"]\nhttp = \"{free}\"\n"));
    let mut manager = place.manage(&[("imap", imap), ("exgate.socket", other)]);
    manager.until("ready").await;
    for address in [imap, other] {
        let mut imap = Imap::connect(address).await.unwrap();
        imap.ok(&format!("LOGIN {USER} {PASSWORD}")).await;
    }
    // What nobody handed over is opened here.
    assert!(tokio::net::TcpStream::connect(free).await.is_ok());

    manager.say("kill").await;
    manager.until("killed").await;
    assert!(tokio::net::TcpStream::connect(free).await.is_err());
    let waiting = tokio::spawn(async move { Imap::connect(imap).await });
    manager.say("start").await;
    manager.until("ready").await;
    let mut imap = waiting.await.unwrap().unwrap();
    imap.ok(&format!("LOGIN {USER} {PASSWORD}")).await;
}

#[tokio::test]
async fn what_does_not_belong_together_is_said() {
    let kept = [(); 2].map(|()| Port::free());
    let [imap, other] = kept.each_ref().map(Port::address);
    let place = Place::new("http://127.0.0.1:9/EWS/Exchange.asmx", &format!("imap = \"{imap}\"\n"));
    for (handed, sentence) in [
        (
            [("imap", imap), ("http", other)],
            format!("systemd hands over {other} as `http`, and it is not configured so: add it to listen.http,"),
        ),
        (
            [("imap", imap), ("x", other)],
            format!("systemd hands over {other} as `x`, and it is not configured so: add it to listen.NAME,"),
        ),
        ([("imap", imap), ("silent", other)], "a socket `silent` that cannot be used: nobody listens there".to_owned()),
    ] {
        let mut manager = place.manage(&handed);
        manager.say("wait").await;
        let output = manager.ended().await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&sentence), "{said}");
    }
}

/// IPv4 and IPv6 at one port, as the example has them.
#[tokio::test]
async fn both_families_at_one_port() {
    let simulator = Options::preset("empty").start().await;
    let kept = Port::free();
    let one = kept.address();
    let listen = format!("imap = [\"0.0.0.0:{0}\", \"[::]:{0}\"]\nallow_plaintext = true\n", one.port());
    let place = Place::new(&simulator.ews, &listen);
    let mut manager = place.manage(&[]);
    manager.until("ready").await;
    for address in [one, SocketAddr::new("::1".parse().unwrap(), one.port())] {
        Imap::connect(address).await.unwrap().ok(&format!("LOGIN {USER} {PASSWORD}")).await;
    }
}

/// A configuration, and state.
struct Place(TempDir);

impl Place {
    fn new(ews: &str, listen: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let state = dir.path().join("state");
        let text = format!(
            "state = \"{}\"\n[listen]\n{listen}[exchange.main]\nurl = \"{ews}\"\nauth = \"basic\"\nallow_http = true\n",
            state.display()
        );
        fs::write(dir.path().join("exgate.toml"), text).unwrap();
        Self(dir)
    }

    fn manage(&self, handed: &[(&str, SocketAddr)]) -> Manager {
        let words = handed.iter().map(|(name, address)| format!("{name} {} {}", address.ip(), address.port()));
        let mut child = Command::new("python3")
            .args(["-c", MANAGER])
            .arg(program("exgate"))
            .arg(self.0.path().join("exgate.toml"))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (orders, told) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Manager { child, orders, told: BufReader::new(told).lines() }
    }
}

/// What stands in for systemd.
struct Manager {
    child: Child,
    orders: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

impl Manager {
    async fn say(&mut self, order: &str) {
        self.orders.write_all(format!("{order}\n").as_bytes()).await.unwrap();
    }

    async fn until(&mut self, line: &str) {
        let told = async { while self.told.next_line().await.unwrap().expect("it goes on") != line {} };
        timeout(Duration::from_secs(60), told).await.unwrap();
    }

    async fn ended(self) -> Output {
        timeout(Duration::from_secs(60), self.child.wait_with_output()).await.unwrap().unwrap()
    }
}
