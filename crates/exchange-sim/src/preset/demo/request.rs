//! Requests to the organisation: what the presets fill calendars and address books with goes in as clients would send it.

use crate::{Answer, Exchange, Version};

/// Asks as `address` and gives the answer.
///
/// # Errors
/// The answer, if it holds an error.
pub(in crate::preset) fn ask(exchange: &Exchange, address: &str, body: &str) -> Result<String, String> {
    let version = match exchange.options().version {
        Version::Exchange2007Sp1 => "Exchange2007_SP1",
        _ => "Exchange2010",
    };
    let request = format!(
        r#"<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><soap:Header><t:RequestServerVersion Version="{version}"/></soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"#
    );
    let Answer::Document { body: answer, .. } = exchange.answer(address, request.as_bytes()) else {
        return Err("a stream, not an answer".to_owned());
    };
    let answer = String::from_utf8(answer).map_err(|error| error.to_string())?;
    match answer.contains("ResponseClass=\"Error\"") || answer.contains(":Fault>") {
        true => Err(format!("{body} was answered {answer}")),
        false => Ok(answer),
    }
}

/// Creates items in a folder (an element that names it) and gives their ids.
///
/// # Errors
/// What the organisation refused.
pub(in crate::preset) fn create(
    exchange: &Exchange,
    address: &str,
    folder: &str,
    attributes: &str,
    items: &str,
) -> Result<Vec<String>, String> {
    let body = format!(
        "<m:CreateItem {attributes}><m:SavedItemFolderId>{folder}</m:SavedItemFolderId><m:Items>{items}</m:Items></m:CreateItem>"
    );
    let answer = ask(exchange, address, &body)?;
    let ids = answer.split("<t:ItemId Id=\"").skip(1).filter_map(|rest| rest.split('"').next());
    Ok(ids.map(str::to_owned).collect())
}

/// Names a distinguished folder.
pub(in crate::preset) fn own(id: &str) -> String {
    format!("<t:DistinguishedFolderId Id=\"{id}\"/>")
}

/// Text in XML.
pub(in crate::preset) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
