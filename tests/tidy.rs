//! The rules of the house, kept by machine: who may know whom, what may come in, what stands where.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

#[test]
fn top_level_holds_nothing_else() {
    let allowed = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "crates",
        "deploy",
        "target",
        "tests",
    ];
    let strangers: Vec<_> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && !allowed.contains(&name.as_str()))
        .collect();
    assert!(strangers.is_empty(), "at the top level: {strangers:?}");
}

/// Arrows point down only, see `crates/README.md`.
#[test]
fn crates_know_only_what_lies_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("imap-proto", &[][..]),
        ("pim", &[]),
        ("mailbox", &[]),
        ("serve", &[]),
        ("script", &[]),
        ("pg-fixture", &[]),
        ("ews", &[]),
        ("exchange-sim", &[]),
        ("imap", &["imap-proto", "mailbox", "script", "serve"]),
        ("dav", &["mailbox", "pim", "script", "serve"]),
        ("smtp", &["mailbox", "script", "serve"]),
        ("pop3", &["mailbox", "script", "serve"]),
        ("ldap", &["mailbox", "pim", "serve"]),
        ("idmap", &["mailbox"]),
        ("nodes", &[]),
        ("accounts", &["mailbox"]),
        ("spool", &["mailbox"]),
        ("acme", &["serve"]),
        ("admin", &["accounts", "mailbox"]),
        ("exchange", &["ews", "idmap", "mailbox", "nodes", "pim", "spool"]),
    ]);
    let house = metadata();
    let ours: BTreeSet<&str> = house.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    for package in house.workspace_packages() {
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            assert!(["exgate", "exgate-tests"].contains(&package.name.as_str()), "{}: give it a layer", package.name);
            continue;
        };
        for dependency in &package.dependencies {
            let fine = !ours.contains(dependency.name.as_str())
                || dependency.kind == DependencyKind::Development
                || allowed.contains(&dependency.name.as_str());
            assert!(fine, "{} must not depend on {}", package.name, dependency.name);
        }
    }
}

#[test]
fn pure_crates_have_no_runtime() {
    let house = metadata();
    for name in ["imap-proto", "pim"] {
        let reached = reached_from(&house, name);
        for runtime in ["tokio", "mio", "hyper", "async-io"] {
            assert!(!reached.contains(runtime), "{name} is pure but reaches {runtime}");
        }
    }
}

/// The simulator is a second opinion only while it shares no code with the client, not even for its tests.
#[test]
fn simulator_and_client_share_nothing() {
    let house = metadata();
    let ours: BTreeSet<String> = house.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    for name in ["exchange-sim", "ews"] {
        for dependency in &package(&house, name).dependencies {
            assert!(!ours.contains(&dependency.name), "{name} must stand alone, but names {}", dependency.name);
        }
    }
}

#[test]
fn licences_and_bans_are_kept() {
    let rules: toml::Table = std::fs::read_to_string(root().join(".cargo/deny.toml")).unwrap().parse().unwrap();
    let words = |table: &str, list: &str| -> Vec<String> {
        let entries = rules[table][list].as_array().unwrap();
        let word = |entry: &toml::Value| entry.as_str().or_else(|| entry["name"].as_str()).unwrap().to_owned();
        entries.iter().map(word).collect()
    };
    let (allowed, banned) = (words("licenses", "allow"), words("bans", "deny"));
    let house = metadata();
    // Packages that only another platform or a feature we leave out would bring are in the lock file, but not here.
    let used: BTreeSet<&PackageId> = house.resolve.as_ref().unwrap().nodes.iter().map(|node| &node.id).collect();
    for package in house.packages.iter().filter(|package| used.contains(&package.id)) {
        let licence = package.license.as_deref().unwrap_or("none stated");
        assert!(is_allowed(licence, &allowed), "{} {} has licence {licence}", package.name, package.version);
        assert!(!banned.contains(&package.name.to_string()), "{} is banned by .cargo/deny.toml", package.name);
    }
}

#[test]
fn licence_expressions_are_read_right() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned()];
    for (licence, fine) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("(GPL-3.0 OR MPL-2.0) AND ISC", false),
        ("none stated", false),
    ] {
        assert_eq!(is_allowed(licence, &allowed), fine, "{licence}");
    }
}

