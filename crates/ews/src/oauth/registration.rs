//! What an administrator has to register at the identity provider, and no more.

use super::{Credential, Flow, OAuthConfig, admin_consent_url};

/// The least there is to be registered, step by step, in plain text.
pub fn registration(config: &OAuthConfig) -> String {
    let is_ad_fs = config.authority.trim_end_matches('/').ends_with("/adfs");
    let mut steps: Vec<String> = Vec::new();
    match is_ad_fs {
        true => {
            steps.push("In AD FS, make an application group: a native or server application, and a Web API.".to_owned())
        }
        false => steps.push(
            "In Entra ID, under App registrations, make a registration for accounts of this organisation only."
                .to_owned(),
        ),
    }
    match config.flow {
        Flow::Code => {
            let redirect = config.redirect.as_deref().unwrap_or("http://localhost");
            steps.push(format!("Redirect URI, under mobile and desktop applications, exactly: {redirect}"));
        }
        Flow::Device => steps.push("No redirect URI. Allow public client flows.".to_owned()),
        Flow::ClientCredentials => steps.push("No redirect URI.".to_owned()),
    }
    if let (Flow::Code, Credential::Public) = (config.flow, &config.credential) {
        steps.push("Allow public client flows: the gateway has no secret.".to_owned());
    }
    match &config.credential {
        Credential::Public => {}
        Credential::Secret(_) => steps.push("A client secret; its value is oauth.client_secret.".to_owned()),
        Credential::Key(_) => {
            steps.push("The certificate of oauth.certificate; its key does not leave the gateway.".to_owned())
        }
    }
    match (config.flow, is_ad_fs) {
        (_, true) => steps.push(format!("The Web API's identifier: {}/ ; permitted scopes: openid, user_impersonation.", config.resource)),
        (Flow::ClientCredentials, false) => {
            steps.push("Application permission: Office 365 Exchange Online, full_access_as_app; an administrator has to consent. Narrow it to some mailboxes with RBAC for Applications.".to_owned());
        }
        (_, false) => steps.push(
            "No API permission has to be granted beforehand where users may consent; where they may not: the delegated \
             permission Office 365 Exchange Online, EWS.AccessAsUser.All."
                .to_owned(),
        ),
    }
    if !is_ad_fs && !config.resource.ends_with("//outlook.office365.com") {
        steps.push(format!(
            "{} must be a service principal name of Office 365 Exchange Online (hybrid modern authentication).",
            config.resource
        ));
    }
    steps.push("Its application (client) id is oauth.client_id; the directory (tenant) id is oauth.tenant.".to_owned());
    if let Some(url) = admin_consent_url(config).filter(|_| !config.client_id.is_empty()) {
        steps.push(format!("Consent for everybody, once, if the organisation wants that: {url}"));
    }
    steps.iter().enumerate().map(|(number, step)| format!("{}. {step}\n", number + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registration_asks_for_no_more_than_the_flow_needs() {
        let mut config = OAuthConfig::new("https://login.microsoftonline.com", "app-1", "https://mail.corp.example");
        config.tenant = Some("t-1".to_owned());
        let told = registration(&config);
        assert!(told.contains("exactly: http://localhost\n") && told.contains("EWS.AccessAsUser.All"), "{told}");
        assert!(!told.contains("full_access_as_app") && !told.contains("secret;"), "{told}");
        assert!(told.contains("https://mail.corp.example must be a service principal name"), "{told}");
        assert!(told.ends_with("https://login.microsoftonline.com/t-1/adminconsent?client_id=app-1\n"), "{told}");
        config.flow = Flow::ClientCredentials;
        config.credential = Credential::Secret(crate::Secret::new("canary"));
        let told = registration(&config);
        assert!(
            told.contains("full_access_as_app") && !told.contains("AccessAsUser") && !told.contains("canary"),
            "{told}"
        );
    }
}
