//! What clients learn without asking for tokens: endpoints and keys (OpenID Connect Discovery 1.0).

use serde_json::json;

use super::{Realm, TENANT, error::json_page, jwt::Key};
use crate::reply::Reply;

/// `openid-configuration`
pub(super) fn configuration(realm: &Realm<'_>) -> Reply {
    let (base, tenant) = (realm.base, realm.tenant);
    let oauth = if realm.adfs() { format!("{base}/{tenant}/oauth2") } else { format!("{base}/{tenant}/oauth2/v2.0") };
    let body = json!({
        "issuer": issuer(realm),
        "authorization_endpoint": format!("{oauth}/authorize"),
        "token_endpoint": format!("{oauth}/token"),
        "device_authorization_endpoint": format!("{oauth}/devicecode"),
        "jwks_uri": format!("{base}/{tenant}/discovery/{}keys", if realm.adfs() { "" } else { "v2.0/" }),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid"],
    });
    json_page(200, &body)
}

/// Who signs id tokens.
pub(super) fn issuer(realm: &Realm<'_>) -> String {
    if realm.adfs() { format!("{}/adfs", realm.base) } else { format!("{}/{TENANT}/v2.0", realm.base) }
}

/// The public keys.
pub(super) fn keys(key: &Key) -> Reply {
    json_page(200, &json!({ "keys": [key.public()] }))
}

/// Instance discovery: which hosts are one and the same.
pub(super) fn instance(realm: &Realm<'_>) -> Reply {
    let host = realm.base.split_once("://").map_or(realm.base, |(_, host)| host);
    let body = json!({
        "tenant_discovery_endpoint": format!("{}/{TENANT}/v2.0/.well-known/openid-configuration", realm.base),
        "api-version": "1.1",
        "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
    });
    json_page(200, &body)
}
