//! What every store must do, as tests any implementation can run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "tests")]

use std::future::Future;
use std::net::IpAddr;

use jiff::Timestamp;
use mailbox::{Protocol, Scope, Scopes};

use crate::{
    Account, AccountState, Administrator, Chain, Change, DeviceId, Fault, Happening, Hashed, NewDevice, Role, Sighting,
    Store, Verifier,
};

/// Where a store lies, so that it can be opened again and again.
pub trait Place {
    /// The store.
    type Store: Store;

    /// Opens what is there, as another process would.
    fn open(&self) -> impl Future<Output = Self::Store>;
}

/// All of them, each in a place of its own.
pub async fn all<P: Place>(place: impl Fn() -> P) {
    accounts_are_known_and_changed(&place()).await;
    a_batch_is_made_as_a_whole_or_not(&place()).await;
    devices_are_found_until_they_are_revoked(&place()).await;
    what_is_removed_is_gone(&place()).await;
    programs_are_seen(&place()).await;
    administrators_come_and_go(&place()).await;
    everything_is_written_down_in_a_chain(&place()).await;
    others_see_that_something_happened(&place()).await;
    two_at_once_make_one_chain(&place()).await;
}

/// Something of everything, and a device that was removed.
pub async fn fill(store: &impl Store) {
    let number = store.audit(0, 1000).await.unwrap().len();
    let (address, gone) = (format!("anna{number}@one.example"), "gone@one.example");
    let selector = |prefix: &str| format!("{prefix}{number:05}");
    let made = vec![
        know(&address, None),
        label(&address, "dept", Some("sales")),
        device(&address, &selector("aaa")),
        Change::Seen(sighting(&address, "Mail", 1000)),
        know(gone, None),
        device(gone, &selector("bbb")),
        Change::AddAdministrator(Administrator {
            name: format!("root{number}"),
            role: Role::Operator,
            selector: selector("ddd"),
            password: Hashed { salt: vec![1; 16], cost: (8, 1, 1), hash: vec![2; 32] },
            created: at(1000),
        }),
    ];
    let devices = store.commit("test", at(1000), made).await.unwrap().devices;
    let used = Change::Used { device: devices[0], from: [192, 0, 2, 7].into() };
    store.commit("test", at(2000), vec![used, Change::Remove { address: gone.to_owned() }]).await.unwrap();
    let again = vec![know(gone, None), device(gone, &selector("ccc"))];
    let last = store.commit("test", at(2000), again).await.unwrap().devices[0];
    assert!(last > devices[1], "no number is given again");
    store.commit("test", at(2000), vec![Change::Remove { address: gone.to_owned() }]).await.unwrap();
}

