//! Portraits over plain HTTP: `GET /EWS/Exchange.asmx/s/GetUserPhoto?email=ADDRESS&size=HR48x48` (R/getuserphoto).

use std::io;

use http::{Request, Response, StatusCode, header};
use sha2::{Digest, Sha256};

use super::{PATH, Server, auth::Verdict, body::Body, connection::Connection};

/// Whether a request is for a portrait.
pub(super) fn is_for(path: &str) -> bool {
    path.get(..PATH.len()).is_some_and(|start| start.eq_ignore_ascii_case(PATH))
        && path.get(PATH.len()..).is_some_and(|rest| rest.eq_ignore_ascii_case("/s/GetUserPhoto"))
}

impl Server {
    /// Answers with the picture, 304 if the client has it, 404 if there is none.
    pub(super) fn photo<B>(&self, connection: &Connection, request: &Request<B>) -> io::Result<Response<Body>> {
        let verdict = self.sign_in(connection, request.headers());
        let Verdict::Known(_) = verdict else { return self.refuse(connection, &verdict) };
        let query = request.uri().query().unwrap_or_default();
        let email = query.split('&').find_map(|pair| pair.strip_prefix("email=")).unwrap_or_default();
        let email = email.replace("%40", "@");
        let Some(photo) = self.exchange.user_photo(&email) else {
            return self.page(StatusCode::NOT_FOUND, "");
        };
        let digest = Sha256::digest(&photo);
        let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let tag = format!("\"{tag}\"");
        let known =
            request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
        let kind = if photo.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" };
        let head = Response::builder().header(header::ETAG, &tag).header(header::CONTENT_TYPE, kind);
        match known {
            true => head.status(StatusCode::NOT_MODIFIED).body(Body::page(&self.stats, Vec::new())),
            false => head.status(StatusCode::OK).body(Body::page(&self.stats, photo.to_vec())),
        }
        .map_err(io::Error::other)
    }
}
