//! Properties of items and folders: one row per property, with the shapes it belongs to.

mod body;
mod calendar;
mod extended;
mod fields;
mod folder;
mod item;
mod path;
mod shape;
mod write;

pub(crate) use body::text_of_html;
use fields::{ALL, DEFAULT, FIELDS, Field};
pub(crate) use folder::{folder_value, write_folder};
pub(crate) use item::View;
pub(crate) use path::{Extended, INTERNET_HEADERS, Path};
use shape::BodyType;
pub(crate) use shape::{Base, Shape};
pub(crate) use write::{write_attachment_head, write_item, write_item_id, write_photo_mark, write_stored};
