//! Input that is wrong in every way: the answer is BAD or a closed connection, never a hang, and the gateway goes on
//! serving others.

use exgate_tests::{Dice, Gateway, Imap, Options, PASSWORD, Simulator, Site, Status, USER};

/// Bytes sent on a fresh connection, and after signing in.
const WRONG: &[(&str, &[u8])] = &[
    ("nothing but an end of line", b"\r\n"),
    ("a tag alone", b"a\r\n"),
    ("no such command", b"a FROBNICATE 1:*\r\n"),
    ("a bare LF", b"a NOOP\n"),
    ("bare CRs", b"a\rb\rc NOOP\r\r\n"),
    ("NULs", b"a LOGIN \0 \0\r\n"),
    ("a NUL in a tag", b"a\0b NOOP\r\n"),
    ("all control bytes", b"\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x1b\x7f\r\n"),
    ("8-bit bytes", b"a LOGIN \xff\xfe \xc3\x28\r\n"),
    ("an unfinished quoted string", b"a LOGIN \"abc\r\n"),
    ("a quoted CRLF", b"a LOGIN \"abc\\\r\n\" x\r\n"),
    ("a literal without a number", b"a LOGIN {} x\r\n"),
    ("a literal with a negative number", b"a LOGIN {-1}\r\n"),
    ("a literal with letters", b"a LOGIN {12a}\r\n"),
    ("a literal longer than 64 bits", b"a LOGIN {99999999999999999999999}\r\n"),
    ("a literal of 4 GiB, not waiting", b"a LOGIN {4294967295+}\r\n"),
    ("a literal of 4 GiB, waiting", b"a LOGIN {4294967295}\r\n"),
    ("a literal with its brace open", b"a LOGIN {3\r\nabc def\r\n"),
    ("a NUL in a literal", b"a LOGIN {3+}\r\na\0b {1+}\r\nx\r\n"),
    ("a continuation nobody asked for", b"+ go ahead\r\n"),
    ("an untagged line", b"* OK I am the server\r\n"),
    ("unbalanced parentheses", b"a FETCH 1 ((((((((((FLAGS)\r\n"),
    ("a sequence set of nonsense", b"a FETCH 0,*:*:,1: (FLAGS)\r\n"),
    ("a number beyond 32 bits", b"a UID FETCH 4294967296:99999999999 FLAGS\r\n"),
    ("SEARCH with a broken key", b"a SEARCH OR (\r\n"),
    ("SEARCH in an unknown charset", b"a SEARCH CHARSET KLINGON TEXT x\r\n"),
    ("an empty password by AUTHENTICATE", b"a AUTHENTICATE PLAIN =\r\n"),
    ("AUTHENTICATE that is no base64", b"a AUTHENTICATE PLAIN !!!!\r\n"),
    ("DONE without IDLE", b"DONE\r\n"),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: imap\r\n\r\n"),
    ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n"),
];

#[tokio::test]
async fn wrong_input_gets_an_answer_or_an_end() {
    let (_simulator, _site, gateway) = start().await;
    for (name, bytes) in WRONG {
        for signed_in in [false, true] {
            let mut imap = if signed_in { gateway.login().await } else { gateway.connect().await };
            imap.send(bytes).await.unwrap();
            // Ends whatever the gateway may still wait for; if it reads this as data, it must end all the same.
            let _ = imap.send(b"\r\nzz1 NOOP\r\nzz2 LOGOUT\r\n").await;
            shut(&mut imap, name).await;
        }
    }
    alive(&gateway).await;
}

