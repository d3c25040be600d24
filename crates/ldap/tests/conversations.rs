//! What clients ask, and what they are answered, over a directory in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, missing_docs, reason = "what tests share")]

mod requests;

use std::sync::Arc;
use std::time::Duration;

use ldap::Settings;
use mailbox::ErrorKind;
use mailbox::memory::{Account, Call, Memory};
use mailbox::objects::{Person, PersonKind};
use requests::{
    Answer, Search, and, answers, bind, contains, equal, extended, message, or, page, present, sasl, value,
};
use serve::{Connection, Drain, Shutdown, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;
const BOUND: u8 = 0x61;

fn person(name: &str, given: &str, surname: &str, address: &str) -> Person {
    let card = format!(
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{name}\r\nN:{surname};{given};;;\r\nEMAIL:{address}\r\nORG:Corp;Sales\r\nTITLE:Head\r\nTEL;VALUE=text;TYPE=work:+49 30 1\r\nTEL;VALUE=text;TYPE=cell:+49 170 1\r\nEND:VCARD\r\n"
    );
    Person { display_name: name.to_owned(), address: address.to_owned(), kind: PersonKind::Individual, card }
}

/// A client of the front end over a directory of a few.
struct Client {
    stream: DuplexStream,
    account: Account,
    buffer: Vec<u8>,
}

impl Client {
    fn new() -> Self {
        Self::at("127.0.0.1:1", Shutdown::never(), Settings::default())
    }

    fn at(peer: &str, shutdown: Shutdown, settings: Settings) -> Self {
        let memory = Memory::new();
        let account = memory.add_user("anna", "secret");
        account.add_person(person("Anna Berg", "Anna", "Berg", "anna@x.example"));
        account.add_person(person("Annette Tal", "Annette", "Tal", "annette@x.example"));
        account.add_person(person("Ben Berg", "Ben", "Berg", "ben@x.example"));
        let (stream, server) = tokio::io::duplex(4096);
        let peer = peer.parse().unwrap();
        let connection = Connection { stream: Stream::Plain(server), start_tls: None, peer, shutdown };
        tokio::spawn(ldap::run(connection, memory, Arc::new(settings)));
        Self { stream, account, buffer: Vec::new() }
    }

    async fn signed_in() -> Self {
        let mut client = Self::new();
        assert_eq!(client.ask(&bind(1, "anna", "secret")).await.pop().unwrap().code(), 0);
        client
    }

    async fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// What comes up to the next result.
    async fn heard(&mut self) -> Vec<Answer> {
        let mut all = Vec::new();
        loop {
            while let Some(whole) = whole(&self.buffer) {
                let octets: Vec<u8> = self.buffer.drain(..whole).collect();
                let answer = answers(&octets).pop().unwrap();
                let is_last = answer.tag != ENTRY;
                all.push(answer);
                if is_last {
                    return all;
                }
            }
            let mut piece = [0; 4096];
            let length = self.stream.read(&mut piece).await.unwrap();
            assert_ne!(length, 0, "closed after {all:?}");
            self.buffer.extend_from_slice(&piece[..length]);
        }
    }

    async fn ask(&mut self, request: &[u8]) -> Vec<Answer> {
        self.send(request).await;
        self.heard().await
    }

    /// Names of the entries found, and the result.
    async fn find(&mut self, search: &Search) -> (Vec<String>, u32) {
        let mut all = self.ask(&search.request(9)).await;
        let done = all.pop().unwrap();
        assert_eq!((done.tag, done.id), (DONE, 9));
        (all.into_iter().map(|entry| entry.said[0].clone()).collect(), done.code())
    }

    /// The end, with nothing said before it.
    async fn is_closed(&mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty() && self.buffer.is_empty(), "{rest:x?}");
    }
}

/// How long the first message is, if it is there.
fn whole(octets: &[u8]) -> Option<usize> {
    let whole = match octets {
        [0x30, short @ 0..=0x7f, ..] => 2 + usize::from(*short),
        [0x30, 0x81, length, ..] => 3 + usize::from(*length),
        [0x30, 0x82, high, low, ..] => 4 + (usize::from(*high) << 8) + usize::from(*low),
        _ => return None,
    };
    (octets.len() >= whole).then_some(whole)
}

