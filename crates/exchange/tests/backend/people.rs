//! Other people over a simulated Exchange: who they are, when they are busy, what they share and send.
use crate::lab::calendar::{Follower, event, if_none, name};
use crate::lab::{self, ANNA, BEN, Lab, PASSWORD, credentials};
use exchange_sim::Entry;
use mailbox::SignIn;
use mailbox::objects::{
    BusyKind, Calendaring, Collection, CollectionKind, Condition, ObjectKind, ObjectName, Objects, Owner, Range, Rights,
};

async fn account(directory: &exchange::Directory, user: &str) -> exchange::Account {
    directory.sign_in(&credentials(user, PASSWORD)).await.unwrap()
}

async fn find(account: &exchange::Account, is: impl Fn(&Collection) -> bool) -> Collection {
    let collections = account.collections().await.unwrap();
    collections.iter().find(|it| is(it)).unwrap_or_else(|| panic!("{collections:#?}")).clone()
}

async fn calendar(account: &exchange::Account) -> Follower {
    let own = find(account, |it| it.is_default && it.kind == CollectionKind::Calendar && it.owner == Owner::Me).await;
    let mut follower = Follower::new(account, own.id);
    follower.sync().await;
    follower
}

/// Ben lets Anna do so much in his calendar.
fn share(lab: &Lab, level: &str) {
    let request = format!(
        r#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
        xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
        xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header>
        <t:RequestServerVersion Version="Exchange2013"/></s:Header><s:Body><m:UpdateFolder><m:FolderChanges>
        <t:FolderChange><t:DistinguishedFolderId Id="calendar"/><t:Updates><t:SetFolderField>
        <t:FieldURI FieldURI="folder:PermissionSet"/><t:CalendarFolder><t:PermissionSet><t:CalendarPermissions>
        <t:CalendarPermission><t:UserId><t:PrimarySmtpAddress>{ANNA}</t:PrimarySmtpAddress></t:UserId>
        <t:CalendarPermissionLevel>{level}</t:CalendarPermissionLevel></t:CalendarPermission></t:CalendarPermissions>
        </t:PermissionSet></t:CalendarFolder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges>
        </m:UpdateFolder></s:Body></s:Envelope>"#
    );
    let exchange_sim::Answer::Document { body, .. } = lab.exchange.answer(BEN, request.as_bytes()) else { panic!() };
    let answer = String::from_utf8(body).unwrap();
    assert!(answer.contains("NoError"), "{answer}");
}

#[tokio::test]
async fn the_user_has_a_name_and_addresses() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let principal = gate.account.principal().await.unwrap();
    assert_eq!((principal.display_name.as_str(), principal.addresses[0].as_str()), ("Anna", ANNA));
    lab.reset().await;
    gate.account.principal().await.unwrap();
    drop(gate);
    let gate = lab.sign_in().await;
    gate.account.principal().await.unwrap();
    assert_eq!(lab.calls_of("ResolveNames").await, 0, "asked once a day");
}

#[tokio::test]
async fn the_user_has_a_quota() {
    let lab = Lab::new().await;
    lab.fill(3);
    lab.exchange.set_quota(100 << 20);
    let gate = lab.sign_in().await;
    let Some((used, Some(allowed))) = gate.account.principal().await.unwrap().quota else { panic!("no quota") };
    assert_eq!(allowed, 100 << 20);
    assert!((1..10_000).contains(&used), "{used}");
    assert_eq!(lab.calls_of("GetFolder").await, 1, "it comes with the sign-in");
}

#[tokio::test]
async fn people_are_found_and_their_cards_are_read() {
    let lab = Lab::new().await;
    lab.exchange
        .add_to_directory(Entry { phone: "+1 555; 1".to_owned(), ..Entry::person("clara@example.org", "Clara Oz") });
    let gate = lab.sign_in().await;
    let found = gate.account.find_people("clar", 10).await.unwrap();
    assert_eq!(found.iter().map(|person| person.address.as_str()).collect::<Vec<_>>(), ["clara@example.org"]);
    assert!(found[0].card.contains("FN:Clara Oz\r\n") && found[0].card.contains("+1 555\\; 1"), "{}", found[0].card);
    assert!(gate.account.find_people("nobody", 10).await.unwrap().is_empty());
    assert!(gate.account.find_people("", 10).await.unwrap().is_empty());
    let directory = find(&gate.account, |it| it.kind == CollectionKind::Directory).await;
    assert_eq!(directory.rights, Rights::READ);
    let card = name("clara@example.org.vcf");
    let objects = gate.account.objects(directory.id, &[card.clone(), name("x@y.vcf")]).await.unwrap();
    assert_eq!(objects[0].1.as_ref().unwrap().text, found[0].card);
    assert!(objects[1].1.is_err());
    assert!(gate.account.entry(directory.id, &card).await.unwrap().is_some());
    assert_eq!(gate.account.entries(directory.id, None).await.unwrap(), []);
    gate.account.sync_token(directory.id).await.unwrap();
    assert!(
        gate.account
            .put(
                directory.id,
                lab::calendar::new_object(
                    "a.vcf",
                    "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:a\r\nFN:A\r\nN:A;;;;\r\nEND:VCARD\r\n"
                ),
                Condition::default()
            )
            .await
            .is_err()
    );
}