/// What is in the one is in the other.
pub async fn same(one: &impl Store, other: &impl Store) {
    assert_eq!(one.accounts().await.unwrap(), other.accounts().await.unwrap());
    assert_eq!(one.devices(None).await.unwrap(), other.devices(None).await.unwrap());
    assert_eq!(one.sightings(None).await.unwrap(), other.sightings(None).await.unwrap());
    assert_eq!(one.audit(0, 1000).await.unwrap(), other.audit(0, 1000).await.unwrap());
    assert_eq!(one.administrators().await.unwrap(), other.administrators().await.unwrap());
    assert_eq!(one.pepper().await.unwrap(), other.pepper().await.unwrap());
    for device in one.devices(None).await.unwrap() {
        let (one, other) = (one.kept(&device.selector).await.unwrap(), other.kept(&device.selector).await.unwrap());
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
}

async fn accounts_are_known_and_changed(place: &impl Place) {
    let store = place.open().await;
    assert_eq!(store.account("anna@one.example").await.unwrap(), None);
    store.commit("test", at(1000), vec![know("Anna@One.example", None)]).await.unwrap();
    // Known again by mailbox; nothing else changes.
    store.commit("test", at(2000), vec![know("anna@one.example", Some("anna"))]).await.unwrap();
    let changes = vec![
        Change::SetState { address: "anna@one.example".to_owned(), state: AccountState::Blocked },
        Change::SetScopes { address: "anna@one.example".to_owned(), scopes: Scopes::of(&[Scope::Mail]) },
        label("anna@one.example", "dept", Some("sales")),
        label("anna@one.example", "floor", Some("2")),
        label("anna@one.example", "floor", None),
    ];
    store.commit("test", at(3000), changes).await.unwrap();
    let wanted = Account {
        address: "anna@one.example".to_owned(),
        organisation: "main".to_owned(),
        mailbox: Some("anna".to_owned()),
        state: AccountState::Blocked,
        scopes: Scopes::of(&[Scope::Mail]),
        labels: [("dept".to_owned(), "sales".to_owned())].into(),
        created: at(1000),
    };
    let again = place.open().await;
    assert_eq!(again.account("ANNA@one.example").await.unwrap(), Some(wanted.clone()));
    assert_eq!(again.account_of("main", "anna").await.unwrap(), Some(wanted.clone()));
    assert_eq!(again.account_of("other", "anna").await.unwrap(), None);
    again.commit("test", at(3000), vec![know("bert@one.example", None)]).await.unwrap();
    let all = again.accounts().await.unwrap();
    assert_eq!((all.len(), &all[0]), (2, &wanted));
}

async fn a_batch_is_made_as_a_whole_or_not(place: &impl Place) {
    let store = place.open().await;
    store.commit("test", at(0), vec![know("anna@one.example", None)]).await.unwrap();
    let blocked = |address: &str| Change::SetState { address: address.to_owned(), state: AccountState::Blocked };
    let refused = store.commit("test", at(0), vec![blocked("anna@one.example"), blocked("carl@one.example")]).await;
    let Err(Fault::Refused(sentence)) = refused else { panic!("{refused:?}") };
    assert!(sentence.contains("carl@one.example"), "{sentence}");
    assert_eq!(store.account("anna@one.example").await.unwrap().unwrap().state, AccountState::Open);
    assert_eq!(store.audit(0, 10).await.unwrap().len(), 1);
    let many: Vec<Change> = (0..1000).map(|number| know(&format!("user{number}@one.example"), None)).collect();
    store.commit("test", at(0), many).await.unwrap();
    assert_eq!(store.accounts().await.unwrap().len(), 1001);
}

async fn devices_are_found_until_they_are_revoked(place: &impl Place) {
    let store = place.open().await;
    let nobodys = store.commit("test", at(0), vec![device("anna@one.example", "aaaaaaaa")]).await;
    assert!(matches!(nobodys, Err(Fault::Refused(_))), "{nobodys:?}");
    let made = store
        .commit("test", at(1000), vec![know("anna@one.example", None), device("anna@one.example", "aaaaaaaa")])
        .await
        .unwrap();
    let [id] = made.devices[..] else { panic!("{made:?}") };
    let kept = place.open().await.kept("aaaaaaaa").await.unwrap().unwrap();
    assert_eq!((kept.device.id, kept.account.address.as_str()), (id, "anna@one.example"));
    assert_eq!((kept.verifier, kept.login.as_str()), (verifier(), "ONE\\anna"));
    assert_eq!((kept.remembered, kept.top), (Some(vec![1, 2, 3]), Some("AAMk".to_owned())));
    let device = kept.device;
    assert_eq!(device.scopes, Scopes::of(&[Scope::Mail, Scope::Submit]));
    assert_eq!((device.read_only, device.expires, device.created), (true, Some(at(9000)), at(1000)));
    let networks: Vec<String> = device.networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["192.0.2.0/24", "2001:db8::/32"]);
    let from: IpAddr = [192, 0, 2, 7].into();
    store.commit("test", at(1060), vec![Change::Used { device: id, from }]).await.unwrap();
    assert_eq!(store.devices(Some("ANNA@one.example")).await.unwrap()[0].used, Some((at(1060), Some(from))));
    assert!(store.devices(Some("bert@one.example")).await.unwrap().is_empty());
    store.commit("test", at(2000), vec![Change::Revoke(id)]).await.unwrap();
    let kept = store.kept("aaaaaaaa").await.unwrap().unwrap();
    assert_eq!((kept.device.revoked, kept.remembered), (Some(at(2000)), None));
    let again = store.commit("test", at(3000), vec![Change::Revoke(id)]).await;
    assert!(matches!(again, Err(Fault::Refused(_))), "{again:?}");
    let none = store.commit("test", at(3000), vec![Change::Revoke(DeviceId(id.0 + 1))]).await;
    assert!(matches!(none, Err(Fault::Refused(_))), "{none:?}");
    assert!(store.kept("bbbbbbbb").await.unwrap().is_none());
}