#[tokio::test]
async fn by_name_and_password() {
    for name in ["anna", "uid=anna,ou=people", "mail=anna , dc=x"] {
        let told = Client::new().ask(&bind(7, name, "secret")).await.pop().unwrap();
        assert_eq!((told.id, told.tag, told.code()), (7, BOUND, 0), "{name}");
    }
    let mut client = Client::new();
    for (request, code) in [
        (bind(1, "anna", "wrong"), 49),
        (bind(1, "", ""), 48),
        (bind(1, "anna", ""), 53),
        (sasl(1, "PLAIN", Some(b"\0anna\0secret")), 0),
        (sasl(1, "plain", Some(b"anna\0anna\0secret")), 0),
        (sasl(1, "PLAIN", Some(b"ben\0anna\0secret")), 49),
        (sasl(1, "PLAIN", Some(b"anna")), 49),
        (sasl(1, "PLAIN", None), 14),
        (sasl(1, "GSSAPI", None), 7),
        (message(1, &value(0x60, b"\x02\x01\x02\x04\x00\x80\x01x"), &[]), 2),
    ] {
        let told = client.ask(&request).await.pop().unwrap();
        assert_eq!((told.tag, told.code()), (BOUND, code), "{request:x?}: {told:?}");
        assert!(code == 0 || !told.said[1].is_empty(), "no sentence: {told:?}");
    }
}

#[tokio::test]
async fn who_fails_to_sign_in_again_is_nobody() {
    let mut client = Client::signed_in().await;
    let search = Search { filter: contains("cn", "ann"), ..Search::default() };
    assert_eq!(client.find(&search).await.0.len(), 2);
    let who = client.ask(&extended(2, "1.3.6.1.4.1.4203.1.11.3")).await.pop().unwrap();
    assert_eq!((who.code(), who.said[2].as_str()), (0, "u:anna"));
    client.ask(&bind(2, "anna", "wrong")).await;
    assert_eq!(client.find(&search).await, (Vec::new(), 50));
    let who = client.ask(&extended(2, "1.3.6.1.4.1.4203.1.11.3")).await.pop().unwrap();
    assert_eq!((who.code(), who.said[2].as_str()), (0, ""));
}

#[tokio::test]
async fn five_wrong_passwords_are_enough() {
    let mut client = Client::new();
    for _ in 0..5 {
        assert_eq!(client.ask(&bind(1, "anna", "wrong")).await.pop().unwrap().code(), 49);
    }
    let notice = client.heard().await.pop().unwrap();
    assert_eq!((notice.id, notice.tag, notice.code()), (0, 0x78, 53));
    client.is_closed().await;
}

#[tokio::test]
async fn no_passwords_in_clear() {
    let mut client = Client::at("192.0.2.1:1", Shutdown::never(), Settings::default());
    assert_eq!(client.ask(&bind(1, "anna", "secret")).await.pop().unwrap().code(), 13);
    assert_eq!(client.ask(&sasl(1, "PLAIN", Some(b"\0anna\0secret"))).await.pop().unwrap().code(), 13);
    let root = Search { base: "", scope: 0, attributes: &[], ..Search::default() };
    let all = client.ask(&root.request(2)).await;
    assert!(all[0].attributes.iter().all(|(name, _)| name != "supportedSASLMechanisms"));
    assert_eq!(client.ask(&extended(3, "1.3.6.1.4.1.1466.20037")).await.pop().unwrap().code(), 2);
}

