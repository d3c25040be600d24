//! What Autodiscover says of an address, question by question.

use ews::autodiscover::{Request, ServerKind, discover};
use ews::{Cause, ErrorKind, Identity, Web, WebConfig};
use exchange::{Discover, Person, Way};

use super::report::{Report, Step};
use super::{Scene, Trouble};

/// Asks Autodiscover. Gives the URL it finds.
pub(super) async fn check(
    scene: &Scene,
    person: &Person,
    identity: Option<&Identity>,
    report: &mut Report,
) -> Option<String> {
    let organisation = &scene.organisation;
    let settings = match &organisation.way {
        Way::Discover(discover) => discover.clone(),
        Way::Urls(_) => Discover::default(),
    };
    let address = person.address.clone().unwrap_or_else(|| person.name.clone());
    let web = Web::new(WebConfig {
        trust: organisation.trust.clone(),
        egress: scene.egress.clone(),
        allow_http: settings.allow_http,
        channel_binding: organisation.channel_binding,
        ..WebConfig::default()
    });
    let web = match web {
        Ok(web) => web,
        Err(error) => {
            report.step(Step::Autodiscover, async { Err::<((), String), _>(Trouble::of(&error)) }).await;
            return None;
        }
    };
    let request = Request {
        identity: identity.cloned(),
        prefer_internal: settings.prefer_internal,
        redirect_hosts: settings.hosts.clone(),
        allow_http: settings.allow_http,
        ..Request::new(&address)
    };
    let (found, tried) = discover(&web, &request).await;
    for tried in tried.tried {
        let told = format!("{} {}: {}", tried.step.as_str(), tried.url, tried.outcome);
        report.tried(Step::Autodiscover, tried.took, &told);
    }
    let outcome = async {
        let found = found.map_err(|error| {
            let trouble = Trouble::of(&error);
            match (&error.kind, error.cause) {
                (ErrorKind::SignIn, _) => trouble,
                // That no host of the name is there is a matter of which hosts are asked.
                (
                    _,
                    None
                    | Some(
                        Cause::NoSuchHost
                        | Cause::Unreachable
                        | Cause::NotAllowed
                        | Cause::WebPage
                        | Cause::Proxy
                        | Cause::BrokeOff,
                    ),
                ) => Trouble::new(
                    format!("no server was found for {address}: {}", trouble.cause),
                    "set url; or have https://autodiscover.DOMAIN/ lead to Exchange, and name foreign hosts in autodiscover.hosts",
                ),
                _ => trouble,
            }
        })?;
        exchange::refuse_cloud(organisation, &address, &found)?;
        let kind = match &found.kind {
            ServerKind::OnPremises => "the organisation's own".to_owned(),
            ServerKind::HybridRemote { host } => format!("Exchange Online ({host}), by way of the organisation's own"),
            ServerKind::Online => "Exchange Online".to_owned(),
        };
        let told = format!("{} ({kind}), told by {}", found.ews_url, found.step.as_str());
        Ok((found.ews_url, told))
    };
    report.step(Step::Autodiscover, outcome).await
}