#[test]
fn every_foreign_crate_has_its_reason_in_the_house_description() {
    let description = std::fs::read_to_string(root().join("crates/README.md")).unwrap();
    let house = metadata();
    let ours: BTreeSet<String> = house.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    for package in house.workspace_packages() {
        for dependency in package.dependencies.iter().filter(|dependency| !ours.contains(&dependency.name)) {
            let name = format!("`{}`", dependency.name);
            assert!(description.contains(&name), "crates/README.md gives no reason for {name} ({})", package.name);
        }
    }
}

#[test]
fn every_crate_keeps_the_common_lints() {
    for package in metadata().workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}: [lints] workspace = true", package.name);
    }
}

/// What is announced works: for each capability there is a dialog or test whose first line says that it is about it, and
/// in which a client uses it.
#[test]
fn every_capability_has_its_dialog() {
    let tests = root().join("crates/imap/tests");
    let announced: BTreeMap<&str, &str> = imap::capabilities().collect();
    let shown: BTreeSet<&str> = DIALOGS.iter().map(|&(capability, ..)| capability).collect();
    let untested: Vec<_> = announced.keys().filter(|name| !shown.contains(*name)).collect();
    assert!(untested.is_empty(), "no dialog is about {untested:?}: name one in DIALOGS");
    for (capability, file, command) in DIALOGS {
        let source = announced.get(capability).unwrap_or_else(|| panic!("{capability} is not announced"));
        let text = std::fs::read_to_string(tests.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let title = text.lines().next().unwrap_or_default();
        assert!(names(title, capability, source), "the first line of {file} names neither {capability} nor {source}");
        // Where passwords are not taken, that is what there is to see.
        let wanted = if *capability == "LOGINDISABLED" { "NO [PRIVACYREQUIRED]" } else { "OK" };
        let used = match file.ends_with(".txt") {
            true => answers(&text, command).any(|answer| answer.starts_with(wanted)),
            false => text.contains(command),
        };
        assert!(used, "{file}: no `{command}` that is answered {wanted}, for {capability}");
    }
}

/// The capability itself, or the number of the RFC it is written down in.
fn names(title: &str, capability: &str, source: &str) -> bool {
    let rfc = source.strip_prefix("RFC ").and_then(|rest| rest.split([' ', ',']).next());
    title.contains(capability)
        || rfc.is_some_and(|rfc| title.split(|char: char| !char.is_ascii_digit()).any(|number| number == rfc))
}

/// How the commands of a dialog that hold this text are to be answered, without the tags.
fn answers<'a>(dialog: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
    let said = |line: &'a str, marks: &'static [&'static str]| {
        let (_, rest) = line.split_once(' ')?;
        marks.iter().find_map(|mark| rest.strip_prefix(mark))
    };
    let commands =
        dialog.lines().filter_map(move |line| said(line, &["C: ", "R: "])).flat_map(|line| line.split("\\r\\n"));
    let tags = commands.filter(move |command| command.contains(text)).filter_map(|command| command.split(' ').next());
    tags.flat_map(move |tag| {
        let tagged = dialog.lines().filter_map(move |line| said(line, &["S: "]));
        tagged.filter_map(move |line| line.strip_prefix(tag)?.strip_prefix(' '))
    })
}

#[test]
fn answers_are_those_to_the_command() {
    let dialog =
        "1 C: a IDLE\n1 S: + ...\n1 S: a OK ...\n2 R: b NOOP\\r\\nc MOVE 1 x\\r\\n\n2 S: b OK\n2 S: c BAD ...\n";
    let answered = |command| answers(dialog, command).collect::<Vec<_>>();
    assert_eq!(answered("IDLE"), ["OK ..."]);
    assert_eq!(answered("MOVE"), ["BAD ..."]);
    assert_eq!(answered("COPY"), [""; 0]);
    assert!(names("# RFC 2971, 5161", "ENABLE", "RFC 5161") && !names("# RFC 51610", "ENABLE", "RFC 5161 section 3"));
    assert!(names("# Outlook: XLIST", "XLIST", "Google, before RFC 6154") && !names("# RFC 6154", "XLIST", "Google"));
}

/// `OR` binds loosest, then `AND`, then parentheses, as in SPDX; `/` is the old way to write `OR`.
fn is_allowed(licence: &str, allowed: &[String]) -> bool {
    let licence = licence.trim();
    let split = |separator: &str| -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut depth = 0;
        for word in licence.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").split_whitespace() {
            depth += i32::from(word == "(") - i32::from(word == ")");
            if depth == 0 && word == separator {
                parts.push(String::new());
            } else {
                let last = parts.last_mut().unwrap();
                last.push_str(word);
                last.push(' ');
            }
        }
        parts
    };
    let either = split("OR");
    if either.len() > 1 {
        return either.iter().any(|part| is_allowed(part, allowed));
    }
    let all = split("AND");
    if all.len() > 1 {
        return all.iter().all(|part| is_allowed(part, allowed));
    }
    match licence.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => is_allowed(inner, allowed),
        None => allowed.iter().any(|name| name == licence),
    }
}

