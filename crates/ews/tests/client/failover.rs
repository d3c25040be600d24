//! Several servers, or several addresses of one, of which some do badly.

use std::net::SocketAddr;
use std::time::Duration;

use crate::fake::*;
use ews::op::create_item::{CreateItem, Disposition, NewMessage};
use ews::op::get_folder::GetFolder;
use ews::*;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::rdata::A;
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::time::Instant;

#[tokio::test]
async fn a_server_that_dies_in_the_middle_of_an_answer_is_left_for_the_next_and_returned_to() {
    let first = Fake::start([Step::Send(ok()), Step::Die(half(ok()))]).await;
    let second = Fake::start([Step::Send(ok())]).await;
    let client = both(&first, &second).client(anna("x"));
    let began = Instant::now();
    call(&client).await.unwrap();
    call(&client).await.unwrap();
    assert_eq!((first.seen().len(), second.seen().len()), (2, 1));
    call(&client).await.unwrap();
    assert_eq!(second.seen().len(), 2, "the one that is gone is not asked");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());

    let mut first =
        Fake::start_at(first.address, [Step::Send(unauthorized()), Step::Send(unauthorized()), Step::Send(ok())], None)
            .await;
    let mut waited = Duration::ZERO;
    for _ in 0..2 {
        waited += knock(&mut first).await;
    }
    assert!(waited < Duration::from_secs(60), "{waited:?}");
    assert!(first.seen().iter().all(|knock| knock.header("authorization").is_none()), "knocks are by nobody");
    while first.seen().len() < 3 {
        // What came of the second knock may not have been noted yet.
        call(&client).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_vanishes_without_a_word_is_not_waited_for() {
    for said in [Vec::new(), half(ok())] {
        let mut first = Fake::start([Step::Vanish(said)]).await;
        let second = Fake::start([Step::Send(ok())]).await;
        let client = both(&first, &second).client(anna("x"));
        let waiting = tokio::spawn(async move { call(&client).await });
        first.bell.recv().await.unwrap();
        // Until the silence is doubtful, and no longer.
        let began = Instant::now();
        while !waiting.is_finished() {
            tokio::time::pause();
            tokio::time::advance(Duration::from_millis(500)).await;
            tokio::time::resume();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        waiting.await.unwrap().unwrap();
        assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
        let asked = second.seen().iter().filter(|seen| seen.head.starts_with("POST ")).count();
        assert_eq!((first.seen().len(), asked), (1, 1));
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_left_at_once() {
    let page = "<html><title>Down for maintenance</title>";
    for away in [
        http("503 Service Unavailable", "Retry-After: 300\r\n", page),
        http("502 Bad Gateway", "", page),
        http("200 OK", "Content-Type: text/html\r\n", page),
        http("404 Not Found", "", page),
        http("302 Found", "Location: https://www.example.org/away\r\n", ""),
    ] {
        let first = Fake::start([Step::Send(away.clone())]).await;
        let second = Fake::start([Step::Send(ok())]).await;
        let client = both(&first, &second).client(anna("x")).with_patience(Duration::ZERO);
        call(&client).await.unwrap();
        call(&client).await.unwrap();
        assert_eq!((first.seen().len(), second.seen().len()), (1, 2), "{}", String::from_utf8_lossy(&away));
    }
}

#[tokio::test]
async fn if_all_are_away_the_caller_hears_for_how_long() {
    let away = || Step::Send(http("503 Service Unavailable", "Retry-After: 300\r\n", ""));
    let (first, second) = (Fake::start([away()]).await, Fake::start([away()]).await);
    let client = both(&first, &second).client(anna("x"));
    let error = call(&client).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(300)), "{error}");
    assert!(call(&client).await.unwrap_err().retry_after() > Some(Duration::from_secs(200)));
    assert_eq!((first.seen().len(), second.seen().len()), (1, 1), "both are left alone");
}

#[tokio::test]
async fn what_is_not_safe_to_repeat_is_not_repeated_elsewhere() {
    let first = Fake::start([Step::Die(half(ok()))]).await;
    let second = Fake::start([Step::Send(ok())]).await;
    let client = both(&first, &second).client(anna("x"));
    let message = NewMessage { mime: Some(MimeSource::bytes("x")), ..NewMessage::default() };
    let create = CreateItem { disposition: Disposition::SaveOnly, folder: None, message };
    let error = client.call(&create).await.unwrap_err();
    assert_eq!((error.kind, error.sent), (ErrorKind::Unavailable, Sent::MaybeDone));
    assert!(second.seen().is_empty());
}

#[tokio::test]
async fn the_operator_may_forbid_it() {
    let away = http("503 Service Unavailable", "Retry-After: 300\r\n", "");
    let first = Fake::start([Step::Send(away)]).await;
    let second = Fake::start([Step::Send(ok())]).await;
    let mut config = config([&first, &second]);
    config.failover.over = false;
    let client = Server::new(config).unwrap().client(anna("x"));
    assert!(call(&client).await.unwrap_err().retry_after().is_some());
    assert!(second.seen().is_empty());
}

#[tokio::test]
async fn a_signed_in_lane_to_the_old_server_is_not_used_again() {
    let first =
        Fake::start([Step::Send(ok()), Step::Send(http("503 Service Unavailable", "", "")), Step::Send(ok())]).await;
    let second = Fake::start([Step::Send(ok())]).await;
    let client = both(&first, &second).client(anna("x"));
    call(&client).await.unwrap();
    for _ in 0..3 {
        call(&client).await.unwrap();
    }
    assert_eq!((first.seen().len(), second.seen().len()), (2, 3));
    assert!(second.seen().iter().all(|request| request.connection == 0));
}

#[tokio::test]
async fn of_several_addresses_of_a_name_one_that_works_is_used() {
    let good = Fake::start_at("127.0.0.2:0".parse().unwrap(), [Step::Send(ok())], None).await;
    let port = good.address.port();
    let bad =
        Fake::start_at(SocketAddr::new("127.0.0.3".parse().unwrap(), port), [Step::SendAndClose(Vec::new())], None)
            .await;
    let mut config = ServerConfig::new(format!("http://mail.corp.example:{port}/EWS/Exchange.asmx"));
    config.allow_http = true;
    config.egress = Egress::new(EgressConfig { dns: Some(two_addresses().await), ..EgressConfig::default() });
    let server = Server::new(config).unwrap();
    for _ in 0..10 {
        // Each client has connections of its own.
        call(&server.client(anna("x"))).await.unwrap();
    }
    assert_eq!(good.seen().len(), 10);
    assert!(bad.seen().len() <= 1, "{}", bad.seen().len());
    assert_eq!(good.seen()[0].header("host"), Some(format!("mail.corp.example:{port}").as_str()));
}

/// Lets time pass until somebody knocks. How much it was.
async fn knock(fake: &mut Fake) -> Duration {
    for seconds in 1.. {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::time::resume();
        if tokio::time::timeout(Duration::from_millis(10), fake.bell.recv()).await.is_ok() {
            return Duration::from_secs(seconds);
        }
    }
    unreachable!()
}

/// A name server where every name has 127.0.0.2 and 127.0.0.3.
async fn two_addresses() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut bytes = [0; 1500];
        loop {
            let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
            let asked = Message::from_vec(&bytes[..length]).unwrap();
            let query = asked.queries[0].clone();
            let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
            if query.query_type() == RecordType::A {
                let records = ["127.0.0.3", "127.0.0.2"].map(|address| RData::A(A(address.parse().unwrap())));
                answer.add_answers(records.map(|data| Record::from_rdata(query.name().clone(), 60, data)));
            }
            answer.add_query(query);
            socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
        }
    });
    address
}

fn both(first: &Fake, second: &Fake) -> Server {
    Server::new(config([first, second])).unwrap()
}

fn config(fakes: [&Fake; 2]) -> ServerConfig {
    let mut config = ServerConfig::new("");
    config.urls = fakes.map(|fake| format!("http://{}/EWS/Exchange.asmx", fake.address)).to_vec();
    config.allow_http = true;
    config
}

async fn call(client: &Client) -> Result<(), Error> {
    let inbox = GetFolder { folders: vec![DistinguishedFolder::Inbox.into()], shape: FolderShape::default() };
    client.call(&inbox).await.map(|mut folders| assert!(folders.pop().unwrap().is_ok()))
}

fn half(whole: Vec<u8>) -> Vec<u8> {
    whole[..whole.len() / 2].to_vec()
}
