//! SOCKS5: methods, name and password, one request, then a tunnel (RFC 1928, RFC 1929).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Host, Note, Proxy, Target, carry};

/// Serves one client.
pub(super) async fn serve(mut stream: TcpStream, proxy: &Proxy, note: &Note) -> io::Result<()> {
    if !greet(&mut stream, proxy, note).await? {
        return Ok(());
    }
    let [version, command, _, form] = read(&mut stream).await?;
    let host = match form {
        1 => Some(Host::Address(IpAddr::from(Ipv4Addr::from(read::<4>(&mut stream).await?)))),
        3 => Some(Host::Name(text(&mut stream).await?)),
        4 => Some(Host::Address(IpAddr::from(Ipv6Addr::from(read::<16>(&mut stream).await?)))),
        _ => None,
    };
    let Some(host) = host.filter(|_| version == VERSION) else {
        note.refused("malformed");
        return reply(&mut stream, ADDRESS_TYPE_NOT_SUPPORTED, None).await;
    };
    let target = Target { host, port: u16::from_be_bytes(read(&mut stream).await?) };
    note.write(|entry| entry.target = Some(target.clone()));
    if command != CONNECT {
        note.refused("no CONNECT");
        return reply(&mut stream, COMMAND_NOT_SUPPORTED, None).await;
    }
    match proxy.dial(&target).await {
        Ok(server) => {
            note.opened(&server)?;
            reply(&mut stream, SUCCEEDED, server.local_addr().ok()).await?;
            carry(stream, server, note).await
        }
        Err(error) => {
            note.refused("unreachable");
            let code =
                if error.kind() == io::ErrorKind::ConnectionRefused { CONNECTION_REFUSED } else { HOST_UNREACHABLE };
            reply(&mut stream, code, None).await?;
            Err(error)
        }
    }
}

/// Methods, and what follows from the chosen one. `false` when the client may not go on.
async fn greet(stream: &mut TcpStream, proxy: &Proxy, note: &Note) -> io::Result<bool> {
    let [version, count] = read(stream).await?;
    let mut methods = vec![0; usize::from(count)];
    stream.read_exact(&mut methods).await?;
    let wanted = if proxy.settings.users.is_empty() { NO_AUTHENTICATION } else { NAME_AND_PASSWORD };
    if version != VERSION || !methods.contains(&wanted) {
        note.refused(if version == VERSION { "no credentials" } else { "malformed" });
        stream.write_all(&[VERSION, NO_ACCEPTABLE_METHODS]).await?;
        return Ok(false);
    }
    stream.write_all(&[VERSION, wanted]).await?;
    if wanted == NO_AUTHENTICATION {
        return Ok(true);
    }
    let [version] = read(stream).await?;
    let (name, password) = (text(stream).await?, text(stream).await?);
    let right = version == NEGOTIATION && proxy.knows(&name, &password);
    note.write(|entry| entry.user = Some(name));
    if !right {
        note.refused("wrong credentials");
    }
    stream.write_all(&[NEGOTIATION, u8::from(!right)]).await?;
    Ok(right)
}

async fn reply(stream: &mut TcpStream, code: u8, bound: Option<SocketAddr>) -> io::Result<()> {
    let bound = bound.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
    let mut out = vec![VERSION, code, 0];
    match bound.ip() {
        IpAddr::V4(address) => out.extend([&[1][..], &address.octets()].concat()),
        IpAddr::V6(address) => out.extend([&[4][..], &address.octets()].concat()),
    }
    out.extend(bound.port().to_be_bytes());
    stream.write_all(&out).await
}

async fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// One octet of length, and so many of text.
async fn text(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const NAME_AND_PASSWORD: u8 = 2;
const NO_ACCEPTABLE_METHODS: u8 = 0xff;
/// RFC 1929 section 2.
const NEGOTIATION: u8 = 1;
const CONNECT: u8 = 1;
const SUCCEEDED: u8 = 0;
const HOST_UNREACHABLE: u8 = 4;
const CONNECTION_REFUSED: u8 = 5;
const COMMAND_NOT_SUPPORTED: u8 = 7;
const ADDRESS_TYPE_NOT_SUPPORTED: u8 = 8;
