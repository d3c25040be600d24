//! Within the mailbox: everything the gateway will do there.

use std::time::Duration;

use ews::op::calendar_view::CalendarView;
use ews::op::create_item::{CreateItem, Disposition, NewMessage};
use ews::op::delete_item::{DeleteItem, TaskOccurrences};
use ews::op::find_folder::{FindFolder, Traversal};
use ews::op::get_folder::GetFolder;
use ews::op::get_user_availability::{GetUserAvailability, View};
use ews::op::subscribe::{Delivery, EventType, Subscribe};
use ews::op::{DeleteType, Invitations};
use ews::{
    Address, BaseShape, Cause, Client, DistinguishedFolder, ErrorKind, ExtendedProtection, Folder, FolderRef,
    FolderShape, Identity, Impersonation, ItemRef, ItemShape, Page, Probe, Scheme, StreamingEvent,
};
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use super::report::{Report, Step};
use super::{Scene, Trouble, impatient};

/// Signs in and tries everything.
pub(super) async fn check(
    scene: &Scene,
    client: &Client,
    identity: &Identity,
    url: &str,
    send: bool,
    report: &mut Report,
) {
    let client = impatient(client);
    let who = match identity {
        Identity::Password { user, .. } => user.as_str(),
        _ => "the holder of the token",
    };
    let served = scene.organisation.service.is_some();
    let mut unregistered = false;
    let signed_in = async {
        let folder = top(&client).await;
        match folder {
            // A service account needs no mailbox of its own.
            Err(error) if served && error.kind != ErrorKind::SignIn && error.code.is_some() => {}
            Err(error) => {
                unregistered = error.cause == Some(Cause::Administrator);
                return Err(Trouble::of(&error));
            }
            Ok(_) => {}
        }
        Ok(((), format!("{who} is signed in")))
    };
    if report.step(Step::SignIn, signed_in).await.is_none() {
        if let Some(steps) = scene.registration(url).filter(|_| unregistered) {
            report.registration(steps);
        }
        report.skip_rest("nobody is signed in");
        return;
    }
    extended_protection(scene, identity, url, report).await;
    report.step(Step::Version, async { version(&client) }).await;
    let Some(address) = scene.person.as_ref().map(|person| person.address.clone().unwrap_or(person.name.clone()))
    else {
        report.skip_rest("it is looked at for an address; give one");
        return;
    };
    let client = match &scene.organisation.service {
        None => {
            report.skipped(Step::Impersonation, "mode = \"per-user\"");
            client
        }
        Some(service) => {
            let acting = client.impersonating(Impersonation::PrimarySmtpAddress(address.clone())).with_anchor(&address);
            let acted = async {
                let acted = top(&acting).await;
                acted.map_err(|error| Trouble::of(&exchange::explain_service(&service.user, &address, error)))?;
                Ok(((), format!("{} may act for {address}", service.user)))
            };
            if report.step(Step::Impersonation, acted).await.is_none() {
                report.skip_rest("the mailbox is not open");
                return;
            }
            acting
        }
    };
    if report.step(Step::Mailbox, mailbox(&client)).await.is_none() {
        report.skip_rest("the mailbox is not open");
        return;
    }
    report.step(Step::Folders, folders(&client)).await;
    report.step(Step::Push, push(&client)).await;
    report.step(Step::Calendar, calendar(&client)).await;
    report.step(Step::Contacts, contacts(&client)).await;
    report.step(Step::FreeBusy, free_busy(&client, &address)).await;
    match send {
        true => drop(report.step(Step::Send, send_to_self(&client, &address)).await),
        false => report.skipped(Step::Send, "only with --send"),
    }
    report.step(Step::Throttling, throttling(&client)).await;
}

async fn top(client: &Client) -> Result<Folder, ews::Error> {
    folder(client, DistinguishedFolder::Top).await
}

async fn folder(client: &Client, role: DistinguishedFolder) -> Result<Folder, ews::Error> {
    let shape = FolderShape { base: BaseShape::Default, ..FolderShape::default() };
    let mut answers = client.call(&GetFolder { folders: vec![role.into()], shape }).await?;
    match answers.pop() {
        Some(answer) => Ok(answer?),
        None => Err(ews::Error::told(ErrorKind::Protocol, "Exchange answered nothing about the folder")),
    }
}

async fn extended_protection(scene: &Scene, identity: &Identity, url: &str, report: &mut Report) {
    let step = Step::ExtendedProtection;
    let Identity::Password { user, password, schemes } = identity else {
        return report.skipped(step, "tokens are not bound to connections");
    };
    let trust = &scene.organisation.trust;
    let Ok(probe) = Probe::new(url, trust, scene.egress.clone(), LIMIT) else { return };
    let Ok(offers) = probe.ask().await else { return report.skipped(step, "the server did not answer again") };
    let scheme = schemes.choose(offers.schemes.iter().map(String::as_str));
    match scheme {
        Some(scheme @ (Scheme::Ntlm | Scheme::Negotiate)) if probe.is_secure() => {
            let verdict = async {
                let told = match probe.extended_protection(scheme, user, password).await? {
                    ExtendedProtection::Required => "required, and met",
                    ExtendedProtection::NotRequired => {
                        "not required; a sign-in that is bound to its connection is taken too"
                    }
                };
                Ok(((), told.to_owned()))
            };
            report.step(step, verdict).await;
        }
        Some(Scheme::Ntlm | Scheme::Negotiate) => report.skipped(step, "there is no TLS to be bound to"),
        _ => report.skipped(step, "only NTLM and Negotiate can be bound to a connection"),
    }
}

