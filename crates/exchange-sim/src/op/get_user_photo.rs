//! GetUserPhoto: portraits of the directory. Sizes are not simulated: there is one picture for all of them.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Call, Reply, Trouble, frame};
use crate::soap::{Element, Fault, Writer};

pub(super) fn get_user_photo(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    Ok(frame::alone("GetUserPhotoResponse", "<m:HasChanged>false</m:HasChanged>", photo(call, request)))
}

fn photo(call: &Call<'_>, request: &Element) -> Reply {
    let address = request.child_text("Email").unwrap_or_default();
    let entry = call.organisation.directory.find(address);
    let photo = entry.and_then(|entry| entry.photo.as_ref()).ok_or_else(Trouble::not_found)?;
    let mut w = Writer::new();
    w.flag("m:HasChanged", true);
    w.text("m:PictureData", &STANDARD.encode(photo));
    Ok(w.finish())
}
