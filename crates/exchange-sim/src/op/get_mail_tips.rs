//! GetMailTips: what a sender should know of his recipients before he sends: who is away or has no room, who takes mail from
//! few only, how many read a list, how large a message may be, and who does not exist.

use super::{Call, frame};
use crate::{
    property::write_stored,
    soap::{Element, Fault, Writer},
    time,
};

pub(super) fn get_mail_tips(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let mut w = Writer::new();
    w.open("m:ResponseMessages", &[]);
    for recipient in request.list("Recipients") {
        w.open("m:MailTipsResponseMessageType", &[("ResponseClass", "Success")]);
        frame::outcome(&mut w, None);
        write(&mut w, call, recipient, request.child_text("MailTipsRequested").unwrap_or_default());
        w.close("m:MailTipsResponseMessageType");
    }
    w.close("m:ResponseMessages");
    Ok(frame::alone("GetMailTipsResponse", "", Ok(w.finish())))
}

fn write(w: &mut Writer, call: &Call<'_>, recipient: &Element, wanted: &str) {
    let address = recipient.child_text("EmailAddress").unwrap_or_default();
    let wants = |tip: &str| wanted.split_ascii_whitespace().any(|asked| asked == "All" || asked == tip);
    let organisation = &*call.organisation;
    let entry = organisation.directory.known_as(address);
    let mailbox = organisation.resolve(address).map(|mailbox| &organisation.mailboxes[mailbox]);
    w.open("m:MailTips", &[]);
    w.open("t:RecipientAddress", &[]);
    w.text("t:Name", entry.map_or("", |entry| &entry.name));
    if !address.is_empty() {
        w.text("t:EmailAddress", address);
    }
    w.text("t:RoutingType", "SMTP");
    w.close("t:RecipientAddress");
    w.text("t:PendingMailTips", "");
    if wants("OutOfOfficeMessage") {
        let settings = mailbox.and_then(|mailbox| mailbox.oof.as_ref());
        out_of_office(w, settings.filter(|settings| is_away(settings)));
    }
    if wants("MailboxFullStatus") {
        w.flag("t:MailboxFull", mailbox.is_some_and(|mailbox| mailbox.is_full_for(1)));
    }
    let members = entry.filter(|entry| entry.is_list()).map_or(1, |list| organisation.directory.members(list).count());
    if wants("TotalMemberCount") {
        w.number("t:TotalMemberCount", members);
    }
    if wants("ExternalMemberCount") {
        w.number("t:ExternalMemberCount", usize::from(entry.is_none()));
    }
    if wants("MaxMessageSize") {
        let limits = &organisation.post.limits;
        let most = [limits.max_message, limits.max_receive].into_iter().flatten().min().unwrap_or(10_485_760);
        w.number("t:MaxMessageSize", usize::try_from(most).unwrap_or(usize::MAX));
    }
    if wants("DeliveryRestriction") {
        let me = &organisation.mailboxes[call.me].address;
        let known = entry.map_or(address, |entry| &entry.address);
        w.flag("t:DeliveryRestricted", organisation.post.refuses(known, me));
    }
    if wants("ModerationStatus") {
        w.flag("t:IsModerated", false);
    }
    if wants("InvalidRecipient") {
        // Nobody of that name in a domain of this organisation.
        let here = |known: &str| known.rsplit('@').next() == address.rsplit('@').next();
        let ours = organisation.mailboxes.iter().any(|mailbox| here(&mailbox.address));
        w.flag("t:InvalidRecipient", !address.contains('@') || (ours && entry.is_none()));
    }
    w.close("m:MailTips");
}

fn out_of_office(w: &mut Writer, settings: Option<&Element>) {
    let message =
        settings.and_then(|settings| settings.child("InternalReply")).and_then(|reply| reply.child_text("Message"));
    w.open("t:OutOfOffice", &[]);
    w.open("t:ReplyBody", &[]);
    w.text("t:Message", message.unwrap_or_default());
    w.close("t:ReplyBody");
    let scheduled = settings.filter(|settings| settings.child_text("OofState") == Some("Scheduled"));
    if let Some(duration) = scheduled.and_then(|settings| settings.child("Duration")) {
        write_stored(w, duration);
    }
    w.close("t:OutOfOffice");
}

fn is_away(settings: &Element) -> bool {
    let point = |name: &str| settings.child("Duration").and_then(|span| span.child_text(name)).and_then(time::parse);
    match settings.child_text("OofState") {
        Some("Enabled") => true,
        Some("Scheduled") => {
            let now = time::now();
            point("StartTime").zip(point("EndTime")).is_some_and(|(start, end)| (start..end).contains(&now))
        }
        _ => false,
    }
}