async fn what_is_removed_is_gone(place: &impl Place) {
    let store = place.open().await;
    let changes = vec![
        know("anna@one.example", Some("anna")),
        label("anna@one.example", "dept", Some("sales")),
        device("anna@one.example", "aaaaaaaa"),
        Change::Seen(sighting("anna@one.example", "Mail", 1000)),
    ];
    let first = store.commit("test", at(1000), changes).await.unwrap().devices[0];
    store.commit("test", at(2000), vec![Change::Remove { address: "Anna@one.example".to_owned() }]).await.unwrap();
    assert!(store.account("anna@one.example").await.unwrap().is_none());
    assert!(store.kept("aaaaaaaa").await.unwrap().is_none() && store.devices(None).await.unwrap().is_empty());
    assert!(store.sightings(None).await.unwrap().is_empty());
    // Somebody of the same name begins anew, and no number is given twice.
    let changes = vec![know("anna@one.example", Some("anna")), device("anna@one.example", "cccccccc")];
    let second = store.commit("test", at(3000), changes).await.unwrap().devices[0];
    assert!(second > first && store.account("anna@one.example").await.unwrap().unwrap().labels.is_empty());
}

async fn programs_are_seen(place: &impl Place) {
    let store = place.open().await;
    let seen = |program: &str, at| Change::Seen(sighting("anna@one.example", program, at));
    store.commit("test", at(0), vec![seen("Ghost", 1), know("anna@one.example", None)]).await.unwrap();
    store.commit("test", at(0), vec![seen("Mail", 1000), seen("Phone", 2000), seen("Mail", 3000)]).await.unwrap();
    let all = place.open().await.sightings(Some("anna@one.example")).await.unwrap();
    let told: Vec<_> = all.iter().map(|one| (one.program.as_str(), one.seen)).collect();
    assert_eq!(told, [("Mail", (at(1000), at(3000))), ("Phone", (at(2000), at(2000)))]);
}

async fn administrators_come_and_go(place: &impl Place) {
    let store = place.open().await;
    let one = |name: &str, role| Administrator {
        name: name.to_owned(),
        role,
        selector: format!("{name}-sel"),
        password: Hashed { salt: vec![1; 16], cost: (8, 1, 1), hash: vec![2; 32] },
        created: at(1000),
    };
    let (root, zoe) = (one("root", Role::Admin), one("zoe", Role::Auditor));
    let changes = vec![Change::AddAdministrator(zoe.clone()), Change::AddAdministrator(root.clone())];
    store.commit("test", at(1000), changes).await.unwrap();
    assert_eq!(place.open().await.administrators().await.unwrap(), [root.clone(), zoe.clone()]);
    let again = store.commit("test", at(1000), vec![Change::AddAdministrator(one("zoe", Role::Admin))]).await;
    assert!(matches!(again, Err(Fault::Refused(_))), "{again:?}");
    let note = Happening { action: "session.end".to_owned(), subject: "anna".to_owned(), detail: "3".to_owned() };
    let changes = vec![Change::RemoveAdministrator { name: "zoe".to_owned() }, Change::Note(note.clone())];
    store.commit("root", at(2000), changes).await.unwrap();
    assert_eq!(store.administrators().await.unwrap(), [root]);
    let gone = store.commit("test", at(3000), vec![Change::RemoveAdministrator { name: "zoe".to_owned() }]).await;
    assert!(matches!(gone, Err(Fault::Refused(_))), "{gone:?}");
    let log = store.audit(0, 10).await.unwrap();
    let told: Vec<_> = log.iter().map(|entry| entry.happening.action.as_str()).collect();
    assert_eq!(told, ["admin.add", "admin.add", "admin.remove", "session.end"]);
    assert_eq!(log[3].happening, note);
}