fn version(client: &Client) -> Result<((), String), Trouble> {
    match (client.server_build(), client.server_version()) {
        (Some(build), Some(version)) => Ok(((), format!("build {build}, asked in {}", version.as_str()))),
        _ => Ok(((), "the server does not tell it".to_owned())),
    }
}

async fn mailbox(client: &Client) -> Result<((), String), Trouble> {
    let inbox = folder(client, DistinguishedFolder::Inbox).await?;
    let name = inbox.name.unwrap_or_default();
    let count = |count: Option<u32>| count.map_or("?".to_owned(), |count| count.to_string());
    Ok(((), format!("open; {name} has {} messages, {} unread", count(inbox.total), count(inbox.unread))))
}

async fn folders(client: &Client) -> Result<((), String), Trouble> {
    let ask = FindFolder {
        parent: DistinguishedFolder::Top.into(),
        traversal: Traversal::Deep,
        shape: FolderShape::default(),
        restriction: None,
        page: Some(Page { offset: 0, max: 1 }),
    };
    let page = client.call(&ask).await?;
    Ok(((), format!("{} folders", page.total.unwrap_or_default())))
}

/// Makes a draft and waits to be told of it.
async fn push(client: &Client) -> Result<((), String), Trouble> {
    let events = vec![EventType::Created, EventType::Modified];
    let subscribe = Subscribe { folders: None, events, delivery: Delivery::Streaming };
    let subscription = client.call(&subscribe).await.map_err(|error| match error.kind {
        ErrorKind::Unsupported => Trouble::new(
            format!("Exchange cannot tell of changes: {}", error.message),
            "update Exchange to 2010 SP1 or newer; until then folders are looked at every sync.poll_min",
        ),
        _ => Trouble::of(&error),
    })?;
    let mut stream = client.stream(&[subscription.id], 1).await?;
    let drafts = DistinguishedFolder::Drafts;
    let id = client.call(&new_message(drafts.into(), Disposition::SaveOnly, Vec::new())).await?;
    let began = std::time::Instant::now();
    let told = timeout(EVENT, async {
        loop {
            match stream.next().await? {
                StreamingEvent::Events(_) => return Ok::<bool, ews::Error>(true),
                StreamingEvent::Closed => return Ok(false),
                StreamingEvent::Refused { error, .. } => return Err(error),
                _ => {}
            }
        }
    })
    .await;
    let took = began.elapsed().as_millis();
    if let Some(id) = id {
        remove(client, id).await?;
    }
    match told {
        Ok(Ok(true)) => Ok(((), format!("a new draft was told of after {took} ms"))),
        Ok(Err(error)) => Err(Trouble::of(&error)),
        Ok(Ok(false)) | Err(_) => Err(Trouble::new(
            format!("Exchange told nothing of a new draft within {} s", EVENT.as_secs()),
            "see whether something in between holds answers back (buffering in a reverse proxy); until then changes are found by looking",
        )),
    }
}

fn new_message(folder: FolderRef, disposition: Disposition, to: Vec<Address>) -> CreateItem {
    CreateItem {
        disposition,
        folder: Some(folder),
        message: NewMessage { subject: Some("Exgate check".to_owned()), to, ..NewMessage::default() },
    }
}

async fn remove(client: &Client, id: ews::ItemId) -> Result<(), Trouble> {
    let delete = DeleteItem {
        items: vec![ItemRef::Id(id)],
        how: DeleteType::HardDelete,
        cancellations: Invitations::Nobody,
        tasks: TaskOccurrences::All,
    };
    client.call(&delete).await?;
    Ok(())
}

async fn calendar(client: &Client) -> Result<((), String), Trouble> {
    let now = Timestamp::now();
    let ask = CalendarView {
        folder: DistinguishedFolder::Calendar.into(),
        shape: ItemShape::default(),
        start: now,
        end: now.checked_add(SignedDuration::from_hours(24 * 30)).unwrap_or(now),
        max: Some(500),
    };
    let events = client.call(&ask).await?;
    Ok(((), format!("{} events in the next 30 days", events.items.len())))
}

async fn contacts(client: &Client) -> Result<((), String), Trouble> {
    let contacts = folder(client, DistinguishedFolder::Contacts).await?;
    Ok(((), format!("{} contacts", contacts.total.unwrap_or_default())))
}

async fn free_busy(client: &Client, address: &str) -> Result<((), String), Trouble> {
    let now = Timestamp::now();
    let ask = GetUserAvailability {
        mailboxes: vec![address.to_owned()],
        start: now,
        end: now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now),
        view: View::FreeBusy,
        interval: 60,
    };
    match client.call(&ask).await?.pop() {
        Some(Ok(told)) => Ok(((), format!("{} busy times in the next day", told.events.len()))),
        Some(Err(error)) => Err(error.into()),
        None => Err(Trouble::new("Exchange told nothing", "see the availability service's event log")),
    }
}

async fn send_to_self(client: &Client, address: &str) -> Result<((), String), Trouble> {
    let to = Address { address: Some(address.to_owned()), ..Address::default() };
    client.call(&new_message(DistinguishedFolder::SentItems.into(), Disposition::SendAndSaveCopy, vec![to])).await?;
    Ok(((), format!("a message \u{201c}Exgate check\u{201d} is on its way to {address}")))
}

async fn throttling(client: &Client) -> Result<((), String), Trouble> {
    // As many at once as a mailbox in use needs.
    let (one, two, three, four) = tokio::join!(top(client), top(client), top(client), top(client));
    for answer in [one, two, three, four] {
        answer?;
    }
    Ok(((), "none seen, with 4 calls at once".to_owned()))
}

/// Each look at the network takes no longer.
const LIMIT: Duration = Duration::from_secs(8);
/// News are told within this time, or not at all.
const EVENT: Duration = Duration::from_secs(20);
