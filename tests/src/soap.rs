//! EWS spoken by hand: changes that somebody makes in Outlook while the gateway looks on.

use crate::gateway::{PASSWORD, USER};
use crate::simulator::Simulator;
use crate::xml::Node;

impl Simulator {
    /// One EWS request of [`crate::USER`]: what stands in the SOAP body. Answers the response document.
    ///
    /// # Panics
    /// If it fails.
    pub async fn soap(&self, version: &str, body: &str) -> Node {
        self.soap_of(USER, PASSWORD, version, body).await
    }

    /// The same of somebody else.
    ///
    /// # Panics
    /// If it fails.
    pub async fn soap_of(&self, user: &str, password: &str, version: &str, body: &str) -> Node {
        let envelope = format!(
            r#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header><t:RequestServerVersion Version="{version}"/></s:Header><s:Body>{body}</s:Body></s:Envelope>"#
        );
        let text = self.ews_request(user, password, envelope).await;
        assert!(!text.contains("ResponseClass=\"Error\""), "{text}");
        Node::parse(&text)
    }

    /// ItemId, as an element, of the item of that subject in a distinguished folder.
    ///
    /// # Panics
    /// If there is none.
    pub async fn item_id(&self, folder: &str, subject: &str) -> String {
        let body = format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned="2" Offset="0" BasePoint="Beginning"/><m:Restriction><t:IsEqualTo><t:FieldURI FieldURI="item:Subject"/><t:FieldURIOrConstant><t:Constant Value="{subject}"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds><t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindItem>"#
        );
        let answer = self.soap("Exchange2010_SP2", &body).await;
        let id = answer.find("ItemId").unwrap_or_else(|| panic!("no {subject} in {folder}"));
        let attribute = |name: &str| id.attribute(name).unwrap_or_default().to_owned();
        format!(r#"<t:ItemId Id="{}" ChangeKey="{}"/>"#, attribute("Id"), attribute("ChangeKey"))
    }

    /// Sets one field of an item, as somebody in Outlook would, without telling anybody by mail.
    pub async fn edit(&self, item_id: &str, kind: &str, field: &str, value: &str) {
        let body = format!(
            r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly" SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange>{item_id}<t:Updates><t:SetItemField><t:FieldURI FieldURI="{field}"/><t:{kind}>{value}</t:{kind}></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        );
        self.soap("Exchange2010_SP2", &body).await;
    }

    /// Somebody gives [`USER`] a level of permission on a folder of theirs, such as `Reviewer`; `None` takes it away.
    pub async fn share(&self, owner: &str, password: &str, folder: &str, level: &str) {
        let body = format!(
            r#"<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:DistinguishedFolderId Id="{folder}"/><t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:PermissionSet"/><t:Folder><t:PermissionSet><t:Permissions><t:Permission><t:UserId><t:PrimarySmtpAddress>{USER}</t:PrimarySmtpAddress></t:UserId><t:PermissionLevel>{level}</t:PermissionLevel></t:Permission></t:Permissions></t:PermissionSet></t:Folder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"#
        );
        self.soap_of(owner, password, "Exchange2010_SP2", &body).await;
    }

    /// Occurrence `index`, from 1, of a recurring master.
    #[must_use]
    pub fn occurrence(master: &str, index: u32) -> String {
        let id = master.replace("<t:ItemId Id=", "").replace("/>", "");
        let id = id.split('"').nth(1).unwrap_or_default();
        format!(r#"<t:OccurrenceItemId RecurringMasterId="{id}" InstanceIndex="{index}"/>"#)
    }
}

/// An iCalendar object of one event.
#[must_use]
pub fn event(uid: &str, lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("{}\r\n", line.trim())).collect();
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Tests//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20260301T000000Z\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}