#[tokio::test]
async fn busy_times_are_told_of_those_who_let_it_be_known() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    let ben = calendar(&account(&directory, BEN).await).await;
    ben.put("a.ics", &event("a@lab", "A", ""), if_none()).await.unwrap();
    ben.put("b.ics", &event("b@lab", "B", "TRANSP:TRANSPARENT"), if_none()).await.unwrap();
    let anna = account(&directory, ANNA).await;
    let at = |text: &str| text.parse().ok();
    let range = Range { start: at("2026-02-01T00:00:00Z"), end: at("2026-05-01T00:00:00Z") };
    let asked = [BEN.to_owned(), "nobody@example.org".to_owned(), ANNA.to_owned()];
    lab.reset().await;
    let told = anna.free_busy(&asked, range).await.unwrap();
    assert_eq!(lab.calls_of("GetUserAvailabilityRequest").await, 3, "89 days in windows of 42: {}", lab.stats().await);
    let busy = &told[0].as_ref().unwrap().busy;
    assert_eq!(busy.len(), 1, "{busy:?}");
    assert_eq!((busy[0].kind, Some(busy[0].start)), (BusyKind::Busy, at("2026-03-10T09:00:00Z")));
    assert_eq!(told[1], None);
    assert!(told[2].as_ref().unwrap().busy.is_empty());
}

#[tokio::test]
async fn a_shared_calendar_is_opened_read_and_written() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    let mut ben = calendar(&account(&directory, BEN).await).await;
    ben.put("a.ics", &event("a@lab", "Ben's", ""), if_none()).await.unwrap();
    let anna = account(&directory, ANNA).await;
    assert!(!anna.open_mailbox("nobody@example.org").await.unwrap());
    share(&lab, "Editor");
    assert!(anna.open_mailbox(BEN).await.unwrap());
    let theirs = find(&anna, |it| matches!(&it.owner, Owner::Other { address, .. } if address == BEN)).await;
    assert!(
        theirs.kind == CollectionKind::Calendar
            && theirs.is_default
            && theirs.rights.modify
            && !theirs.rights.administer
    );
    let mut shared = Follower::new(&anna, theirs.id);
    let delta = shared.sync().await;
    assert_eq!(delta.changed.len(), 1);
    assert!(shared.text("a.ics").await.contains("SUMMARY:Ben's"), "the name is the one Ben's client gave");
    shared.put("b.ics", &event("b@lab", "Anna's", ""), if_none()).await.unwrap();
    assert_eq!(lab.exchange.contents(BEN).unwrap()["Calendar"].as_array().unwrap().len(), 2);
    let told = ben.news().await;
    assert!(told.changed.iter().any(|entry| entry.name.0 == "b.ics"), "{told:?}");
    // Another life: what was opened once is listed, and what Ben did meanwhile is there.
    ben.put("a.ics", &event("a@lab", "Ben's own", ""), Condition::default()).await.unwrap();
    drop((anna, shared, directory));
    let directory = lab.directory();
    let anna = account(&directory, ANNA).await;
    let theirs = find(&anna, |it| matches!(&it.owner, Owner::Other { address, .. } if address == BEN)).await;
    let mut shared = Follower::new(&anna, theirs.id);
    shared.sync().await;
    assert!(shared.text("a.ics").await.contains("SUMMARY:Ben's own"));
    // One's own collections are one's own.
    assert!(!anna.open_mailbox(ANNA).await.unwrap());
    let mail = mailbox::Mail::folders(&anna).await.unwrap();
    assert!(mail.iter().all(|folder| folder.path.name() != "Calendar"));
}

#[tokio::test]
async fn invitations_wait_in_the_inbox() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    let ben = calendar(&account(&directory, BEN).await).await;
    let anna = account(&directory, ANNA).await;
    let inbox = find(&anna, |it| it.kind == CollectionKind::ScheduleInbox).await;
    let mut waiting = Follower::new(&anna, inbox.id);
    assert_eq!(waiting.sync().await.changed, []);
    lab.deliver("Subject: No invitation\r\n\r\n.\r\n");
    let people = "ORGANIZER:mailto:ben@example.org\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ben@example.org\n\
                  ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:anna@example.org";
    ben.put("m.ics", &event("m@lab", "Come", people), if_none()).await.unwrap();
    let delta = waiting.news().await;
    assert_eq!(delta.changed.len(), 1);
    assert_eq!(delta.changed[0].kind, ObjectKind::Message);
    let under: ObjectName = delta.changed[0].name.clone();
    let text = waiting.text(&under.0).await;
    for line in ["METHOD:REQUEST", "UID:m@lab", "SUMMARY:Come", "ORGANIZER"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    anna.remove(inbox.id, &under, Condition::default(), Calendaring::Server).await.unwrap();
    let delta = waiting.sync().await;
    assert_eq!((delta.changed.len(), delta.removed), (0, vec![under]));
    assert_eq!(anna.entries(inbox.id, None).await.unwrap(), []);
    // Anna's answer comes to Ben's inbox.
    let mut mine = calendar(&anna).await;
    mine.sync().await;
    let own = mine.here.keys().next().unwrap().clone();
    let text = mine.text(&own.0).await.replace("\r\n ", "");
    let line = text.lines().find(|line| line.starts_with("ATTENDEE") && line.contains("anna@")).unwrap().to_owned();
    let accepted = text.replace(&line, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.org");
    mine.put(&own.0, &accepted, Condition::default()).await.unwrap();
    let theirs = find(&ben.account, |it| it.kind == CollectionKind::ScheduleInbox).await;
    let mut waiting = Follower::new(&ben.account, theirs.id);
    let delta = waiting.news().await;
    let text = waiting.text(&delta.changed[0].name.0).await.replace("\r\n ", "");
    assert!(text.contains("METHOD:REPLY"), "{text}");
    let answers: Vec<_> = text.lines().filter(|line| line.starts_with("ATTENDEE")).collect();
    assert!(matches!(answers.as_slice(), [one] if one.contains("ACCEPTED") && one.contains("anna@")), "{text}");
}
