//! The documents a server sends when it does not want to work.

use crate::Version;

/// SOAP fault ErrorServerBusy as Exchange Online was recorded to send it, with HTTP status 500.
pub(in crate::http) fn busy(back_off: u64) -> String {
    format!(
        concat!(
            r#"<?xml version="1.0" encoding="utf-8"?>"#,
            r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>"#,
            r#"<faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:ErrorServerBusy</faultcode>"#,
            r#"<faultstring xml:lang="en-US">{text}</faultstring><detail>"#,
            r#"<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">ErrorServerBusy</e:ResponseCode>"#,
            r#"<e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">{text}</e:Message>"#,
            r#"<t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">"#,
            r#"<t:Value Name="BackOffMilliseconds">{back_off}</t:Value></t:MessageXml>"#,
            r#"</detail></s:Fault></s:Body></s:Envelope>"#
        ),
        text = BUSY,
        back_off = back_off
    )
}

/// SOAP fault ErrorExceededConnectionCount, with HTTP status 500: its values are as recorded.
pub(in crate::http) fn exceeded(policy: &str, limit: u64) -> String {
    let error = format!(
        "This operation exceeds the throttling budget for policy part '{policy}', policy value '{limit}',  \
         Budget type: 'Ews'.  Suggested backoff time 0 ms."
    );
    format!(
        concat!(
            r#"<?xml version="1.0" encoding="utf-8"?>"#,
            r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>"#,
            r#"<faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:{code}</faultcode>"#,
            r#"<faultstring xml:lang="en-US">{text}</faultstring><detail>"#,
            r#"<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">{code}</e:ResponseCode>"#,
            r#"<e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">{text}</e:Message>"#,
            r#"<t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">"#,
            r#"<t:Value Name="Policy">{policy}</t:Value><t:Value Name="MaxConcurrencyLimit">{limit}</t:Value>"#,
            r#"<t:Value Name="ErrorMessage">{error}</t:Value></t:MessageXml>"#,
            r#"</detail></s:Fault></s:Body></s:Envelope>"#
        ),
        code = "ErrorExceededConnectionCount",
        text = "You have exceeded the available concurrent connections for your account. Try again once your other \
                requests have completed.",
        policy = policy,
        limit = limit,
        error = error,
    )
}

/// A throttled SyncFolderItems answer as Exchange Online was recorded to send it: who reads only SyncState and
/// IncludesLastItemInRange forgets the folder.
pub(in crate::http) fn busy_sync(version: Version, operation: &str, limit: u64, back_off: u64) -> String {
    let text = format!(
        "{BUSY}, This operation exceeds the throttling budget for policy part 'ConcurrentSyncCalls', policy value '{limit}',  \
         Budget type: 'Ews'.  Suggested backoff time {back_off} ms."
    );
    let rest = format!(
        r#"<m:MessageXml><t:Value Name="BackOffMilliseconds">{back_off}</t:Value></m:MessageXml>{}"#,
        no_state(operation)
    );
    response(version, operation, &text, "ErrorServerBusy", &rest)
}

