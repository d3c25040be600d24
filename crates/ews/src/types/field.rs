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
    PREVIEW "item:Preview" Exchange2013,
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
    REMINDER_DUE_BY "item:ReminderDueBy" Exchange2007,
    REMINDER_IS_SET "item:ReminderIsSet" Exchange2007,
    REMINDER_MINUTES "item:ReminderMinutesBeforeStart" Exchange2007,
    CULTURE "item:Culture" Exchange2007,
    EFFECTIVE_RIGHTS "item:EffectiveRights" Exchange2007,
    LAST_MODIFIED_NAME "item:LastModifiedName" Exchange2007Sp1,
    TEXT_BODY "item:TextBody" Exchange2013,
    FOLDER_PERMISSIONS "folder:PermissionSet" Exchange2007Sp1,
    FOLDER_SHARING_RIGHTS "folder:SharingEffectiveRights" Exchange2010,
    UID "calendar:UID" Exchange2007,
    RECURRENCE_ID "calendar:RecurrenceId" Exchange2007Sp1,
    STAMP "calendar:DateTimeStamp" Exchange2007Sp1,
    START "calendar:Start" Exchange2007,
    END "calendar:End" Exchange2007,
    ORIGINAL_START "calendar:OriginalStart" Exchange2007,
    IS_ALL_DAY "calendar:IsAllDayEvent" Exchange2007,
    FREE_BUSY "calendar:LegacyFreeBusyStatus" Exchange2007,
    LOCATION "calendar:Location" Exchange2007,
    ENHANCED_LOCATION "calendar:EnhancedLocation" Exchange2013,
    WHEN "calendar:When" Exchange2007,
    IS_MEETING "calendar:IsMeeting" Exchange2007,
    IS_CANCELLED "calendar:IsCancelled" Exchange2007,
    IS_RECURRING "calendar:IsRecurring" Exchange2007,
    IS_ORGANIZER "calendar:IsOrganizer" Exchange2013,
    MEETING_REQUEST_WAS_SENT "calendar:MeetingRequestWasSent" Exchange2007,
    IS_RESPONSE_REQUESTED "calendar:IsResponseRequested" Exchange2007,
    CALENDAR_ITEM_TYPE "calendar:CalendarItemType" Exchange2007,
    MY_RESPONSE "calendar:MyResponseType" Exchange2007,
    ORGANIZER "calendar:Organizer" Exchange2007,
    REQUIRED_ATTENDEES "calendar:RequiredAttendees" Exchange2007,
    OPTIONAL_ATTENDEES "calendar:OptionalAttendees" Exchange2007,
    RESOURCES "calendar:Resources" Exchange2007,
    DURATION "calendar:Duration" Exchange2007,
    TIME_ZONE "calendar:TimeZone" Exchange2007,
    REPLY_TIME "calendar:AppointmentReplyTime" Exchange2007,
    SEQUENCE "calendar:AppointmentSequenceNumber" Exchange2007,
    APPOINTMENT_STATE "calendar:AppointmentState" Exchange2007,
    RECURRENCE "calendar:Recurrence" Exchange2007,
    FIRST_OCCURRENCE "calendar:FirstOccurrence" Exchange2007,
    LAST_OCCURRENCE "calendar:LastOccurrence" Exchange2007,
    MODIFIED_OCCURRENCES "calendar:ModifiedOccurrences" Exchange2007,
    DELETED_OCCURRENCES "calendar:DeletedOccurrences" Exchange2007,
    MEETING_TIME_ZONE "calendar:MeetingTimeZone" Exchange2007,
    START_TIME_ZONE "calendar:StartTimeZone" Exchange2010,
    END_TIME_ZONE "calendar:EndTimeZone" Exchange2010,
    START_WALL_CLOCK "calendar:StartWallClock" Exchange2013,
    END_WALL_CLOCK "calendar:EndWallClock" Exchange2013,
    START_TIME_ZONE_ID "calendar:StartTimeZoneId" Exchange2013,
    END_TIME_ZONE_ID "calendar:EndTimeZoneId" Exchange2013,
    CONFERENCE_TYPE "calendar:ConferenceType" Exchange2007,
    ALLOW_NEW_TIME "calendar:AllowNewTimeProposal" Exchange2007,
    IS_ONLINE_MEETING "calendar:IsOnlineMeeting" Exchange2007,
    WORKSPACE_URL "calendar:MeetingWorkspaceUrl" Exchange2007,
    NET_SHOW_URL "calendar:NetShowUrl" Exchange2007,
    JOIN_URL "calendar:JoinOnlineMeetingUrl" Exchange2013,
    ASSOCIATED_CALENDAR_ITEM "meeting:AssociatedCalendarItemId" Exchange2007,
    IS_DELEGATED "meeting:IsDelegated" Exchange2007,
    IS_OUT_OF_DATE "meeting:IsOutOfDate" Exchange2007,
    HAS_BEEN_PROCESSED "meeting:HasBeenProcessed" Exchange2007,
    RESPONSE_TYPE "meeting:ResponseType" Exchange2007,
    PROPOSED_START "meeting:ProposedStart" Exchange2013,
    PROPOSED_END "meeting:ProposedEnd" Exchange2013,
    MEETING_REQUEST_TYPE "meetingRequest:MeetingRequestType" Exchange2007,
    INTENDED_FREE_BUSY "meetingRequest:IntendedFreeBusyStatus" Exchange2007,
    TASK_ACTUAL_WORK "task:ActualWork" Exchange2007,
    TASK_ASSIGNED "task:AssignedTime" Exchange2007,
    TASK_BILLING "task:BillingInformation" Exchange2007,
    TASK_CHANGE_COUNT "task:ChangeCount" Exchange2007,
    TASK_COMPANIES "task:Companies" Exchange2007,
    TASK_COMPLETED "task:CompleteDate" Exchange2007,
    TASK_CONTACTS "task:Contacts" Exchange2007,
    TASK_DELEGATION "task:DelegationState" Exchange2007,
    TASK_DELEGATOR "task:Delegator" Exchange2007,
    TASK_DUE "task:DueDate" Exchange2007,
    TASK_IS_COMPLETE "task:IsComplete" Exchange2007,
    TASK_IS_RECURRING "task:IsRecurring" Exchange2007,
    TASK_IS_TEAM "task:IsTeamTask" Exchange2007,
    TASK_MILEAGE "task:Mileage" Exchange2007,
    TASK_OWNER "task:Owner" Exchange2007,
    TASK_PERCENT "task:PercentComplete" Exchange2007,
    TASK_RECURRENCE "task:Recurrence" Exchange2007,
    TASK_START "task:StartDate" Exchange2007,
    TASK_STATUS "task:Status" Exchange2007,
    TASK_STATUS_DESCRIPTION "task:StatusDescription" Exchange2007,
    TASK_TOTAL_WORK "task:TotalWork" Exchange2007,
    FILE_AS "contacts:FileAs" Exchange2007,
    FILE_AS_MAPPING "contacts:FileAsMapping" Exchange2007,
    DISPLAY_NAME "contacts:DisplayName" Exchange2007,
    GIVEN_NAME "contacts:GivenName" Exchange2007,
    INITIALS "contacts:Initials" Exchange2007,
    MIDDLE_NAME "contacts:MiddleName" Exchange2007,
    NICKNAME "contacts:Nickname" Exchange2007,
    COMPLETE_NAME "contacts:CompleteName" Exchange2007,
    COMPANY_NAME "contacts:CompanyName" Exchange2007,
    EMAIL_ADDRESSES "contacts:EmailAddresses" Exchange2007,
    PHYSICAL_ADDRESSES "contacts:PhysicalAddresses" Exchange2007,
    PHONE_NUMBERS "contacts:PhoneNumbers" Exchange2007,
    ASSISTANT_NAME "contacts:AssistantName" Exchange2007,
    BIRTHDAY "contacts:Birthday" Exchange2007,
    BUSINESS_HOME_PAGE "contacts:BusinessHomePage" Exchange2007,
    CHILDREN "contacts:Children" Exchange2007,
    COMPANIES "contacts:Companies" Exchange2007,
    CONTACT_SOURCE "contacts:ContactSource" Exchange2007,
    DEPARTMENT "contacts:Department" Exchange2007,
    GENERATION "contacts:Generation" Exchange2007,
    IM_ADDRESSES "contacts:ImAddresses" Exchange2007,
    JOB_TITLE "contacts:JobTitle" Exchange2007,
    MANAGER "contacts:Manager" Exchange2007,
    MILEAGE "contacts:Mileage" Exchange2007,
    OFFICE "contacts:OfficeLocation" Exchange2007,
    POSTAL_INDEX "contacts:PostalAddressIndex" Exchange2007,
    PROFESSION "contacts:Profession" Exchange2007,
    SPOUSE "contacts:SpouseName" Exchange2007,
    SURNAME "contacts:Surname" Exchange2007,
    ANNIVERSARY "contacts:WeddingAnniversary" Exchange2007,
    HAS_PICTURE "contacts:HasPicture" Exchange2010,
    PHONETIC_FULL_NAME "contacts:PhoneticFullName" Exchange2010Sp2,
    PHONETIC_FIRST_NAME "contacts:PhoneticFirstName" Exchange2010Sp2,
    PHONETIC_LAST_NAME "contacts:PhoneticLastName" Exchange2010Sp2,
    ALIAS "contacts:Alias" Exchange2010Sp2,
    NOTES "contacts:Notes" Exchange2010Sp2,
    PHOTO "contacts:Photo" Exchange2010Sp2,
    SMIME_CERTIFICATES "contacts:UserSMIMECertificate" Exchange2010Sp2,
    EXCHANGE_CERTIFICATES "contacts:MSExchangeCertificate" Exchange2010Sp2,
    DIRECTORY_ID "contacts:DirectoryId" Exchange2010Sp2,
    MANAGER_MAILBOX "contacts:ManagerMailbox" Exchange2010Sp2,
    DIRECT_REPORTS "contacts:DirectReports" Exchange2010Sp2,
    MEMBERS "distributionlist:Members" Exchange2010,
    PERSONA_DISPLAY_NAME "persona:DisplayName" Exchange2013,
    PERSONA_EMAILS "persona:EmailAddresses" Exchange2013,
    PERSONA_GIVEN_NAME "persona:GivenName" Exchange2013,
    PERSONA_SURNAME "persona:Surname" Exchange2013,
    PERSONA_TITLE "persona:Title" Exchange2013,
    PERSONA_COMPANY "persona:CompanyName" Exchange2013,
    PERSONA_BUSINESS_PHONES "persona:BusinessPhoneNumbers" Exchange2013,
    PERSONA_MOBILE_PHONES "persona:MobilePhones" Exchange2013,
    PERSONA_OFFICES "persona:OfficeLocations" Exchange2013,
    PERSONA_BUSINESS_ADDRESSES "persona:BusinessAddresses" Exchange2013,
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
    /// One entry of a dictionary: its URI and its key.
    Indexed(&'static str, &'static str),
}

impl Path {
    pub(crate) fn since(&self) -> Version {
        match self {
            Path::Field(field) => field.since,
            Path::Extended(_) | Path::Header(_) | Path::Indexed(..) => Version::Exchange2007,
        }
    }

    pub(crate) fn write(&self, xml: &mut Xml) {
        match self {
            Path::Field(field) => xml.empty("t:FieldURI", &[("FieldURI", field.uri)]),
            Path::Extended(field) => field.write(xml),
            Path::Header(name) => {
                xml.empty("t:IndexedFieldURI", &[("FieldURI", "item:InternetMessageHeader"), ("FieldIndex", name)])
            }
            Path::Indexed(uri, key) => xml.empty("t:IndexedFieldURI", &[("FieldURI", uri), ("FieldIndex", key)]),
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
