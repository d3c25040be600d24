use super::{ExtendedField, Version};
use crate::soap::Xml;

/// A property Exchange has a name for (EWS "FieldURI").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Such as `item:Subject`.
    pub uri: &'static str,
    /// The first version whose schema has it; for older servers it is left out of requests.
    pub since: Version,
}

macro_rules! fields {
    ($($name:ident $uri:literal $since:ident,)*) => {
        impl Field {
            $(#[doc = concat!("`", $uri, "`")]
            pub const $name: Field = Field { uri: $uri, since: Version::$since };)*
        }
    };
}

fields! {
    FOLDER_ID "folder:FolderId" Exchange2007,
    FOLDER_PARENT "folder:ParentFolderId" Exchange2007,
    FOLDER_NAME "folder:DisplayName" Exchange2007,
    FOLDER_UNREAD "folder:UnreadCount" Exchange2007,
    FOLDER_TOTAL "folder:TotalCount" Exchange2007,
    FOLDER_CHILDREN "folder:ChildFolderCount" Exchange2007,
    FOLDER_CLASS "folder:FolderClass" Exchange2007,
    FOLDER_RIGHTS "folder:EffectiveRights" Exchange2007Sp1,
    FOLDER_DISTINGUISHED "folder:DistinguishedFolderId" Exchange2013,
    ID "item:ItemId" Exchange2007,
    PARENT "item:ParentFolderId" Exchange2007,
    CLASS "item:ItemClass" Exchange2007,
    SUBJECT "item:Subject" Exchange2007,
    SENSITIVITY "item:Sensitivity" Exchange2007,
    RECEIVED "item:DateTimeReceived" Exchange2007,
    SIZE "item:Size" Exchange2007,
    CATEGORIES "item:Categories" Exchange2007,
    HAS_ATTACHMENTS "item:HasAttachments" Exchange2007,
    ATTACHMENTS "item:Attachments" Exchange2007,
    IMPORTANCE "item:Importance" Exchange2007,
    IN_REPLY_TO "item:InReplyTo" Exchange2007,
    HEADERS "item:InternetMessageHeaders" Exchange2007,
    IS_DRAFT "item:IsDraft" Exchange2007,
    IS_FROM_ME "item:IsFromMe" Exchange2007,
    IS_SUBMITTED "item:IsSubmitted" Exchange2007,
    IS_UNMODIFIED "item:IsUnmodified" Exchange2007,
    SENT "item:DateTimeSent" Exchange2007,
    CREATED "item:DateTimeCreated" Exchange2007,
    BODY "item:Body" Exchange2007,
    DISPLAY_CC "item:DisplayCc" Exchange2007,
    DISPLAY_TO "item:DisplayTo" Exchange2007,
    LAST_MODIFIED "item:LastModifiedTime" Exchange2007Sp1,
    CONVERSATION_ID "item:ConversationId" Exchange2010,
    IS_ASSOCIATED "item:IsAssociated" Exchange2010,
    FLAG "item:Flag" Exchange2013,
    MIME_CONTENT "item:MimeContent" Exchange2007,
    CONVERSATION_INDEX "message:ConversationIndex" Exchange2007,
    CONVERSATION_TOPIC "message:ConversationTopic" Exchange2007,
    MESSAGE_ID "message:InternetMessageId" Exchange2007,
    IS_READ "message:IsRead" Exchange2007,
    REFERENCES "message:References" Exchange2007,
    REPLY_TO "message:ReplyTo" Exchange2007,
    FROM "message:From" Exchange2007,
    SENDER "message:Sender" Exchange2007,
    TO "message:ToRecipients" Exchange2007,
    CC "message:CcRecipients" Exchange2007,
    BCC "message:BccRecipients" Exchange2007,
}

/// A property in a request, by whatever way it is addressed (EWS "Path").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// By its EWS name.
    Field(Field),
    /// By its MAPI address.
    Extended(ExtendedField),
    /// One header of the message, `item:InternetMessageHeader`.
    Header(String),
}

impl Path {
    pub(crate) fn since(&self) -> Version {
        match self {
            Path::Field(field) => field.since,
            Path::Extended(_) | Path::Header(_) => Version::Exchange2007,
        }
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        match self {
            Path::Field(field) => xml.empty("t:FieldURI", &[("FieldURI", field.uri)]),
            Path::Extended(field) => field.write(xml),
            Path::Header(name) => {
                xml.empty("t:IndexedFieldURI", &[("FieldURI", "item:InternetMessageHeader"), ("FieldIndex", name)])
            }
        }
    }
}

impl From<Field> for Path {
    fn from(field: Field) -> Path {
        Path::Field(field)
    }
}

impl From<ExtendedField> for Path {
    fn from(field: ExtendedField) -> Path {
        Path::Extended(field)
    }
}