#[tokio::test]
async fn what_there_is_before_signing_in() {
    let mut client = Client::new();
    let root = Search { base: "", scope: 0, attributes: &["*", "+"], ..Search::default() };
    let all = client.ask(&root.request(2)).await;
    let told =
        |name: &str| all[0].attributes.iter().find(|(own, _)| own == name).map(|(_, values)| values.clone()).unwrap();
    assert_eq!(told("namingContexts"), ["ou=people"]);
    assert_eq!(told("supportedLDAPVersion"), ["3"]);
    assert_eq!(told("supportedControl"), ["1.2.840.113556.1.4.319"]);
    assert_eq!(told("supportedExtension"), ["1.3.6.1.4.1.4203.1.11.3"]);
    assert_eq!(told("subschemaSubentry"), ["cn=Subschema"]);
    let one = Search { base: "", scope: 0, attributes: &["NAMINGCONTEXTS"], types_only: true, ..Search::default() };
    assert_eq!(client.ask(&one.request(2)).await[0].attributes, [("namingContexts".to_owned(), Vec::new())]);
    let schema = Search { base: "cn=subschema", scope: 0, attributes: &["attributeTypes"], ..Search::default() };
    let all = client.ask(&schema.request(3)).await;
    assert!(all[0].attributes[0].1.iter().any(|kind| kind.starts_with("( 2.5.4.3 NAME ( 'cn' ")));
    for base in ["", "ou=people", "mail=anna@x.example,ou=people", "dc=elsewhere"] {
        let search = Search { base, filter: contains("cn", "ann"), ..Search::default() };
        assert_eq!(client.find(&search).await, (Vec::new(), 50), "{base}");
    }
}

#[tokio::test]
async fn people_are_found_as_programs_look_for_them() {
    let mut client = Client::signed_in().await;
    let (anna, annette, ben) =
        ("mail=anna@x.example,ou=people", "mail=annette@x.example,ou=people", "mail=ben@x.example,ou=people");
    let any = |word: &str| or(&["mail", "cn", "givenName", "sn", "displayName"].map(|name| contains(name, word)));
    for (filter, wanted) in [
        (any("ann"), vec![anna, annette]),
        (and(&[any("ann"), any("berg")]), vec![anna]),
        (and(&[present("mail"), or(&[contains("cn", "ben"), contains("mozillaNickname", "ben")])]), vec![ben]),
        (equal("mail", "BEN@x.example"), vec![ben]),
        (equal("proxyAddresses", "smtp:ben@x.example"), vec![ben]),
        (and(&[equal("objectClass", "inetOrgPerson"), equal("sn", "berg")]), vec![anna, ben]),
        (and(&[contains("cn", "ann"), value(0xa2, &equal("sn", "berg"))]), vec![annette]),
        (value(0xa8, &[requests::text("givenName"), requests::text("ben")].concat()), vec![ben]),
        (contains("cn", "nobody"), vec![]),
        (equal("shoeSize", "40"), vec![]),
    ] {
        for (base, scope) in [("ou=people", 2), ("OU=People", 1), ("", 2)] {
            let search = Search { base, scope, filter: filter.clone(), ..Search::default() };
            let (found, code) = client.find(&search).await;
            assert_eq!((found, code), (wanted.iter().map(|&dn| dn.to_owned()).collect(), 0), "{base:?} {filter:x?}");
        }
    }
}

#[tokio::test]
async fn entries_say_what_was_asked_for() {
    let mut client = Client::signed_in().await;
    let base = "mail=anna@x.example,ou=people";
    let search =
        Search { base, scope: 0, attributes: &["Mobile", "telephoneNumber", "o", "nothing"], ..Search::default() };
    let all = client.ask(&search.request(2)).await;
    let pair = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let wanted = [pair("Mobile", "+49 170 1"), pair("telephoneNumber", "+49 30 1"), pair("o", "Corp")];
    assert_eq!((all[0].said[0].as_str(), all[0].attributes.as_slice()), (base, &wanted[..]));
    let types = client.ask(&Search { types_only: true, ..search }.request(3)).await;
    assert!(types[0].attributes.len() == 3 && types[0].attributes.iter().all(|(_, values)| values.is_empty()));
    let none = Search { base, scope: 0, attributes: &["1.1"], ..Search::default() };
    assert_eq!(client.ask(&none.request(4)).await[0].attributes, []);
    let all = client.ask(&Search { base, scope: 0, attributes: &[], ..Search::default() }.request(5)).await;
    assert!(all[0].attributes.iter().any(|(name, _)| name == "displayName"));
    for (base, scope, wanted) in [
        ("mail=anna@x.example,ou=people", 1, (0, 0)),
        ("mail=nobody@x.example,ou=people", 0, (0, 32)),
        ("dc=elsewhere", 2, (0, 32)),
        ("people", 2, (0, 34)),
        ("ou=people", 0, (1, 0)),
        ("", 1, (1, 0)),
    ] {
        let (found, code) = client.find(&Search { base, scope, ..Search::default() }).await;
        assert_eq!((found.len(), code), wanted, "{base:?} {scope}");
    }
}