/// Names of all packages that `name` brings along outside its tests.
fn reached_from(house: &Metadata, name: &str) -> BTreeSet<String> {
    let nodes = &house.resolve.as_ref().unwrap().nodes;
    let mut waiting = vec![package(house, name).id.clone()];
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if seen.insert(id.clone()) {
            let node = nodes.iter().find(|node| node.id == id).unwrap();
            let kept = |kind: &DependencyKind| *kind == DependencyKind::Normal;
            let needed = node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|info| kept(&info.kind)));
            waiting.extend(needed.map(|dep| dep.pkg.clone()));
        }
    }
    seen.iter().map(|id| house[id].name.to_string()).collect()
}

fn package<'a>(house: &'a Metadata, name: &str) -> &'a Package {
    house.workspace_packages().into_iter().find(|package| package.name.as_str() == name).unwrap()
}

fn metadata() -> Metadata {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--filter-platform".to_owned(), platform, "--locked".to_owned()])
        .exec()
        .unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every client that is looked after has a dialog, and what is allowed for a client's sake names one of these.
#[test]
fn every_quirk_has_its_client_and_every_client_its_dialog() {
    let first = |path: PathBuf| std::fs::read_to_string(path).unwrap().lines().next().unwrap_or_default().to_owned();
    let titles: Vec<String> = files(&root().join("crates/imap/tests/dialogs"), "txt").into_iter().map(first).collect();
    for client in CLIENTS {
        let seen = |title: &String| title.starts_with("# Seen from ") && title.contains(client);
        assert!(titles.iter().any(seen), "no dialog was seen from {client}");
    }
    let sources = ["crates/imap/src", "crates/imap-proto/src"].map(|source| files(&root().join(source), "rs"));
    for source in sources.into_iter().flatten() {
        let text = std::fs::read_to_string(&source).unwrap();
        for seen in text.split("Seen from ").skip(1) {
            // What mailers write is in messages, and many do.
            let known = CLIENTS.iter().any(|client| seen.starts_with(client)) || seen.starts_with("many mailers");
            let client: String = seen.chars().take(40).collect();
            assert!(known, "{}: no dialog is of {client}...", source.display());
        }
    }
}

/// All files below a directory that end so.
fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found
}

/// Clients that are looked after, as dialogs call them.
const CLIENTS: &[&str] = &[
    "Thunderbird",
    "Apple Mail",
    "iPhone Mail",
    "Outlook 2016",
    "Outlook's synchronisation by Microsoft's servers",
    "K-9 Mail",
    "FairEmail",
    "mutt and neomutt",
    "mbsync",
    "offlineimap",
    "Evolution",
    "Gnus",
    "imapflow",
    "MailKit",
    "JavaMail",
    "Python's imaplib",
];

