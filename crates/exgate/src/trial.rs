//! Trying a mailbox through the same seam its owner's clients use: does mail come in, does it go out, do calendars and address
//! books open?

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use accounts::Account as Known;
use admin::{Outcome, Step, StepState};
use exchange::{Account, Directory, MailboxState};
use jiff::{SignedDuration, Timestamp};
use mailbox::objects::{CollectionKind, Objects, Range};
use mailbox::submit::{Address, Body, Envelope, Header, Recipient, Session, Submission, SubmissionId, Submit};
use mailbox::{
    Content, FlagChange, FlagOperation, Flags, FolderId, FolderPath, Mail, ModSeq, SpecialUse, SystemFlags, Uid,
};
use tokio::time::timeout;
use uuid::Uuid;

/// What a part of the trial comes to: a sentence either way.
type Told = Result<String, String>;

/// Tries it. A mailbox that the gateway cannot open alone is tried only while its owner is in.
pub(crate) async fn run(directory: &Directory, known: &Known, outgoing: bool) -> Outcome {
    let account = match open(directory, known).await {
        Ok(account) => account,
        Err(outcome) => return *outcome,
    };
    let address = known.address.as_str();
    let calendar = step(calendar(&account, address)).await;
    let contacts = step(collection(&account, CollectionKind::Contacts)).await;
    let incoming = step(incoming(directory, &account, known)).await;
    let outgoing = match outgoing {
        true => step(outgoing_to_self(&account, address)).await,
        false => Step::new(StepState::Skipped, "only if asked for"),
    };
    Outcome { incoming, outgoing, calendar, contacts }
}

async fn open(directory: &Directory, known: &Known) -> Result<Account, Box<Outcome>> {
    enter(directory, known).await.map_err(|closed| match closed {
        Closed::Skipped(why) => Box::new(Outcome::skipped(why)),
        Closed::Failed(told) => {
            let incoming = Step::new(StepState::Failed, told);
            Box::new(Outcome { incoming, ..Outcome::skipped("the mailbox is not open") })
        }
    })
}

/// Why a mailbox does not open.
pub(crate) enum Closed {
    /// The gateway cannot even try.
    Skipped(&'static str),
    /// Exchange does not let it.
    Failed(String),
}

/// Opens a mailbox for its owner, if the gateway can do so alone; else only while somebody is in.
pub(crate) async fn enter(directory: &Directory, known: &Known) -> Result<Account, Closed> {
    let person =
        directory.person(&known.address).ok_or(Closed::Skipped("no Exchange server is set up for this address"))?;
    if directory.opens_alone(&person) {
        return match timeout(PATIENCE, directory.sign_in_known(&known.address, None)).await {
            Ok(entered) => entered.map_err(|error| Closed::Failed(error.to_string())),
            Err(_) => Err(Closed::Failed(LATE.to_owned())),
        };
    }
    let present = match &known.mailbox {
        Some(mailbox) => directory.present(&known.organisation, mailbox).await,
        None => None,
    };
    present
        .ok_or(Closed::Skipped("it opens with its owner's password only, and nobody is in; try it while somebody is"))
}

async fn step(work: impl Future<Output = Told>) -> Step {
    match timeout(PATIENCE, Box::pin(work)).await {
        Ok(Ok(told)) => Step::new(StepState::Ok, told),
        Ok(Err(told)) => Step::new(StepState::Failed, told),
        Err(_) => Step::new(StepState::Failed, LATE),
    }
}

/// Whether Exchange answers shows in what was tried before: the index would answer without it.
async fn incoming(directory: &Directory, account: &Account, known: &Known) -> Told {
    let inbox = folder(account, |path, _| path.is_inbox()).await?;
    let status = account.status(inbox).await.map_err(said)?;
    let mailboxes = directory.mailboxes().await;
    let state = mailboxes
        .iter()
        .find(|one| one.organisation == known.organisation && one.mailbox == account.mailbox())
        .map(|one| one.state);
    match state {
        Some(MailboxState::Away) => Err("Exchange does not answer".to_owned()),
        Some(MailboxState::Refused) => Err("Exchange takes the password no more".to_owned()),
        _ => Ok(format!("{} messages, {} unread", status.messages, status.unseen)),
    }
}

async fn calendar(account: &Account, address: &str) -> Told {
    let told = collection(account, CollectionKind::Calendar).await?;
    let now = Timestamp::now();
    let until = now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now);
    let busy = account.free_busy(&[address.to_owned()], Range { start: Some(now), end: Some(until) }).await;
    match busy.map_err(said)?.into_iter().next().flatten() {
        Some(busy) => Ok(format!("{told}, {} busy times in the next day", busy.busy.len())),
        None => Err(format!("{told}, but Exchange does not tell when its owner is busy")),
    }
}