#[tokio::test]
async fn limits_are_told() {
    let mut client = Client::signed_in().await;
    let search = Search { size: 1, filter: contains("cn", "ann"), ..Search::default() };
    assert_eq!(client.find(&search).await, (vec!["mail=anna@x.example,ou=people".to_owned()], 4));
    // Everybody is nobody.
    assert_eq!(client.find(&Search { scope: 1, ..Search::default() }).await, (Vec::new(), 11));
    let settings = Settings { most_people: 1, ..Settings::default() };
    let mut client = Client::at("127.0.0.1:1", Shutdown::never(), settings);
    client.ask(&bind(1, "anna", "secret")).await;
    let search = Search { filter: contains("cn", "ann"), ..Search::default() };
    assert_eq!(client.find(&search).await, (vec!["mail=anna@x.example,ou=people".to_owned()], 11));
}

#[tokio::test]
async fn pages_go_on_where_they_stopped() {
    let mut client = Client::signed_in().await;
    let search = |cookie: &[u8], size| Search {
        filter: or(&[contains("cn", "ann"), contains("cn", "ben")]),
        controls: vec![page(size, cookie)],
        ..Search::default()
    };
    let mut first = client.ask(&search(b"", 2).request(2)).await;
    let done = first.pop().unwrap();
    let cookie = done.cookie.clone().unwrap();
    assert_eq!((first.len(), done.code(), cookie.is_empty()), (2, 0, false));
    let mut second = client.ask(&search(&cookie, 2).request(3)).await;
    let done = second.pop().unwrap();
    assert_eq!((second.len(), done.code(), done.cookie), (1, 0, Some(Vec::new())));
    // A cookie is good for once, and only here.
    assert_eq!(client.ask(&search(&cookie, 2).request(4)).await.pop().unwrap().code(), 53);
    let done = client.ask(&search(b"", 1).request(5)).await.pop().unwrap();
    let cookie = done.cookie.unwrap();
    let ended = client.ask(&search(&cookie, 0).request(6)).await;
    assert_eq!((ended.len(), ended[0].cookie.clone()), (1, Some(Vec::new())));
    assert_eq!(client.ask(&search(&cookie, 1).request(7)).await.pop().unwrap().code(), 53);
    let broken = Search {
        controls: vec![value(0x30, &[requests::text("1.2.840.113556.1.4.319")].concat())],
        ..Search::default()
    };
    assert_eq!(client.find(&broken).await.1, 2);
}

#[tokio::test]
async fn what_is_critical_and_unknown_is_refused() {
    let mut client = Client::signed_in().await;
    let control = |critical: u8| value(0x30, &[requests::text("1.2.3"), vec![1, 1, critical]].concat());
    let search =
        |critical| Search { filter: contains("cn", "ben"), controls: vec![control(critical)], ..Search::default() };
    assert_eq!(client.find(&search(0xff)).await, (Vec::new(), 12));
    assert_eq!(client.find(&search(0)).await.0.len(), 1);
}

#[tokio::test]
async fn nothing_can_be_changed() {
    let mut client = Client::signed_in().await;
    for (request, tag) in [(0x66, 0x67), (0x68, 0x69), (0x4a, 0x6b), (0x6c, 0x6d), (0x6e, 0x6f)] {
        let told = client.ask(&message(3, &value(request, b"x"), &[])).await.pop().unwrap();
        assert_eq!((told.tag, told.code()), (tag, 53));
    }
    assert_eq!(client.ask(&extended(4, "1.2.3")).await.pop().unwrap().code(), 2);
}

