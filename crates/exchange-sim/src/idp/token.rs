//! The token endpoint (RFC 6749 sections 4.1.3, 4.4.2 and 6).

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{
    Realm, Request, State, TENANT,
    error::{Failure, json_page},
    jwt::{Key, encode},
    metadata::issuer,
    need, origin, random,
};
use crate::{form::Form, reply::Reply};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// `scheme://host[:port]`
    pub(super) resource: String,
    /// As they were written, for `scope` of the answer.
    scopes: String,
    /// Permissions of the resource, without it.
    permissions: Vec<String>,
    openid: bool,
    offline: bool,
    /// `claims` of a challenge that is being met.
    claims: Option<String>,
}

/// A refresh token.
pub(super) struct Refresh {
    client: String,
    pub(super) user: String,
    wanted: Wanted,
    /// When the user signed in.
    signed_in: i64,
    /// When it was made, which is when its predecessor was used.
    made: i64,
    pub(super) revoked: bool,
}

/// An access token that was given out.
pub(super) struct Issued {
    pub(super) user: Option<String>,
    pub(super) expired: bool,
    /// The `claims` it was asked with.
    pub(super) claims: Option<String>,
}

/// For whom a token is.
enum Owner<'a> {
    User { user: &'a str, signed_in: i64, nonce: Option<&'a str> },
    Program,
}

