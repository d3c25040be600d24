//! SOAP as values: requests are written, answers are cut into elements as their bytes arrive. No IO.

mod element;
mod write;

pub use element::Element;
pub use write::Xml;
