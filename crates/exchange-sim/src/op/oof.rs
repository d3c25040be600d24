//! GetUserOofSettings and SetUserOofSettings: out of office replies. They are kept; nobody is sent one.

use super::{Call, Reply, Trouble, frame};
use crate::{
    property::write_stored,
    soap::{Element, Fault, Writer},
    time,
};

pub(super) fn get_user_oof_settings(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    Ok(frame::with_message("GetUserOofSettingsResponse", get(call, request)))
}

fn get(call: &Call<'_>, request: &Element) -> Reply {
    let mailbox = own(call, request)?;
    let settings = call.organisation.mailboxes[mailbox].oof.clone().unwrap_or_else(|| {
        let now = time::now();
        let day = |at| Element::new("", time::write(at)).text;
        Element::holding(
            "OofSettings",
            vec![
                Element::new("OofState", "Disabled"),
                Element::new("ExternalAudience", "All"),
                Element::holding(
                    "Duration",
                    vec![Element::new("StartTime", day(now)), Element::new("EndTime", day(now + 86_400))],
                ),
                Element::holding("InternalReply", vec![Element::new("Message", "")]),
                Element::holding("ExternalReply", vec![Element::new("Message", "")]),
            ],
        )
    });
    let mut w = Writer::new();
    write_stored(&mut w, &settings);
    w.text("m:AllowExternalOof", "All");
    Ok(w.finish())
}

pub(super) fn set_user_oof_settings(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    Ok(frame::with_message("SetUserOofSettingsResponse", set(call, request)))
}

fn set(call: &mut Call<'_>, request: &Element) -> Reply {
    let mailbox = own(call, request)?;
    let given = request.child("UserOofSettings").ok_or_else(Trouble::not_found)?;
    let mut settings = Element { name: "OofSettings".to_owned(), ..given.clone() };
    let scheduled = settings.child_text("OofState") == Some("Scheduled");
    let point = |name: &str| given.child("Duration").and_then(|span| span.child_text(name)).and_then(time::parse);
    if scheduled && point("StartTime").zip(point("EndTime")).is_none_or(|(start, end)| end <= start) {
        return Err(Trouble::new(
            "ErrorInvalidScheduledOofDuration",
            "The end of the out of office period must be after its start.",
        ));
    }
    for child in settings.children.iter_mut().filter(|child| child.name == "Duration") {
        for point in &mut child.children {
            point.text = time::parse(&point.text).map(time::write).unwrap_or_default();
        }
    }
    call.organisation.mailboxes[mailbox].oof = Some(settings);
    Ok(String::new())
}

/// One's own mailbox: these settings are nobody else's business.
fn own(call: &Call<'_>, request: &Element) -> Result<usize, Trouble> {
    let address = request.child("Mailbox").and_then(|mailbox| mailbox.child_text("Address")).unwrap_or_default();
    match call.organisation.find(address) {
        Some(mailbox) if mailbox == call.me => Ok(mailbox),
        Some(_) => Err(Trouble::new("ErrorAccessDenied", "Access is denied. Check credentials and try again.")),
        None => Err(Trouble::new("ErrorMailRecipientNotFound", "Mailbox was not found in Active Directory.")),
    }
}