#[tokio::test]
async fn a_directory_that_is_away_is_told_so() {
    let mut client = Client::signed_in().await;
    let search = Search { filter: contains("cn", "ben"), ..Search::default() };
    for (kind, code) in
        [(ErrorKind::Unavailable, 52), (ErrorKind::Busy { retry_after: None }, 51), (ErrorKind::Administrator, 53)]
    {
        client.account.fail_next(Call::FindPeople, kind);
        assert_eq!(client.find(&search).await, (Vec::new(), code));
    }
    assert_eq!(client.find(&search).await.1, 0);
}

#[tokio::test(start_paused = true)]
async fn a_search_that_takes_too_long_ends() {
    let mut client = Client::signed_in().await;
    client.account.hold();
    let search = Search { time: 5, filter: contains("cn", "ben"), ..Search::default() };
    let began = tokio::time::Instant::now();
    assert_eq!(client.find(&search).await, (Vec::new(), 3));
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    client.account.release();
    assert_eq!(client.find(&search).await.0.len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_not_wanted_is_not_given() {
    let mut client = Client::signed_in().await;
    client.account.hold();
    let slow = Search { filter: contains("cn", "ben"), ..Search::default() };
    client.send(&slow.request(2)).await;
    // What another message is about stays, and so does what comes behind.
    client.send(&message(3, &value(0x50, &[9]), &[])).await;
    client.send(&message(4, &value(0x50, &[2]), &[])).await;
    client.send(&extended(5, "1.3.6.1.4.1.4203.1.11.3")).await;
    let told = client.heard().await;
    assert_eq!((told.len(), told[0].id), (1, 5));
    client.account.release();
    assert_eq!(client.find(&slow).await.0.len(), 1);
    client.account.hold();
    client.send(&slow.request(6)).await;
    client.send(&message(7, &value(0x42, b""), &[])).await;
    client.is_closed().await;
}

#[tokio::test]
async fn commands_in_one_piece_are_answered_in_order() {
    let mut client = Client::new();
    let search = Search { filter: contains("cn", "ben"), ..Search::default() };
    let all = [bind(1, "anna", "secret"), search.request(2), search.request(3), message(4, &value(0x42, b""), &[])];
    client.send(&all.concat()).await;
    assert_eq!(client.heard().await[0].id, 1);
    assert_eq!(client.heard().await[1].id, 2);
    assert_eq!(client.heard().await[1].id, 3);
    client.is_closed().await;
}

#[tokio::test]
async fn what_is_no_request_ends_the_conversation() {
    let deep = (0..100).fold(present("cn"), |inner, _| value(0xa2, &inner));
    for octets in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01".to_vec(),
        vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
        vec![0x30, 0x80],
        message(0, &value(0x42, b""), &[]),
        message(1, &value(0x7e, b""), &[]),
        value(0x30, b"\x02\x01\x01"),
        value(0x30, b"\x02\x01\xff\x42\x00"),
        value(0x30, b"\x04\x01\x01\x42\x00"),
        Search { filter: deep, ..Search::default() }.request(1),
        Search { scope: 7, ..Search::default() }.request(1),
        message(1, &value(0x63, b"\x04\x05ou"), &[]),
    ] {
        let mut client = Client::new();
        client.send(&octets).await;
        let notice = client.heard().await.pop().unwrap();
        assert_eq!((notice.id, notice.tag, notice.code()), (0, 0x78, 2), "{octets:x?}");
        assert_eq!(notice.said[2], "1.3.6.1.4.1.1466.20036");
        client.stream.shutdown().await.unwrap();
        client.is_closed().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_for_too_long_is_told_so() {
    for (is_signed_in, seconds) in [(false, 120), (true, 1800)] {
        let mut client = if is_signed_in { Client::signed_in().await } else { Client::new() };
        let began = tokio::time::Instant::now();
        assert_eq!(client.heard().await.pop().unwrap().code(), 52);
        assert_eq!(began.elapsed(), Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn the_gateway_goes_down() {
    let drain = Drain::new();
    let mut client = Client::at("127.0.0.1:1", drain.shutdown(), Settings::default());
    client.ask(&bind(1, "anna", "secret")).await;
    let ended = tokio::spawn(drain.finish(Duration::from_secs(3600)));
    assert_eq!(client.heard().await.pop().unwrap().code(), 52);
    drop(client);
    assert_eq!(ended.await.unwrap(), 0);
}
