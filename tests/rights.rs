//! What IMAP tells of a mailbox beside its mail: rights, quotas, and the gateway's own notes.

use std::time::Duration;

use exgate_tests::{Answer, Gateway, Imap, Options, Site, Status, USER, eventually, letter};

const BOB: &str = "bob@demo.test";
const SECRET: &str = "se-cret";

/// What one user gives by SETACL, Exchange gives to the other.
#[tokio::test]
async fn rights_given_are_rights_held() {
    let simulator = Options::preset("empty").with("--user", &format!("{BOB}:{SECRET}")).start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut owner = gateway.login().await;
    simulator.deliver("INBOX", &letter("1")).await;
    assert_eq!(acl(&mut owner).await, [(USER.to_owned(), "lrswikctedxa".to_owned())]);
    let theirs = format!("\"Other Users/{USER}/INBOX\"");

    owner.ok(&format!("SETACL INBOX {BOB} lr")).await;
    assert!(acl(&mut owner).await.contains(&(BOB.to_owned(), "lr".to_owned())));
    let mut bob = login(&gateway).await;
    assert_eq!(rights(&mut bob, &theirs).await, "lr");
    assert!(bob.ok(&format!("SELECT {theirs}")).await.text.contains("[READ-ONLY]"));
    let refused = bob.command(&format!("GETACL {theirs}")).await;
    assert!(is_no(&refused, "[NOPERM]"), "{}", refused.text);
    let refused = bob.command(&format!("SETACL {theirs} {BOB} lrswi")).await;
    assert!(is_no(&refused, "[NOPERM]"), "{}", refused.text);

    owner.ok(&format!("SETACL INBOX {BOB} +swite")).await;
    assert!(acl(&mut owner).await.contains(&(BOB.to_owned(), "lrswited".to_owned())));
    eventually("what was given arrives", Duration::from_secs(60), || async {
        let mut bob = login(&gateway).await;
        // Who looks into the mailbox is told what they may do there; the list of all mailboxes asks nothing.
        bob.ok(&format!("LIST \"\" \"Other Users/{USER}/*\"")).await;
        (rights(&mut bob, &theirs).await == "lrswited").then_some(())
    })
    .await;
    let mut bob = login(&gateway).await;
    bob.append(&theirs, "", &letter("2")).await;

    // Who is not known to Exchange is given nothing, and the list stays as it was.
    let before = acl(&mut owner).await;
    let refused = owner.command("SETACL INBOX nobody@demo.test lr").await;
    assert!(refused.status == Status::No, "{}", refused.text);
    assert_eq!(acl(&mut owner).await, before);

    owner.ok(&format!("DELETEACL INBOX {BOB}")).await;
    assert!(!acl(&mut owner).await.iter().any(|(who, _)| who == BOB));
    eventually("the door is shut", Duration::from_secs(60), || async {
        let mut bob = login(&gateway).await;
        is_no(&bob.command(&format!("SELECT {theirs}")).await, "[NOPERM]").then_some(())
    })
    .await;
}

/// What one may do costs no call, and who else may do what one in some minutes.
#[tokio::test]
async fn rights_cost_what_they_must() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("LIST \"\" *").await;
    simulator.settle().await;
    for (command, most) in [
        ("MYRIGHTS INBOX", 0),
        ("LIST \"\" * RETURN (MYRIGHTS)", 0),
        ("GETACL INBOX", 1),
        ("GETACL INBOX", 0),
        ("GETQUOTAROOT INBOX", 0),
    ] {
        simulator.reset().await;
        imap.ok(command).await;
        let calls = simulator.stats().await.except(&["GetStreamingEvents", "Subscribe"]);
        assert!(calls <= most, "{command} took {calls} calls");
    }
}

/// How full the mailbox is comes with the sign-in.
#[tokio::test]
async fn the_quota_is_exchanges() {
    let simulator = Options::preset("empty").with("--quota", "100").start().await;
    simulator.deliver("INBOX", &letter("1")).await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let told = imap.ok("GETQUOTAROOT INBOX").await.lines().join("\n");
    assert!(
        told.contains("QUOTAROOT INBOX \"\"") && told.contains("QUOTA \"\" (STORAGE ") && told.contains(" 102400)"),
        "{told}"
    );
    assert_eq!(imap.ok("GETQUOTAROOT \"Other Users/bob@demo.test/INBOX\"").await.lines().len(), 1);
}

/// Notes outlive the gateway, follow a folder that is renamed by somebody else, and go with it.
#[tokio::test]
async fn notes_stay_with_their_folder() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("CREATE Noted").await;
    imap.ok("SETMETADATA Noted (/private/comment \"mine\")").await;
    imap.ok("SETMETADATA \"\" (/private/vendor/tests/x \"of all\")").await;
    gateway.kill().await;

    let other = Site::new(&simulator);
    other.start().await.login().await.ok("RENAME Noted Elsewhere").await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    eventually("the new name", Duration::from_secs(30), || async {
        let mut imap = gateway.login().await;
        (imap.ok("LIST \"\" Elsewhere").await.lines().len() == 1).then_some(())
    })
    .await;
    let told = imap.ok("GETMETADATA Elsewhere /private/comment").await.lines().join("\n");
    assert!(told.contains("\"mine\""), "{told}");
    let told = imap.ok("GETMETADATA \"\" /private/vendor/tests/x").await.lines().join("\n");
    assert!(told.contains("\"of all\""), "{told}");
    imap.ok("DELETE Elsewhere").await;
    imap.ok("CREATE Elsewhere").await;
    let told = imap.ok("GETMETADATA Elsewhere /private/comment").await.lines().join("\n");
    assert!(told.contains("NIL"), "{told}");
}

/// A folder made for archiving is one after a restart too, until it is thrown away.
#[tokio::test]
async fn a_folder_can_be_made_for_archiving() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let uses = async |imap: &mut Imap| imap.ok("LIST (SPECIAL-USE) \"\" *").await.lines().join("\n");
    assert!(!uses(&mut imap).await.contains("\\Archive"));
    imap.ok("CREATE \"Old mail\" (USE (\\Archive))").await;
    assert!(uses(&mut imap).await.contains("\\Archive) \"/\" \"Old mail\""));
    let refused = imap.command("CREATE More (USE (\\Archive))").await;
    assert!(is_no(&refused, "[USEATTR]"), "{}", refused.text);
    gateway.kill().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    assert!(uses(&mut imap).await.contains("\\Archive) \"/\" \"Old mail\""));
    imap.append("\"Old mail\"", "", &letter("1")).await;
    imap.ok("DELETE \"Old mail\"").await;
    assert!(!uses(&mut imap).await.contains("\\Archive"));
}

async fn login(gateway: &Gateway) -> Imap {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {BOB} {SECRET}")).await;
    imap
}

/// Who may do what in the inbox.
async fn acl(imap: &mut Imap) -> Vec<(String, String)> {
    let line = imap.ok("GETACL INBOX").await.lines().into_iter().find(|line| line.contains("ACL INBOX")).unwrap();
    let words: Vec<String> = line.split(' ').skip_while(|word| *word != "INBOX").skip(1).map(str::to_owned).collect();
    words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

async fn rights(imap: &mut Imap, mailbox: &str) -> String {
    let line = imap.ok(&format!("MYRIGHTS {mailbox}")).await.lines().join("");
    line.rsplit(' ').next().unwrap().to_owned()
}

fn is_no(answer: &Answer, code: &str) -> bool {
    answer.status == Status::No && answer.text.starts_with(code)
}