async fn collection(account: &Account, kind: CollectionKind) -> Told {
    let all = account.collections().await.map_err(said)?;
    let own = all.iter().find(|one| one.kind == kind && one.is_default).ok_or("there is none")?;
    let entries = account.entries(own.id, None).await.map_err(said)?;
    Ok(format!("{} has {} entries", own.display_name, entries.len()))
}

/// Sends a message to its sender, waits for it, and deletes it again, where it came and where a copy was kept.
async fn outgoing_to_self(account: &Account, address: &str) -> Told {
    let (local, domain) = address.rsplit_once('@').ok_or("no mail address is known")?;
    let to = Address::new(local, domain).ok_or("no mail address is known")?;
    let id = Uuid::new_v4();
    let name = format!("{}.trial@{domain}", id.simple());
    let inbox = folder(account, |path, _| path.is_inbox()).await?;
    let sent = folder(account, |_, role| role == Some(SpecialUse::Sent)).await.ok();
    let before =
        |folder| async move { Ok::<ModSeq, String>(account.status(folder).await.map_err(said)?.state.highest_modseq) };
    let inbox_before = before(inbox).await?;
    let sent_before = match sent {
        Some(sent) => Some((sent, before(sent).await?)),
        None => None,
    };
    let began = Instant::now();
    account.submit(submission(id, address, to, &name)?).await.map_err(|refused| said(refused.error))?;
    take_away(account, inbox, inbox_before, &name).await?;
    let took = began.elapsed().as_millis();
    if let Some((sent, since)) = sent_before {
        // No copy may be kept at all.
        let _ = timeout(COPY, take_away(account, sent, since, &name)).await;
    }
    Ok(format!("a message to itself came after {took} ms, and is deleted"))
}

fn submission(id: Uuid, address: &str, to: Address, name: &str) -> Result<Submission, String> {
    let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000");
    let text = format!(
        "From: <{address}>\r\nTo: <{address}>\r\nSubject: Exgate trial\r\nDate: {date}\r\nMessage-ID: <{name}>\r\n\
         Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n\
         This message tries whether mail goes out and comes in. It is deleted by itself.\r\n"
    );
    let message = Content::memory(text.into_bytes());
    let header = Header::read(&message).map_err(|error| error.to_string())?;
    let header = header.map_err(|_| "no message can be written for this address".to_owned())?;
    let recipient = Recipient { address: to.clone(), notify: None, original: None };
    Ok(Submission {
        id: SubmissionId(id.as_u128()),
        envelope: Envelope {
            sender: Some(to),
            recipients: vec![recipient],
            body: Body::SevenBit,
            smtp_utf8: false,
            returned: None,
            envelope_id: None,
        },
        message,
        header,
        session: Session {
            user: address.to_owned(),
            client: "trial".to_owned(),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: true,
        },
        arrived: Instant::now(),
    })
}

/// Waits for the message of that name in a folder, and deletes it.
async fn take_away(account: &Account, folder: FolderId, since: ModSeq, name: &str) -> Result<(), String> {
    let mut watch = account.watch(folder);
    loop {
        let delta = account.delta(folder, since).await.map_err(said)?;
        let uids: Vec<Uid> = delta.changed.iter().map(|entry| entry.uid).collect();
        for (uid, header) in account.headers(folder, &uids).await.map_err(said)? {
            let is_it = header.is_ok_and(|header| header.windows(name.len()).any(|window| window == name.as_bytes()));
            if is_it {
                let flags = Flags::system(SystemFlags::DELETED.with(SystemFlags::SEEN));
                let change = FlagChange { operation: FlagOperation::Add, flags };
                account.store(folder, &[uid], &change, None).await.map_err(said)?;
                account.expunge(folder, Some(&[uid])).await.map_err(said)?;
                return Ok(());
            }
        }
        watch.changed().await;
    }
}

async fn folder(
    account: &Account,
    is_it: impl Fn(&FolderPath, Option<SpecialUse>) -> bool,
) -> Result<FolderId, String> {
    let all = account.folders().await.map_err(said)?;
    let found = all.iter().find(|folder| is_it(&folder.path, folder.special_use)).map(|folder| folder.id);
    found.ok_or_else(|| "the folder is not there".to_owned())
}

fn said(error: mailbox::Error) -> String {
    error.to_string()
}

/// For each part.
const PATIENCE: Duration = Duration::from_secs(60);
/// For the copy in Sent Items.
const COPY: Duration = Duration::from_secs(15);
const LATE: &str = "there was no answer within a minute";
