//! `--proxy` and what follows it: every option belongs to the `--proxy` before it.

use std::net::{IpAddr, SocketAddr};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, builder::ValueParser};
use exchange_sim::proxy::{Auth, Kind, Settings};

/// All proxies, in the order of the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(pub(crate) Vec<Settings>);

/// One option with its value.
enum Piece {
    Proxy(SocketAddr),
    Kind(Kind),
    Auth(Auth),
    User((String, String)),
    Bind(IpAddr),
}

impl FromArgMatches for Proxies {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut pieces: Vec<(usize, Piece)> = Vec::new();
        pieces.extend(given(matches, PROXY, Piece::Proxy));
        pieces.extend(given(matches, KIND, Piece::Kind));
        pieces.extend(given(matches, AUTH, Piece::Auth));
        pieces.extend(given(matches, USER, Piece::User));
        pieces.extend(given(matches, BIND, Piece::Bind));
        // What stands before the first proxy belongs to the first.
        pieces.sort_by_key(|(place, _)| *place);
        if let Some(first) = pieces.iter().position(|(_, piece)| matches!(piece, Piece::Proxy(_))) {
            let proxy = pieces.remove(first);
            pieces.insert(0, proxy);
        }
        let mut proxies: Vec<Settings> = Vec::new();
        for (_, piece) in pieces {
            if let Piece::Proxy(listen) = piece {
                proxies.push(Settings { listen, ..Settings::loopback(Kind::Connect) });
            } else if let Some(proxy) = proxies.last_mut() {
                match piece {
                    Piece::Kind(kind) => proxy.kind = kind,
                    Piece::Auth(auth) => proxy.auth = auth,
                    Piece::User(user) => proxy.users.push(user),
                    Piece::Bind(address) => proxy.bind = Some(address),
                    Piece::Proxy(_) => {}
                }
            }
        }
        let map: Vec<(String, SocketAddr)> = matches.get_many(MAP).unwrap_or_default().cloned().collect();
        proxies.iter_mut().for_each(|proxy| proxy.map.clone_from(&map));
        Ok(Self(proxies))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Proxies {
    fn augment_args(command: Command) -> Command {
        let option = |id: &'static str, value: &'static str, parser: ValueParser, help: &'static str| {
            Arg::new(id).long(id).value_name(value).value_parser(parser).action(ArgAction::Append).help(help)
        };
        let of_proxy = |id, value, parser, help| option(id, value, parser, help).requires(PROXY);
        let kind = ValueParser::new(|text: &str| text.parse::<Kind>());
        let auth = ValueParser::new(|text: &str| text.parse::<Auth>());
        command
            .arg(option(
                PROXY,
                "ADDR",
                address(),
                "Address of a forward proxy; the options that follow are for this one",
            ))
            .arg(of_proxy(KIND, "KIND", kind, "What the proxy speaks: connect or socks5 [default: connect]"))
            .arg(of_proxy(AUTH, "SCHEME", auth, "How people sign in at the proxy: basic or ntlm [default: basic]"))
            .arg(of_proxy(
                USER,
                "NAME:PASSWORD",
                ValueParser::new(user),
                "Someone the proxy lets pass; without, everyone",
            ))
            .arg(of_proxy(BIND, "IP", ValueParser::new(ip), "Where the proxy's own connections come from"))
            .arg(of_proxy(
                MAP,
                "HOST:PORT=ADDR:PORT",
                ValueParser::new(place),
                "Where a name leads; every proxy knows it",
            ))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The values of an option with their places on the command line.
fn given<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    id: &str,
    piece: impl Fn(T) -> Piece,
) -> Vec<(usize, Piece)> {
    let values = matches.get_many::<T>(id).unwrap_or_default().cloned().map(piece);
    matches.indices_of(id).unwrap_or_default().zip(values).collect()
}

fn address() -> ValueParser {
    ValueParser::new(|text: &str| text.parse::<SocketAddr>().map_err(|_| format!("no address: {text}")))
}

fn ip(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("no address: {text}"))
}

/// `NAME:PASSWORD`; the password may hold colons.
fn user(text: &str) -> Result<(String, String), String> {
    let (name, password) = text.split_once(':').ok_or("the password is missing: NAME:PASSWORD")?;
    Ok((name.to_owned(), password.to_owned()))
}

/// `HOST:PORT=ADDR:PORT`
fn place(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, address) = text.split_once('=').ok_or("a place looks like HOST:PORT=ADDR:PORT")?;
    if name.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        return Err(format!("the port is missing: {name}"));
    }
    Ok((name.to_owned(), address.parse().map_err(|_| format!("no address: {address}"))?))
}

const PROXY: &str = "proxy";
const KIND: &str = "proxy-kind";
const AUTH: &str = "proxy-auth";
const USER: &str = "proxy-user";
const BIND: &str = "proxy-bind";
const MAP: &str = "proxy-map";
