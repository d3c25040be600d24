//! `exgate status`: how the running gateway does, as a table.

use std::net::SocketAddr;
use std::path::Path;

use http::Request;
use http_body_util::Full;

use crate::config::Config;
use crate::gateway::say;
use crate::observe::Snapshot;
use crate::{Failure, desk};

/// Asks the gateway that runs with this configuration.
pub(crate) async fn run(config: &Path) -> Result<(), Failure> {
    let config = Config::read(config)?;
    let mut addresses = config.listen.admin.0.iter().filter_map(|address| address.parse::<SocketAddr>().ok());
    let address = addresses.find(|address| address.ip().is_loopback()).ok_or_else(|| {
        Failure::mistake(
            "listen.admin: no address on this machine; the gateway is asked there, so set it to 127.0.0.1:9143",
        )
    })?;
    let request = Request::get("/api/v1/status").body(Full::default());
    let request = request.map_err(|error| Failure::new(error.to_string()))?;
    let answer = match desk::ask(address, request).await {
        Ok((status, answer)) if status.is_success() => Ok(answer),
        Ok((status, _)) => Err(desk::unanswered(address, &format!("it answers {status}"))),
        Err(reason) => Err(desk::unanswered(address, &reason)),
    }?;
    let now: Snapshot = serde_json::from_slice(&answer)
        .map_err(|error| Failure::new(format!("the answer of {address} is not that of a gateway: {error}")))?;
    table(&now).iter().try_for_each(|line| say(line))
}

fn table(now: &Snapshot) -> Vec<String> {
    let state = if now.draining { "is stopping" } else { "runs" };
    let mut lines = vec![format!("exgate {} {state}, for {}", now.version, span(now.uptime_seconds))];
    let connections: Vec<String> =
        now.connections.iter().map(|(protocol, count)| format!("{count} {protocol}")).collect();
    lines.push(format!(
        "connections   {}",
        if connections.is_empty() { "none".to_owned() } else { connections.join(", ") }
    ));
    let waits = match now.spool.waiting {
        0 => "nothing".to_owned(),
        count => format!("{count}, the oldest for {}", span(now.spool.oldest_seconds)),
    };
    lines.push(format!("to be sent    {waits}"));
    let asked = now.cache.hits + now.cache.misses;
    let share = if asked == 0 { String::new() } else { format!("; {} of {asked} were there", now.cache.hits) };
    lines.push(format!("cache         {} messages, {} MiB{share}", now.cache.messages, now.cache.bytes >> 20));
    let problems: usize = now.organisations.iter().map(|one| one.problems).sum();
    if problems > 0 {
        lines.push(format!("unreadable    {problems} messages, which `exgate problems` lists"));
    }
    for certificate in &now.certificates {
        let ends = match certificate.valid_seconds {
            left if left < 0.0 => format!("ended {} ago", span(-left)),
            left => format!("ends in {}", span(left)),
        };
        lines.push(format!("certificate   {}: {ends}", certificate.name));
    }
    let width = now.organisations.iter().map(|one| one.name.len()).max().unwrap_or(0).max(12);
    lines.push(format!(
        "{:width$}  {:>9} {:>9} {:>6} {:>9}  last heard",
        "organisation", "mailboxes", "streaming", "away", "sessions"
    ));
    for one in &now.organisations {
        let heard =
            if one.unheard_seconds < 1.0 { "now".to_owned() } else { format!("{} ago", span(one.unheard_seconds)) };
        lines.push(format!(
            "{:width$}  {:>9} {:>9} {:>6} {:>9}  {heard}",
            one.name, one.mailboxes, one.streaming, one.away, one.sessions
        ));
    }
    lines
}

/// The two largest parts of a time.
fn span(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole / 60 % 60),
        _ => format!("{} d {} h", whole / 86_400, whole / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_easily() {
        for (seconds, text) in [(0.4, "0 s"), (61.0, "1 min 1 s"), (7_260.0, "2 h 1 min"), (90_000.0, "1 d 1 h")] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn what_is_told_stands_in_the_table() {
        let now: Snapshot = serde_json::from_value(serde_json::json!({
            "version": "0.1.0", "uptime_seconds": 61.0, "draining": false, "connections": { "imap": 3 },
            "organisations": [{ "name": "main", "mailboxes": 2, "streaming": 1, "away": 1, "sessions": 3, "unheard_seconds": 61.0, "problems": 2 }],
            "certificates": [{ "name": "default", "valid_seconds": -90_000.0 }],
            "spool": { "waiting": 1, "oldest_seconds": 5.0 },
            "cache": { "bytes": 2_097_152, "messages": 4, "hits": 3, "misses": 1 },
        }))
        .unwrap();
        let lines = [
            "exgate 0.1.0 runs, for 1 min 1 s",
            "connections   3 imap",
            "to be sent    1, the oldest for 5 s",
            "cache         4 messages, 2 MiB; 3 of 4 were there",
            "unreadable    2 messages, which `exgate problems` lists",
            "certificate   default: ended 1 d 1 h ago",
            "organisation  mailboxes streaming   away  sessions  last heard",
            "main                  2         1      1         3  1 min 1 s ago",
        ];
        assert_eq!(table(&now), lines);
    }
}