/// A throttled answer that looks like another trouble at first (D/ews-throttling): what it is stands in MessageXml.
pub(in crate::http) fn busy_inside(version: Version, operation: &str, back_off: u64) -> String {
    let text = "An internal server error occurred. The operation failed.";
    let inner = [
        ("InnerErrorMessageText", BUSY.to_owned()),
        ("InnerErrorResponseCode", "ErrorServerBusy".to_owned()),
        ("InnerErrorDescriptiveLinkKey", "0".to_owned()),
        ("BackOffMilliseconds", back_off.to_string()),
    ];
    let values: String =
        inner.iter().map(|(name, value)| format!(r#"<t:Value Name="{name}">{value}</t:Value>"#)).collect();
    let rest = format!("<m:MessageXml>{values}</m:MessageXml>{}", empty(operation));
    response(version, operation, text, "ErrorInternalServerError", &rest)
}

/// The answer to a request for one thing that is refused with any response code.
pub(in crate::http) fn refused(version: Version, operation: &str, code: &str) -> String {
    response(version, operation, "The operation was refused on request.", code, &empty(operation))
}

/// Whether an error message is known of an operation: its answer has one message per thing asked.
pub(in crate::http) fn can_refuse(operation: &str) -> bool {
    operation.starts_with("SyncFolder") || EMPTY.iter().any(|(known, _)| *known == operation)
}

/// What an error message of an operation ends with.
fn empty(operation: &str) -> String {
    match EMPTY.iter().find(|(known, _)| *known == operation) {
        Some((_, empty)) => (*empty).to_owned(),
        None => no_state(operation),
    }
}

/// See [`empty`]; what synchronises is not among them.
const EMPTY: &[(&str, &str)] = &[
    ("GetItem", "<m:Items/>"),
    ("CreateItem", "<m:Items/>"),
    ("UpdateItem", "<m:Items/>"),
    ("MoveItem", "<m:Items/>"),
    ("CopyItem", "<m:Items/>"),
    ("DeleteItem", ""),
    ("SendItem", ""),
    ("FindItem", ""),
    ("FindFolder", ""),
    ("GetFolder", "<m:Folders/>"),
    ("CreateFolder", "<m:Folders/>"),
    ("Subscribe", ""),
];

/// The answer to a SyncState that is damaged, too old, or of another folder (Microsoft,
/// handling-synchronization-related-errors-in-ews).
pub(in crate::http) fn invalid_sync_state(version: Version, operation: &str) -> String {
    let text = "Synchronization state data is corrupt or otherwise invalid.";
    response(version, operation, text, "ErrorInvalidSyncStateData", &no_state(operation))
}

/// What a sync call answers beside an error: no state, and no more to come.
fn no_state(operation: &str) -> String {
    let last = match operation {
        "SyncFolderHierarchy" => "IncludesLastFolderInRange",
        _ => "IncludesLastItemInRange",
    };
    format!("<m:SyncState/><m:{last}>true</m:{last}>")
}

/// A page of IIS.
pub(in crate::http) fn page(status: u16) -> String {
    let text = match status {
        200 => "Sign in to continue",
        503 => "Service Unavailable",
        _ => "Runtime Error",
    };
    format!(
        "<!DOCTYPE html>\r\n<html><head><title>{text}</title></head>\r\n<body><h1>{text}</h1><hr>\r\n\
         <p>HTTP Error {status}. &nbsp;<br>The service is on holiday.</p></body></html>\r\n"
    )
}

fn response(version: Version, operation: &str, text: &str, code: &str, rest: &str) -> String {
    let (major, minor, build, revision, name) = version.server_info();
    let schema = if name.is_empty() { String::new() } else { format!(" Version=\"{name}\"") };
    format!(
        concat!(
            r#"<?xml version="1.0" encoding="utf-8"?>"#,
            r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>"#,
            r#"<h:ServerVersionInfo MajorVersion="{major}" MinorVersion="{minor}" MajorBuildNumber="{build}" "#,
            r#"MinorBuildNumber="{revision}"{schema} xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/>"#,
            r#"</s:Header><s:Body><m:{operation}Response "#,
            r#"xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" "#,
            r#"xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>"#,
            r#"<m:{operation}ResponseMessage ResponseClass="Error"><m:MessageText>{text}</m:MessageText>"#,
            r#"<m:ResponseCode>{code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{rest}"#,
            r#"</m:{operation}ResponseMessage></m:ResponseMessages></m:{operation}Response></s:Body></s:Envelope>"#
        ),
        major = major,
        minor = minor,
        build = build,
        revision = revision,
        schema = schema,
        operation = operation,
        text = text,
        code = code,
        rest = rest,
    )
}

const BUSY: &str = "The server cannot service this request right now. Try again later.";
