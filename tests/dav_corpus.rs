//! Every object of the corpus goes to Exchange and comes back, with nothing left in the gateway in between.

use std::collections::BTreeMap;
use std::path::Path;

use exgate_tests::{Dav, Options, Site};

/// Objects of one kind, and where they go.
const KINDS: [(&str, &str, usize); 3] =
    [("events", "calendar", 200), ("tasks", "tasks", 60), ("cards", "contacts", 80)];

/// What Exchange has no form for.
const UNREPRESENTABLE: &str = include_str!("corpus/unrepresentable.tsv");

#[tokio::test]
async fn nothing_is_lost_when_the_gateway_loses_its_memory() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let dav = gateway.dav();
    let mut corpus = Vec::new();
    for (kind, collection, least) in KINDS {
        let objects = objects(kind);
        assert!(objects.len() >= least, "{} {kind}", objects.len());
        let collection = Dav::collection(collection);
        let (refused, objects): (BTreeMap<_, _>, BTreeMap<_, _>) =
            objects.into_iter().partition(|(name, _)| UNREPRESENTABLE.contains(&format!("{kind}/{name}\t")));
        for (name, text) in &objects {
            let answer = dav.put(&format!("{collection}{name}"), text).await;
            assert_eq!(answer.status, 201, "{name}: {}", answer.text);
        }
        for (name, text) in &refused {
            assert_eq!(dav.put(&format!("{collection}{name}"), text).await.status, 403, "{name}");
        }
        corpus.push((collection, objects));
    }
    gateway.stop().await;
    std::fs::remove_dir_all(site.state()).expect("the state goes");
    std::fs::create_dir_all(site.state()).expect("a new state");

    let gateway = site.start().await;
    let dav = gateway.dav();
    let mut different = Vec::new();
    for (collection, objects) in corpus {
        let hrefs: Vec<String> = dav.list(&collection).await.into_iter().map(|object| object.href).collect();
        let mut found = BTreeMap::new();
        // GET, for a multiget has cards in version 3.0 unless it asks for another (RFC 6352 section 10.4).
        for href in &hrefs {
            let text = dav.get(href).await.text;
            found.insert(uid(&text), text);
        }
        assert_eq!(found.len(), objects.len(), "objects in {collection}");
        for (name, text) in objects {
            match found.get(&uid(&text)) {
                None => different.push(format!("{name} is gone")),
                Some(back) => different.extend(differences(&text, back).map(|what| format!("{name}: {what}"))),
            }
        }
    }
    assert!(different.is_empty(), "{} differences:\n{}", different.len(), different.join("\n"));
}

/// Names and texts of the corpus, line ends as on the wire.
fn objects(kind: &str) -> BTreeMap<String, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(kind);
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        // Folders hold what is refused.
        if path.is_dir() {
            return None;
        }
        let text = std::fs::read_to_string(&path).expect("a text");
        let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        Some((path.file_name().expect("a name").to_string_lossy().into_owned(), text))
    };
    std::fs::read_dir(directory).expect("the corpus").filter_map(read).collect()
}

fn uid(text: &str) -> String {
    let line = lines(text).find(|line| line.to_ascii_uppercase().starts_with("UID"));
    line.map(|line| line.split_once(':').map_or(String::new(), |(_, value)| value.to_owned())).unwrap_or_default()
}

/// Content lines, unfolded (RFC 5545 section 3.1).
fn lines(text: &str) -> impl Iterator<Item = String> {
    let unfolded = text.replace("\r\n ", "").replace("\r\n\t", "");
    unfolded.lines().map(without_status).collect::<Vec<_>>().into_iter().filter(|line| !line.is_empty())
}

/// The server says what became of an invitation, and takes away the wish to send one (RFC 6638 section 7.2, 7.3).
fn without_status(line: &str) -> String {
    let mut line = line.to_owned();
    for parameter in [";SCHEDULE-STATUS=", ";SCHEDULE-FORCE-SEND="] {
        if let Some((before, after)) = line.split_once(parameter) {
            let after = match after.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
                Some((_, rest)) => rest,
                None => after.get(after.find([';', ':']).unwrap_or(after.len())..).unwrap_or_default(),
            };
            line = format!("{before}{after}");
        }
    }
    line
}

/// Lines that only one of both has. The order is not compared, so that what is kept may be written anew.
fn differences(here: &str, there: &str) -> impl Iterator<Item = String> {
    let mut counts: BTreeMap<String, i32> = BTreeMap::new();
    lines(here).for_each(|line| *counts.entry(line).or_default() += 1);
    lines(there).for_each(|line| *counts.entry(line).or_default() -= 1);
    counts.into_iter().filter(|(_, count)| *count != 0).map(|(line, count)| {
        let line: String = line.chars().take(120).collect();
        if count > 0 { format!("lost {line}") } else { format!("new {line}") }
    })
}