impl State {
    /// Answers a POST to the token endpoint.
    pub(super) fn token(
        &mut self,
        key: &Key,
        request: &Request<'_>,
        realm: &Realm<'_>,
        form: &Form,
    ) -> Result<Reply, Failure> {
        if !super::tenant_is_known(realm) {
            return Err(Failure::new(90002).with(realm.tenant));
        }
        let grant = need(form, "grant_type")?;
        let client = self.prove(request, realm, form, grant == "client_credentials")?;
        let now = self.now();
        let issue = |state: &mut Self, wanted: &Wanted, owner: Owner<'_>| {
            state.ordered("token", wanted)?;
            state.issue(key, realm, form, &client, wanted, &owner)
        };
        match grant {
            "authorization_code" => {
                let (user, wanted, nonce) = self.redeem_code(&client, form)?;
                issue(self, &wanted, Owner::User { user: &user, signed_in: now, nonce: nonce.as_deref() })
            }
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => {
                let code = form.get("device_code").or(form.get("code")).unwrap_or_default();
                let (user, wanted) = self.redeem_device(&client, code)?;
                issue(self, &wanted, Owner::User { user: &user, signed_in: now, nonce: None })
            }
            "client_credentials" => {
                let wanted = self.wanted(form)?;
                if !realm.adfs() && form.get("resource").is_none() && wanted.permissions != [".default"] {
                    return Err(Failure::new(1002012).with(form.get("scope").unwrap_or_default()));
                }
                issue(self, &wanted, Owner::Program)
            }
            "refresh_token" => {
                let (token, user, mut wanted, signed_in) = self.redeem_refresh(&client, form)?;
                wanted.claims = form.get("claims").map(str::to_owned);
                let reply = issue(self, &wanted, Owner::User { user: &user, signed_in, nonce: None })?;
                // The old one is dead once the new one is out.
                self.refreshes.remove(&token);
                Ok(reply)
            }
            other => Err(Failure::new(70003).with(other)),
        }
    }

    /// Reads scopes, or the resource of older protocols and of AD FS.
    pub(super) fn wanted(&self, form: &Form) -> Result<Wanted, Failure> {
        let scopes = form.get("scope").unwrap_or_default();
        let mut wanted = Wanted {
            resource: form.get("resource").map(origin).unwrap_or_default(),
            scopes: scopes.to_owned(),
            permissions: Vec::new(),
            openid: false,
            offline: form.get("resource").is_some(),
            claims: form.get("claims").map(str::to_owned),
        };
        if scopes.is_empty() && wanted.resource.is_empty() {
            return Err(Failure::new(900144).with("scope"));
        }
        for scope in scopes.split_ascii_whitespace() {
            match scope {
                "openid" => wanted.openid = true,
                "profile" | "email" => {}
                "offline_access" => wanted.offline = true,
                _ => {
                    // The permission stands behind the last slash: resources may end in one.
                    let Some((resource, permission)) = scope.rsplit_once('/').filter(|(url, _)| url.contains("://"))
                    else {
                        return Err(Failure::new(70011).with(scope));
                    };
                    let resource = origin(resource);
                    if !wanted.resource.is_empty() && wanted.resource != resource {
                        return Err(Failure::new(28000).with(scopes));
                    }
                    wanted.resource = resource;
                    wanted.permissions.push(permission.to_owned());
                }
            }
        }
        if wanted.resource.is_empty() {
            return Err(Failure::new(70011).with(scopes));
        }
        if !self.resources.contains(&wanted.resource) {
            return Err(Failure::new(500011).with(&wanted.resource));
        }
        Ok(wanted)
    }

    /// A code counts once, for who asked for it, and only with the secret behind its challenge.
    fn redeem_code(&mut self, client: &str, form: &Form) -> Result<(String, Wanted, Option<String>), Failure> {
        let now = self.now();
        let code = self.codes.get_mut(need(form, "code")?).filter(|code| code.client == client);
        let code = code.ok_or_else(|| Failure::new(70000))?;
        if code.redeemed {
            return Err(Failure::new(54005));
        }
        if code.until <= now {
            return Err(Failure::new(70008));
        }
        if need(form, "redirect_uri")? != code.redirect {
            return Err(Failure::new(500112));
        }
        let verifier = form.get("code_verifier").unwrap_or_default();
        let right = match &code.challenge {
            None => verifier.is_empty(),
            Some((challenge, true)) => encode(digest(&SHA256, verifier.as_bytes())) == *challenge,
            Some((challenge, false)) => verifier == challenge,
        };
        if !right {
            return Err(Failure::new(501481));
        }
        code.redeemed = true;
        Ok((code.user.clone(), code.wanted.clone(), code.nonce.clone()))
    }

    fn redeem_refresh(&mut self, client: &str, form: &Form) -> Result<(String, String, Wanted, i64), Failure> {
        let now = self.now();
        let token = need(form, "refresh_token")?;
        let refresh = self.refreshes.get(token).filter(|refresh| refresh.client == client);
        let refresh = refresh.ok_or_else(|| Failure::new(70000))?;
        if refresh.revoked {
            return Err(Failure::new(50173));
        }
        if now - refresh.made > INACTIVE {
            return Err(Failure::new(700082));
        }
        if self.rules.frequency.is_some_and(|frequency| now - refresh.signed_in > frequency) {
            return Err(Failure::new(70043));
        }
        // Other permissions, even of another resource, may be asked for with the same refresh token.
        let wanted = match form.get("scope").or(form.get("resource")) {
            Some(_) => Wanted { offline: true, ..self.wanted(form)? },
            None => refresh.wanted.clone(),
        };
        Ok((token.to_owned(), refresh.user.clone(), wanted, refresh.signed_in))
    }

    /// Makes the tokens and the answer that holds them.
    fn issue(
        &mut self,
        key: &Key,
        realm: &Realm<'_>,
        form: &Form,
        client: &str,
        wanted: &Wanted,
        owner: &Owner<'_>,
    ) -> Result<Reply, Failure> {
        let now = self.now();
        let lifetime = self.rules.lifetime;
        let uti = random();
        let mut claims = json!({
            "aud": wanted.resource,
            "iss": if realm.adfs() { format!("{}/adfs/services/trust", realm.base) } else { format!("https://sts.windows.net/{TENANT}/") },
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "appid": client,
            "tid": TENANT,
            "uti": uti,
            "ver": "1.0",
        });
        let user = match owner {
            Owner::User { user, .. } => Some((*user).to_owned()),
            Owner::Program => None,
        };
        let more = match &user {
            Some(user) => {
                // AD FS and the older protocol name no permissions: all that were consented to are in.
                let everything = wanted.permissions.is_empty() || wanted.permissions == [".default"];
                let permissions = if everything { EVERYTHING.to_owned() } else { wanted.permissions.join(" ") };
                json!({ "oid": id_of(user), "upn": user, "unique_name": user, "scp": permissions })
            }
            None => json!({ "oid": id_of(client), "idtyp": "app", "roles": self.rules.roles }),
        };
        merge(&mut claims, more);
        let sign = |claims: &Value| key.sign(claims).map_err(|error| Failure::new(90033).with(&error));
        let access = sign(&claims)?;
        self.tokens.insert(uti, Issued { user: user.clone(), expired: false, claims: wanted.claims.clone() });
        let mut body = json!({
            "token_type": "Bearer",
            "scope": wanted.scopes,
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": access,
        });
        if let Owner::User { user, signed_in, nonce } = owner {
            if wanted.offline {
                let refresh = random();
                let made = Refresh {
                    client: client.to_owned(),
                    user: (*user).to_owned(),
                    wanted: wanted.clone(),
                    signed_in: *signed_in,
                    made: now,
                    revoked: false,
                };
                self.refreshes.insert(refresh.clone(), made);
                merge(&mut body, json!({ "refresh_token": refresh }));
            }
            if wanted.openid {
                let id = json!({
                    "aud": client,
                    "iss": issuer(realm),
                    "iat": now,
                    "nbf": now,
                    "exp": now + lifetime,
                    "sub": id_of(&format!("{client} {user}")),
                    "oid": id_of(user),
                    "tid": TENANT,
                    "preferred_username": user,
                    "name": user,
                    "nonce": nonce,
                    "ver": "2.0",
                });
                merge(&mut body, json!({ "id_token": sign(&id)? }));
            }
            if form.get("client_info") == Some("1") {
                let info = json!({ "uid": id_of(user), "utid": TENANT });
                merge(&mut body, json!({ "client_info": encode(info.to_string()) }));
            }
        }
        Ok(json_page(200, &body))
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

/// An id that is the same in every run.
fn id_of(name: &str) -> String {
    let hash = digest(&SHA256, name.to_lowercase().as_bytes());
    let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// All that users consent to here.
const EVERYTHING: &str = "EWS.AccessAsUser.All";

/// Refresh tokens die when nobody uses them for 90 days.
const INACTIVE: i64 = 90 * 86_400;
