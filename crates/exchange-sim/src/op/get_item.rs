//! GetItem.

use super::{Call, Reply, Trouble, each, respond};
use crate::{
    Poison,
    property::{Shape, write_item},
    soap::{Element, Fault, Writer},
    store::Kind,
};

pub(super) fn get_item(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let shape = Shape::read(request.child("ItemShape"), false);
    let replies = each(request.list("ItemIds"), |id| one(call, &shape, id));
    Ok(respond("GetItem", "<m:Items/>", replies))
}

fn one(call: &mut Call<'_>, shape: &Result<Shape, Trouble>, id: &Element) -> Reply {
    let shape = shape.as_ref().map_err(Clone::clone)?;
    let place = call.item(id)?;
    let item = call.found(&place)?;
    let view = call.view_of(&place, &item)?;
    if shape.mime && !view.item.kind.is_mail() && !matches!(view.item.kind, Kind::CalendarItem | Kind::Task) {
        return Err(Trouble::new("ErrorUnsupportedMimeConversion", "The conversion to MIME is not supported."));
    }
    match view.item.extra.as_ref().and_then(|extra| extra.poison) {
        Some(Poison::Corrupt) => return Err(Trouble::new("ErrorItemCorrupt", "The item was found to be corrupt.")),
        Some(Poison::Mime) if shape.mime || shape.asks("item:MimeContent") => {
            return Err(Trouble::new("ErrorMimeContentConversionFailed", "MIME content conversion failed."));
        }
        _ => {}
    }
    let mut w = Writer::new();
    w.open("m:Items", &[]);
    write_item(&mut w, &view, shape);
    w.close("m:Items");
    Ok(w.finish())
}
