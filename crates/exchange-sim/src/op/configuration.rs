//! GetUserConfiguration: what clients ask at login.

use super::{Call, Reply, Trouble, respond};
use crate::soap::{Element, Fault, Writer};

pub(super) fn get_user_configuration(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let reply = read(call, request);
    Ok(respond("GetUserConfiguration", "", vec![reply]))
}

fn read(call: &Call<'_>, request: &Element) -> Reply {
    let name = request.child("UserConfigurationName").ok_or_else(Trouble::not_found)?;
    let folder = name.children.first().ok_or_else(Trouble::not_found)?;
    call.folder(folder)?;
    let known = name.attribute("Name").unwrap_or_default();
    if known != "OWA.UserOptions" {
        return Err(Trouble::not_found());
    }
    let properties = request.child_text("UserConfigurationProperties").unwrap_or_default();
    let mut w = Writer::new();
    w.open("m:UserConfiguration", &[]);
    w.open("t:UserConfigurationName", &[("Name", known)]);
    match folder.name.as_str() {
        "FolderId" => w.empty("t:FolderId", &[("Id", folder.attribute("Id").unwrap_or_default())]),
        _ => w.empty("t:DistinguishedFolderId", &[("Id", folder.attribute("Id").unwrap_or_default())]),
    }
    w.close("t:UserConfigurationName");
    if properties.contains("Dictionary") || properties.contains("All") {
        w.open("t:Dictionary", &[]);
        for (key, value) in OPTIONS {
            w.open("t:DictionaryEntry", &[]);
            for (element, text) in [("t:DictionaryKey", key), ("t:DictionaryValue", value)] {
                w.open(element, &[]);
                w.text("t:Type", "String");
                w.text("t:Value", text);
                w.close(element);
            }
            w.close("t:DictionaryEntry");
        }
        w.close("t:Dictionary");
    }
    w.close("m:UserConfiguration");
    Ok(w.finish())
}

const OPTIONS: &[(&str, &str)] = &[("timezone", "UTC"), ("timeformat", "HH:mm"), ("dateformat", "yyyy-MM-dd")];
