//! From this machine to somebody who offers a sign-in.

use std::time::Duration;

use ews::{Offers, Probe, Proxy, ProxyKind, Scheme, TlsFound};
use exchange::Proof;
use jiff::Timestamp;

use super::report::{Report, Step};
use super::{Scene, Trouble};

/// Looks at one address.
pub(super) async fn check(scene: &Scene, url: &str, report: &mut Report) {
    let organisation = &scene.organisation;
    let probe = match Probe::new(url, &organisation.trust, scene.egress.clone(), LIMIT) {
        Ok(probe) => probe,
        Err(error) => {
            report.step(Step::Dns, async { Err::<((), String), _>(Trouble::of(&error)) }).await;
            return;
        }
    };
    let (host, port) = probe.host();
    let proxy = organisation.egress.proxy.as_ref();
    let looked_up = async {
        let found = probe.look_up().await?;
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let whom = proxy.map_or(host, |proxy| proxy.host.as_str());
        Ok(((), format!("{whom} is {}", found.join(", "))))
    };
    if report.step(Step::Dns, looked_up).await.is_none() {
        return;
    }
    match proxy {
        None => report.skipped(Step::Proxy, "none is set"),
        Some(proxy) => {
            let through = async {
                probe.reach().await.map_err(|error| Trouble::of(&error))?;
                Ok(((), format!("{} leads to {host}:{port}", called(proxy))))
            };
            if report.step(Step::Proxy, through).await.is_none() {
                return;
            }
        }
    }
    if proxy.is_none() {
        let connected = async {
            let peer = probe.reach().await?;
            Ok(((), format!("{host}:{port} answers at {peer}")))
        };
        if report.step(Step::Tcp, connected).await.is_none() {
            return;
        }
    } else {
        report.skipped(Step::Tcp, "the proxy connects");
    }
    if !probe.is_secure() {
        report.skipped(Step::Tls, "url is http: passwords and mail go in clear");
    } else if report.step(Step::Tls, async { secured(probe.secure().await?) }).await.is_none() {
        return;
    }
    let asked = async {
        let offers = probe.ask().await?;
        let told = offered(scene, url, &offers)?;
        Ok((offers, told))
    };
    if let Some(offers) = report.step(Step::Offers, asked).await {
        report.step(Step::Clock, async { clock(&offers) }).await;
    }
}

fn called(proxy: &Proxy) -> String {
    let kind = match proxy.kind {
        ProxyKind::Connect => "http",
        ProxyKind::Socks5 => "socks5",
    };
    format!("{kind}://{}:{}", proxy.host, proxy.port)
}

fn secured(found: Option<TlsFound>) -> Result<((), String), Trouble> {
    let Some(found) = found else { return Ok(((), "no TLS".to_owned())) };
    let mut told = format!("{} with {}", found.version, found.suite);
    if found.legacy {
        told.push_str(", which is not safe and allowed by tls.legacy");
    }
    if let Some(certificate) = &found.certificate {
        let days = certificate.not_after.duration_since(Timestamp::now()).as_hours() / 24;
        told.push_str(&format!(
            "; certificate for {} from {}, {} sent, {days} days left",
            certificate.names.join(", "),
            certificate.issuer,
            found.chain
        ));
        if days < FEW_DAYS {
            told.push_str(": have it renewed");
        }
    }
    Ok(((), told))
}

/// What is offered, and what of it is used.
fn offered(scene: &Scene, url: &str, offers: &Offers) -> Result<String, Trouble> {
    let names: Vec<&str> = offers.schemes.iter().filter_map(|offer| offer.split([' ', ',']).next()).collect();
    let all = names.join(", ");
    match offers.status {
        404 => {
            return Err(Trouble::new(
                format!("there is nothing at {url} (404)"),
                "correct the path in url; /EWS/Exchange.asmx is usual",
            ));
        }
        403 => {
            return Err(Trouble::new(
                format!(
                    "the server forbids {url} to everybody (403): EWS is switched off, or this machine is not let in"
                ),
                "have the administrator switch EWS on (Get-WebServicesVirtualDirectory, Set-OrganizationConfig -EwsEnabled) and look at address filters of IIS or the proxy before it",
            ));
        }
        status @ (301 | 302 | 307 | 308) => {
            return Err(Trouble::new(
                format!("{url} leads elsewhere ({status})"),
                "set url to where it leads, if that is Exchange; a portal that signs people in cannot be used",
            ));
        }
        status @ (429 | 500..) => {
            return Err(Trouble::new(
                format!("the server answers {status} at {url}"),
                "see whether Exchange runs behind it; wait if it is busy",
            ));
        }
        _ => {}
    }
    let Proof::Password(_) = &scene.organisation.proof else {
        return match names.iter().any(|name| name.eq_ignore_ascii_case("Bearer")) || offers.status == 200 {
            true => Ok(format!("{all}; Bearer is used")),
            false => Err(Trouble::new(
                format!("the server offers {all} and no Bearer"),
                "have modern authentication switched on for EWS, or set auth = \"auto\"",
            )),
        };
    };
    let schemes = scene.schemes();
    let Some(used) = schemes.choose(offers.schemes.iter().map(String::as_str)) else {
        return Err(none_fits(&names, &all));
    };
    let also = used != Scheme::Basic && names.iter().any(|name| name.eq_ignore_ascii_case("Basic"));
    let advice = if also { "; Basic is offered too: have it switched off if no other program needs it" } else { "" };
    Ok(format!("{all}; {used} is used{advice}"))
}

fn none_fits(names: &[&str], all: &str) -> Trouble {
    let has = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if names.is_empty() {
        return Trouble::new(
            "the server offers no sign-in at this address",
            "correct the path in url; see that the virtual directory EWS has a sign-in switched on",
        );
    }
    let remedy = if has("NTLM") || has("Negotiate") || has("Basic") {
        "set auth = \"auto\", or auth to one of these"
    } else if has("Bearer") {
        "set auth = \"oauth\" and fill in [exchange.NAME.oauth]"
    } else {
        "have Negotiate, NTLM or Basic switched on for EWS"
    };
    Trouble::new(format!("the server offers only {all}, and auth allows none of it"), remedy)
}

fn clock(offers: &Offers) -> Result<((), String), Trouble> {
    let Some(date) = offers.date else { return Ok(((), "the server does not tell its time".to_owned())) };
    let ahead = Timestamp::now().duration_since(date).as_secs();
    let how = if ahead >= 0 { "ahead of" } else { "behind" };
    let told = format!("this machine is {} s {how} the server", ahead.abs());
    match ahead.abs() {
        0..=60 => Ok(((), told)),
        61..=300 => Ok(((), format!("{told}; have the clocks set (NTP) before it is more than 300 s"))),
        _ => Err(Trouble::new(
            told,
            "set the clocks of both (NTP): with more than 300 s Kerberos and tokens fail, and NTLM may",
        )),
    }
}

/// Each step takes no longer.
const LIMIT: Duration = Duration::from_secs(8);
/// So many days before its end a certificate is to be renewed.
const FEW_DAYS: i64 = 21;
