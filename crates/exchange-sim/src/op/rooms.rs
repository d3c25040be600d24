//! GetRoomLists and GetRooms.

use super::{Call, Reply, Trouble, frame, resolve_names::write_address};
use crate::{
    directory::EntryKind,
    soap::{Element, Fault, Writer},
};

pub(super) fn get_room_lists(call: &mut Call<'_>, _: &Element) -> Result<String, Fault> {
    let mut w = Writer::new();
    w.open("m:RoomLists", &[]);
    for entry in call.organisation.directory.entries().iter().filter(|entry| entry.kind == EntryKind::RoomList) {
        w.open("t:Address", &[]);
        write_address(&mut w, entry);
        w.close("t:Address");
    }
    w.close("m:RoomLists");
    Ok(frame::alone("GetRoomListsResponse", "", Ok(w.finish())))
}

pub(super) fn get_rooms(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    Ok(frame::alone("GetRoomsResponse", "", rooms(call, request)))
}

fn rooms(call: &Call<'_>, request: &Element) -> Reply {
    let address = request.child("RoomList").and_then(|list| list.child_text("EmailAddress")).unwrap_or_default();
    let directory = &call.organisation.directory;
    let list = directory
        .find(address)
        .filter(|entry| entry.kind == EntryKind::RoomList)
        .ok_or_else(|| Trouble::new("ErrorNameResolutionNoResults", "No results were found."))?;
    let mut w = Writer::new();
    w.open("m:Rooms", &[]);
    for room in directory.members(list).filter(|entry| entry.kind == EntryKind::Room) {
        w.open("t:Room", &[]);
        w.open("t:Id", &[]);
        write_address(&mut w, room);
        w.close("t:Id");
        w.close("t:Room");
    }
    w.close("m:Rooms");
    Ok(w.finish())
}
