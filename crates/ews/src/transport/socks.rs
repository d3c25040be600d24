//! Through a SOCKS5 proxy, which resolves the name (RFC 1928), with user name and password (RFC 1929).

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{Cause, Error, ErrorKind, Proxy};

/// Asks the proxy at the other end of a stream to connect to a host.
pub(super) async fn connect<S>(stream: &mut S, proxy: &Proxy, host: &str, port: u16) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let talk = Talk { stream, proxy };
    talk.run(host, port).await
}

struct Talk<'a, S> {
    stream: &'a mut S,
    proxy: &'a Proxy,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn run(mut self, host: &str, port: u16) -> Result<(), Error> {
        let with_password = self.proxy.credentials.is_some();
        self.write(if with_password { &[5, 2, 0, 2] } else { &[5, 1, 0] }).await?;
        match self.read::<2>().await? {
            [5, 0] => {}
            [5, 2] if with_password => self.sign_in().await?,
            [5, _] if with_password => return Err(self.denied("takes neither nobody nor a user name and password")),
            [5, _] => {
                return Err(
                    self.denied("asks for a user name and password; set egress.proxy_user and egress.proxy_password")
                );
            }
            _ => return Err(self.failed("is no SOCKS5 proxy")),
        }
        self.write(&request(host, port).ok_or_else(|| self.failed("takes no host name of that length"))?).await?;
        let [version, reply, _, kind] = self.read::<4>().await?;
        if version != 5 {
            return Err(self.failed("is no SOCKS5 proxy"));
        }
        if reply != 0 {
            let reason =
                REPLIES.iter().find(|(code, _)| *code == reply).map_or("for a reason of its own", |(_, text)| text);
            let error = self.failed(&format!("does not connect to {host}: {reason}"));
            let is_about_host = matches!(reply, 3..=6);
            return Err(if is_about_host { error.because(Cause::Unreachable) } else { error });
        }
        // The address it leaves from says nothing to us.
        let length = match kind {
            1 => 4,
            4 => 16,
            3 => usize::from(self.read::<1>().await?[0]),
            _ => return Err(self.failed("answers with an address of no known kind")),
        };
        let mut address = [0; 257];
        let address = address.get_mut(..length + 2).unwrap_or_default();
        self.stream.read_exact(address).await.map_err(|error| self.failed(&error.to_string()))?;
        Ok(())
    }

    /// RFC 1929 section 2
    async fn sign_in(&mut self) -> Result<(), Error> {
        let Some((user, password)) = &self.proxy.credentials else { return Ok(()) };
        let lengths = (u8::try_from(user.len()), u8::try_from(password.expose().len()));
        let (Ok(user_length), Ok(password_length)) = lengths else {
            return Err(self.denied("takes no user name or password of more than 255 bytes"));
        };
        let mut message = zeroize::Zeroizing::new(vec![1, user_length]);
        message.extend_from_slice(user.as_bytes());
        message.push(password_length);
        message.extend_from_slice(password.expose().as_bytes());
        self.write(&message).await?;
        match self.read::<2>().await? {
            [_, 0] => Ok(()),
            _ => Err(self.denied("refuses egress.proxy_user or egress.proxy_password")),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).await.map_err(|error| self.failed(&error.to_string()))
    }

    async fn read<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).await.map_err(|error| self.failed(&error.to_string()))?;
        Ok(bytes)
    }

    fn failed(&self, what: &str) -> Error {
        Error::unavailable(format!("proxy {}:{} {what}", self.proxy.host, self.proxy.port)).because(Cause::Proxy)
    }

    fn denied(&self, what: &str) -> Error {
        Error { kind: ErrorKind::Denied, ..self.failed(what) }.because(Cause::ProxySignIn)
    }
}

/// CONNECT to a name, or to an address if it is one (RFC 1928 section 4).
fn request(host: &str, port: u16) -> Option<Vec<u8>> {
    let mut message = vec![5, 1, 0];
    match host.parse() {
        Ok(std::net::IpAddr::V4(address)) => {
            message.push(1);
            message.extend_from_slice(&address.octets());
        }
        Ok(std::net::IpAddr::V6(address)) => {
            message.push(4);
            message.extend_from_slice(&address.octets());
        }
        Err(_) => {
            message.extend_from_slice(&[3, u8::try_from(host.len()).ok()?]);
            message.extend_from_slice(host.as_bytes());
        }
    }
    message.extend_from_slice(&port.to_be_bytes());
    Some(message)
}

/// RFC 1928 section 6
const REPLIES: [(u8, &str); 8] = [
    (1, "general failure"),
    (2, "its rules do not allow it"),
    (3, "the network is unreachable"),
    (4, "the host is unreachable"),
    (5, "the connection was refused"),
    (6, "it took too long"),
    (7, "it does not know CONNECT"),
    (8, "it does not know this kind of address"),
];
