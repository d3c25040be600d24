//! Messages that Exchange cannot give: another one is served, they are listed, and once they can be had they come under a new UID.

use std::time::Duration;

use exgate_tests::{Gateway, Imap, Options, Simulator, Site, Status, USER, letter};
use rusqlite::Connection;
use serde_json::{Value, json};

async fn start() -> (Simulator, Site) {
    let simulator = Options::preset("empty").start().await;
    for number in 1..=3 {
        simulator.deliver("inbox", &letter(&format!("number-{number}"))).await;
    }
    let lines = format!("url = {:?}\nauth = \"basic\"\nallow_http = true\ndomains = [\"demo.test\"]\n", simulator.ews);
    let site = Site::listening("admin = \"127.0.0.1:0\"\n", &format!("[exchange.main]\n{lines}"));
    (simulator, site)
}

async fn poison(simulator: &Simulator, number: u32, kind: &str) {
    let what = format!("mailbox={USER}&message_id=%3Cnumber-{number}@letters.test%3E");
    match kind {
        "none" => simulator.post(&format!("/heal?{what}"), Vec::new()).await,
        _ => simulator.post(&format!("/poison?{what}&kind={kind}"), Vec::new()).await,
    };
}

fn listed(site: &Site) -> Vec<Value> {
    let told: Value = serde_json::from_str(&site.fine(&["problems", "--json", USER])).unwrap();
    told["problems"].as_array().unwrap().clone()
}

/// Moves the clock: Exchange may be asked again at once.
fn later(site: &Site) {
    let map = Connection::open(site.map_file()).unwrap();
    assert_eq!(map.execute("UPDATE problem SET tried = tried - 600", []).unwrap(), 1);
}

async fn body(imap: &mut Imap, uid: u32) -> Option<String> {
    let answer = imap.command(&format!("UID FETCH {uid} (UID BODY.PEEK[])")).await;
    answer.fetches().next().map(|fetch| String::from_utf8(fetch.bytes("BODY[]").to_vec()).unwrap())
}

async fn number(gateway: &Gateway) -> Option<f64> {
    let text = reqwest::get(format!("http://{}/metrics", gateway.program.announced("admin"))).await.unwrap();
    let text = text.text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("exgate_problems{organisation=\"main\"} "))?;
    line.parse().ok()
}

async fn events(site: &Site, gateway: &Gateway) -> Vec<String> {
    let password = site.fine(&["admin", "add", "auditor", "--role", "auditor"]);
    let address = format!("http://{}/api/v1", gateway.program.announced("admin"));
    let get = async |path: &str| -> Value {
        let asked = reqwest::Client::new().get(format!("{address}{path}")).bearer_auth(&password);
        asked.send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(get(&format!("/accounts/{USER}/problems")).await, json!({ "problems": [] }));
    let told = get(&format!("/events?account={USER}")).await;
    told["events"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_can_be_read_again_comes_under_a_new_uid() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    assert_eq!(site.fine(&["problems"]), "none: Exchange gives every message that was asked for");
    poison(&simulator, 2, "mime").await;
    let answer = imap.ok("UID FETCH 1:* (UID BODY.PEEK[])").await;
    assert_eq!(answer.fetches().count(), 3, "the folder is there as a whole");
    let stand_in = body(&mut imap, 2).await.unwrap();
    assert!(stand_in.contains("X-Exgate-Rebuilt: ") && stand_in.contains("<number-2@letters.test>"), "{stand_in}");
    let before = listed(&site);
    assert_eq!((before.len(), &before[0]["mailbox"], &before[0]["folder"]), (1, &json!(USER), &json!("INBOX")));
    assert_eq!((&before[0]["uid"], &before[0]["message_id"]), (&json!(2), &json!("<number-2@letters.test>")));
    let table = site.fine(&["problems"]);
    assert!(table.contains(&format!("\n{USER}  INBOX  2  ")) && !table.contains("Subject"), "{table}");
    assert_eq!(number(&gateway).await, Some(1.0));

    // It stays as it was served, also over a restart, and whatever else Exchange says of it.
    gateway.kill().await;
    poison(&simulator, 2, "corrupt").await;
    let gateway = site.start().await;
    assert_eq!(listed(&site), before);
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    assert_eq!(number(&gateway).await, Some(1.0));
    later(&site);
    assert_eq!(body(&mut imap, 2).await.as_ref(), Some(&stand_in));
    let now = listed(&site);
    assert_eq!((&now[0]["since"], now[0]["uid"].as_u64()), (&before[0]["since"], Some(2)));
    assert_ne!(now[0]["reason"], before[0]["reason"]);

    poison(&simulator, 2, "none").await;
    simulator.reset().await;
    assert_eq!(body(&mut imap, 2).await.as_ref(), Some(&stand_in), "Exchange is not asked all the time");
    assert_eq!(simulator.stats().await.operation("GetItem"), 0);
    later(&site);
    let answer = imap.command("UID FETCH 2 (UID BODY.PEEK[])").await;
    assert_eq!((answer.status, answer.fetches().count()), (Status::No, 0), "{}", answer.text);
    let mut news = answer.lines();
    news.extend(imap.ok("NOOP").await.lines());
    let place = |line: &str| news.iter().position(|one| one == line);
    assert!(place("* 2 EXPUNGE").is_some() && place("* 2 EXPUNGE") < place("* 3 EXISTS"), "{news:?}");
    let healed = body(&mut imap, 4).await.unwrap();
    assert!(healed.contains("<number-2@letters.test>") && !healed.contains("X-Exgate-Rebuilt"), "{healed}");
    assert_eq!((body(&mut imap, 2).await, listed(&site), number(&gateway).await), (None, vec![], Some(0.0)));
    let told = events(&site, &gateway).await;
    assert!(told[0].starts_with("Exchange gives a message again that it could not"), "{told:?}");
    gateway.stop().await;
}

/// Clients that have the stand-in do not ask for the message again: it is tried when they come back, and when somebody wishes.
#[tokio::test]
async fn nobody_has_to_ask_for_it() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    for (number, uid) in [(1, 1), (3, 3)] {
        poison(&simulator, number, "mime").await;
        assert!(body(&mut imap, uid).await.unwrap().contains("X-Exgate-Rebuilt"));
        poison(&simulator, number, "none").await;
        match number {
            1 => drop(site.fine(&["sync", "full", USER])),
            _ => {
                later(&site);
                imap.select("INBOX").await;
            }
        }
        let uid = if number == 1 { 4 } else { 5 };
        let comes = async {
            while !imap.ok("UID SEARCH ALL").await.words("SEARCH").contains(&uid.to_string()) {
                imap.ok("NOOP").await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), comes).await.expect("it comes back");
        let healed = body(&mut imap, uid).await.unwrap();
        let key = format!("<number-{number}@letters.test>");
        assert!(healed.contains(&key) && !healed.contains("X-Exgate-Rebuilt"), "{healed}");
    }
    assert_eq!(listed(&site), Vec::<Value>::new());
    let nobody = site.exgate(&["problems", "nobody@demo.test"], "");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("there is no account nobody@demo.test"), "{nobody:?}");
    gateway.stop().await;
}
