//! SOAP 1.1 as Exchange speaks it: reading a request, writing answers and faults.

mod element;
mod fault;
mod writer;

pub(crate) use element::{Element, Ns, read};
pub(crate) use fault::Fault;
pub(crate) use writer::{Writer, envelope};
