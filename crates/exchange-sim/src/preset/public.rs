//! A few public folders: one that everybody writes to, a nested one whose items lie in another mailbox, and one that only
//! its owner sees.

use jiff::Timestamp;

use crate::{Exchange, Original, Received};

use super::demo::request::{ask, create, own};

/// Adds public folders, owned by somebody with a mailbox, whose domain they take.
///
/// # Errors
/// What the organisation refused.
pub fn public_folders(exchange: &Exchange, owner: &str, routed: bool) -> Result<(), String> {
    let domain = owner.rsplit('@').next().unwrap_or(owner);
    exchange.add_public_folders(domain, owner);
    for folder in ["Announcements", "Projects/Alpha", "Board"] {
        exchange.create_folder("public", folder, "IPF.Note")?;
    }
    exchange.create_folder("public", "Phone List", "IPF.Contact")?;
    exchange.place_public_folder("Projects/Alpha", 1)?;
    exchange.permit("public", "Board", "default", "None")?;
    for (folder, subject, id) in [
        ("Announcements", "The canteen is closed on Friday", "canteen"),
        ("Announcements", "New parking rules", "parking"),
        ("Projects/Alpha", "Minutes of the first meeting", "minutes"),
        ("Board", "Budget", "budget"),
    ] {
        let message = format!(
            "From: {owner}\r\nTo: everybody@{domain}\r\nSubject: {subject}\r\nMessage-ID: <{id}@{domain}>\r\n\
             Date: Mon, 02 Mar 2026 09:00:00 +0000\r\n\r\n{subject}.\r\n"
        );
        let received = Received::at(Timestamp::from_second(SENT).map_err(|error| error.to_string())?);
        exchange.import("public", folder, Original::Bytes(message.into_bytes().into()), received)?;
    }
    post(exchange, owner)?;
    exchange.route_public_folders(routed);
    Ok(())
}

/// A post is made as a client makes it: mail that is imported is no post.
fn post(exchange: &Exchange, owner: &str) -> Result<(), String> {
    let find = format!(
        "<m:FindFolder Traversal=\"Shallow\"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>\
         <m:ParentFolderIds>{}</m:ParentFolderIds></m:FindFolder>",
        own("publicfoldersroot")
    );
    let found = ask(exchange, owner, &find)?;
    // The id stands before the name.
    let folder = found.split("<t:FolderId Id=\"").find(|part| part.contains(">Announcements<"));
    let id = folder.and_then(|part| part.split('"').next()).ok_or("no folder Announcements")?;
    let post = "<t:PostItem><t:Subject>Who has found my umbrella?</t:Subject><t:Body BodyType=\"Text\">It is green.</t:Body>\
                </t:PostItem>";
    let folder = format!("<t:FolderId Id=\"{id}\"/>");
    create(exchange, owner, &folder, "MessageDisposition=\"SaveOnly\"", post).map(|_| ())
}

/// 2026-03-02 09:00 UTC
const SENT: i64 = 1_772_442_000;
