//! Lanes: HTTP/1.1 connections, each of one identity, one request at a time.

mod body;
mod dial;
mod endpoint;
mod lane;
mod pool;
mod reply;
mod socket;
mod socks;
mod tls;
#[cfg(feature = "tls-openssl")]
mod tls_old;
mod tls_trouble;
mod tunnel;

pub(crate) use body::RequestBody;
pub(crate) use dial::Connection;
pub use dial::Dialer;
pub(crate) use endpoint::Endpoint;
pub(crate) use lane::{AGENT, Answered, Lane, Unsent};
pub(crate) use pool::{Pool, PooledLane};
pub(crate) use reply::Reply;
pub(crate) use socket::Socket;
pub use tls::{ClientCertificate, Legacy, TlsVersion, Trust};
pub(crate) use tls::{Session, Tls};
pub(crate) use tls_trouble::late_trouble;
