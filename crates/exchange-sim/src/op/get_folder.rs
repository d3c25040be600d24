//! GetFolder.

use super::{Call, Reply, Trouble, each, respond};
use crate::{
    property::{Shape, write_folder},
    soap::{Element, Fault, Writer},
};

pub(super) fn get_folder(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let shape = Shape::read(request.child("FolderShape"), false);
    let replies = each(request.list("FolderIds"), |id| one(call, &shape, id));
    Ok(respond("GetFolder", "<m:Folders/>", replies))
}

fn one(call: &Call<'_>, shape: &Result<Shape, Trouble>, id: &Element) -> Reply {
    let shape = shape.as_ref().map_err(Clone::clone)?;
    let place = call.folder(id)?;
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let mut w = Writer::new();
    w.open("m:Folders", &[]);
    if let Some(folder) = mailbox.folders.get(&place.folder) {
        write_folder(&mut w, mailbox, folder, shape, call.version, &call.rights(place));
    }
    w.close("m:Folders");
    Ok(w.finish())
}