#[tokio::test]
async fn a_bad_command_costs_only_itself() {
    let (_simulator, _site, gateway) = start().await;
    let mut imap = gateway.login().await;
    for command in [
        "FROBNICATE",
        "SELECT",
        "FETCH",
        "FETCH 1 (BODY[)",
        "FETCH x FLAGS",
        "STORE 1 FLAGS",
        "APPEND INBOX",
        "SEARCH FROM",
        "LOGIN a b c d",
        "UID",
        "UID FROBNICATE 1",
        "STATUS INBOX ()",
        "STATUS INBOX (NONSENSE)",
        "LIST",
        "RENAME a",
        "IDLE now",
    ] {
        let answer = imap.command(command).await;
        assert_eq!(answer.status, Status::Bad, "{command}: {}", answer.text);
    }
    imap.ok("NOOP").await;
    assert_eq!(imap.select("INBOX").await.exists, 0);
}

#[tokio::test]
async fn an_endless_line_ends() {
    let (_simulator, _site, gateway) = start().await;
    for signed_in in [false, true] {
        let mut imap = if signed_in { gateway.login().await } else { gateway.connect().await };
        gateway.program.forget_peak();
        let before = gateway.program.peak();
        let chunk = [b'x'; 64 << 10];
        // 64 MiB without an end of line. The gateway may close at any point, or swallow it all.
        for _ in 0..1024 {
            if imap.send(&chunk).await.is_err() {
                break;
            }
        }
        let _ = imap.send(b"\r\nzz2 LOGOUT\r\n").await;
        shut(&mut imap, "an endless line").await;
        let extra = gateway.program.peak() - before;
        assert!(extra < 16 << 20, "an endless line made the gateway take {extra} bytes");
    }
    alive(&gateway).await;
}

#[tokio::test]
async fn pipelined_garbage_is_answered_line_by_line() {
    let (_simulator, _site, gateway) = start().await;
    let mut dice = Dice::cast("pipelined_garbage_is_answered_line_by_line");
    for round in 0..40 {
        let mut imap = if round % 2 == 0 { gateway.login().await } else { gateway.connect().await };
        let mut bytes = Vec::new();
        for _ in 0..dice.below(60) {
            let pieces: &[&[u8]] = &[
                b"a",
                b" ",
                b"\r\n",
                b"\r\n",
                b"(",
                b")",
                b"\"",
                b"{3+}\r\n",
                b"{3}\r\n",
                b"\0",
                b"\xff",
                b"FETCH",
                b"1:*",
                b"BODY[",
                b"]",
                b"LOGIN",
                b"\\",
                b"<0.1>",
                b"UID",
                b"SEARCH",
                b"NOT",
                b"{0+}\r\n",
                b"%",
                b"*",
                b"NIL",
                b"APPEND INBOX",
                b"IDLE",
                b"t SELECT INBOX",
            ];
            let piece = dice.below(u64::try_from(pieces.len()).unwrap());
            bytes.extend_from_slice(pieces[usize::try_from(piece).unwrap()]);
        }
        imap.send(&bytes).await.unwrap();
        let _ = imap.send(b"\r\nDONE\r\n\r\nzz LOGOUT\r\n\r\nzz LOGOUT\r\n").await;
        imap.close_writing().await;
        imap.read_to_end().await.unwrap_or_else(|why| panic!("{why:?} after {:?}", String::from_utf8_lossy(&bytes)));
    }
    alive(&gateway).await;
}

/// LOGOUT, or the end of input, must end every connection; meanwhile nothing but lines may come.
async fn shut(imap: &mut Imap, name: &str) {
    imap.close_writing().await;
    let said = imap.read_to_end().await.unwrap_or_else(|why| panic!("{name}: {why:?}"));
    let said = String::from_utf8_lossy(&said);
    assert!(!said.contains("panicked"), "{name}: {said}");
    assert!(said.is_empty() || said.ends_with("\r\n"), "{name}: {said:?}");
}

async fn alive(gateway: &Gateway) {
    let mut imap = gateway.login().await;
    imap.ok("NOOP").await;
    let answer = imap.command(&format!("LOGIN {USER} {PASSWORD}")).await;
    assert_ne!(answer.status, Status::Ok, "a second LOGIN");
}

async fn start() -> (Simulator, Site, Gateway) {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    (simulator, site, gateway)
}