/// Capability, the file in `crates/imap/tests` that is about it, and what a client says there.
const DIALOGS: &[(&str, &str, &str)] = &[
    ("IMAP4rev1", "dialogs/select.txt", "SELECT "),
    ("STARTTLS", "network.rs", "a STARTTLS"),
    ("LOGINDISABLED", "dialogs/sign-in-clear.txt", "LOGIN anna"),
    ("AUTH=PLAIN", "dialogs/sign-in.txt", "AUTHENTICATE PLAIN"),
    ("AUTH=LOGIN", "dialogs/sign-in.txt", "AUTHENTICATE LOGIN"),
    ("AUTH=SCRAM-SHA-256", "../../../tests/scram.rs", "AUTHENTICATE SCRAM-SHA-256"),
    ("AUTH=OAUTHBEARER", "dialogs/sign-in-token.txt", "AUTHENTICATE OAUTHBEARER"),
    ("AUTH=XOAUTH2", "dialogs/sign-in-token.txt", "AUTHENTICATE XOAUTH2"),
    ("SASL-IR", "dialogs/sign-in.txt", "AUTHENTICATE PLAIN AGFubmEAc2UgY3JldA=="),
    ("LITERAL+", "dialogs/append.txt", "{10+}"),
    ("ID", "dialogs/about.txt", "ID ("),
    ("ENABLE", "dialogs/about.txt", "ENABLE "),
    ("IDLE", "dialogs/idle.txt", "IDLE"),
    ("NAMESPACE", "dialogs/about.txt", "NAMESPACE"),
    ("CHILDREN", "dialogs/list.txt", "LIST \"\" %"),
    ("LIST-EXTENDED", "dialogs/list-extended.txt", "LIST (SUBSCRIBED RECURSIVEMATCH)"),
    ("LIST-STATUS", "dialogs/list-extended.txt", "STATUS (MESSAGES"),
    ("SPECIAL-USE", "dialogs/list.txt", "LIST (SPECIAL-USE)"),
    ("CREATE-SPECIAL-USE", "dialogs/create-special-use.txt", "(USE ("),
    ("XLIST", "dialogs/client-outlook.txt", "XLIST "),
    ("UNSELECT", "dialogs/close.txt", "UNSELECT"),
    ("UIDPLUS", "dialogs/expunge.txt", "UID EXPUNGE "),
    ("MOVE", "dialogs/copy-move.txt", "UID MOVE "),
    ("ESEARCH", "dialogs/search-return.txt", "SEARCH RETURN (MIN"),
    ("SEARCHRES", "dialogs/search-saved.txt", "RETURN (SAVE)"),
    ("SORT", "dialogs/sort.txt", "SORT ("),
    ("SORT=DISPLAY", "dialogs/sort.txt", "DISPLAYFROM"),
    ("ESORT", "dialogs/sort-return.txt", "SORT RETURN ("),
    ("THREAD=ORDEREDSUBJECT", "dialogs/thread.txt", "THREAD ORDEREDSUBJECT"),
    ("THREAD=REFERENCES", "dialogs/thread.txt", "THREAD REFERENCES"),
    ("PARTIAL", "dialogs/search-partial.txt", "RETURN (PARTIAL "),
    ("MULTISEARCH", "dialogs/esearch.txt", "ESEARCH IN ("),
    ("INPROGRESS", "dialogs/patience.txt", "SEARCH ALL"),
    ("WITHIN", "dialogs/search-within.txt", "YOUNGER "),
    ("CONDSTORE", "dialogs/condstore.txt", "(CHANGEDSINCE "),
    ("QRESYNC", "dialogs/qresync.txt", "(QRESYNC ("),
    ("UIDONLY", "dialogs/uidonly.txt", "ENABLE UIDONLY"),
    ("STATUS=SIZE", "dialogs/status-size.txt", "(MESSAGES SIZE)"),
    ("OBJECTID", "dialogs/fetch-index.txt", "EMAILID THREADID"),
    ("COMPRESS=DEFLATE", "dialogs/compress.txt", "compress deflate"),
    ("UNAUTHENTICATE", "dialogs/unauthenticate.txt", "UNAUTHENTICATE"),
    ("QUOTA", "dialogs/quota.txt", "GETQUOTAROOT "),
    ("QUOTA=RES-STORAGE", "dialogs/quota.txt", "DELETED-STORAGE"),
    ("ACL", "dialogs/acl.txt", "GETACL "),
    ("RIGHTS=kxte", "dialogs/acl.txt", "SETACL INBOX ben@corp.example -e"),
    ("LIST-MYRIGHTS", "dialogs/acl.txt", "RETURN (MYRIGHTS)"),
    ("METADATA", "dialogs/metadata.txt", "SETMETADATA "),
    ("LIST-METADATA", "dialogs/metadata.txt", "RETURN (METADATA ("),
    ("NOTIFY", "dialogs/notify.txt", "NOTIFY SET "),
    ("IMAP4rev2", "dialogs/rev2.txt", "ENABLE IMAP4rev2"),
    ("UTF8=ACCEPT", "dialogs/utf8-accept.txt", "ENABLE UTF8=ACCEPT"),
    ("BINARY", "dialogs/binary.txt", "BINARY.PEEK["),
    ("MULTIAPPEND", "dialogs/multiappend.txt", "APPEND "),
    ("APPENDLIMIT", "dialogs/appendlimit.txt", "(APPENDLIMIT"),
    ("CATENATE", "dialogs/catenate.txt", "CATENATE ("),
    ("REPLACE", "dialogs/replace.txt", "REPLACE "),
    ("PREVIEW", "dialogs/preview.txt", "PREVIEW"),
    ("SAVEDATE", "dialogs/savedate.txt", "SAVEDATE"),
];