async fn everything_is_written_down_in_a_chain(place: &impl Place) {
    let store = place.open().await;
    let changes = vec![know("anna@one.example", None), device("anna@one.example", "aaaaaaaa")];
    let id = store.commit("root", at(1000), changes).await.unwrap().devices[0];
    store.commit("root", at(1001), vec![Change::Used { device: id, from: [192, 0, 2, 7].into() }]).await.unwrap();
    store.commit("anna", at(2000), vec![Change::Revoke(id)]).await.unwrap();
    let [action, subject, detail] = ["rule.block", "anna@one.example", "imap"].map(str::to_owned);
    let note = Change::Note(Happening { action, subject, detail });
    store.commit("sign-in", at(3000), vec![note]).await.unwrap();
    let log = place.open().await.audit(0, 100).await.unwrap();
    let told: Vec<_> = log.iter().map(|entry| (entry.actor.as_str(), entry.happening.action.as_str())).collect();
    let wanted =
        [("root", "account.new"), ("root", "device.add"), ("anna", "device.revoke"), ("sign-in", "rule.block")];
    assert_eq!(told, wanted);
    assert_eq!(Chain::EMPTY.follow(&log).unwrap().length, 4);
    assert_eq!(store.audit(1, 1).await.unwrap(), log[1..2]);
}

async fn others_see_that_something_happened(place: &impl Place) {
    let (one, other) = (place.open().await, place.open().await);
    let before = other.generation().await.unwrap();
    assert_eq!(other.generation().await.unwrap(), before);
    one.commit("test", at(0), vec![know("anna@one.example", None)]).await.unwrap();
    let after = other.generation().await.unwrap();
    assert_ne!(after, before);
    other.commit("test", at(0), vec![know("bert@one.example", None)]).await.unwrap();
    assert_ne!(other.generation().await.unwrap(), after, "one's own commits count, too");
    assert_eq!(one.pepper().await.unwrap(), other.pepper().await.unwrap());
}

async fn two_at_once_make_one_chain(place: &impl Place) {
    let (one, other) = (place.open().await, place.open().await);
    tokio::join!(know_many(&one, "one"), know_many(&other, "other"));
    let log = one.audit(0, 100).await.unwrap();
    assert_eq!(Chain::EMPTY.follow(&log).unwrap().length, 40);
}

async fn know_many(store: &impl Store, name: &str) {
    for number in 0..20 {
        let change = know(&format!("{name}{number}@one.example"), None);
        store.commit(name, at(number), vec![change]).await.unwrap();
    }
}

fn know(address: &str, mailbox: Option<&str>) -> Change {
    Change::Know {
        address: address.to_owned(),
        organisation: "main".to_owned(),
        mailbox: mailbox.map(str::to_owned),
        state: AccountState::Open,
    }
}

fn label(address: &str, name: &str, value: Option<&str>) -> Change {
    Change::Label { address: address.to_owned(), name: name.to_owned(), value: value.map(str::to_owned) }
}

fn device(address: &str, selector: &str) -> Change {
    Change::AddDevice(Box::new(NewDevice {
        address: address.to_owned(),
        name: "Phone".to_owned(),
        selector: selector.to_owned(),
        verifier: verifier(),
        login: "ONE\\anna".to_owned(),
        remembered: Some(vec![1, 2, 3]),
        top: Some("AAMk".to_owned()),
        scopes: Scopes::of(&[Scope::Mail, Scope::Submit]),
        read_only: true,
        networks: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        expires: Some(at(9000)),
    }))
}

fn verifier() -> Verifier {
    Verifier {
        salt: vec![1; 16],
        cost: (8, 1, 1),
        hash: vec![2; 32],
        scram_salt: vec![3; 16],
        iterations: 4096,
        stored_key: [4; 32],
        server_key: [5; 32],
    }
}

fn sighting(address: &str, program: &str, seconds: i64) -> Sighting {
    Sighting {
        address: address.to_owned(),
        device: None,
        protocol: Protocol::Imap,
        program: program.to_owned(),
        from: [192, 0, 2, 7].into(),
        seen: (at(seconds), at(seconds)),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}
