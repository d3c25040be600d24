//! A plain client of submission (RFC 6409): it sends what it is told, adds the dots, and reads replies.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::imap::Broken;

/// A connection for submission.
pub struct Smtp(BufReader<TcpStream>);

/// What a server says to a command (RFC 5321 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The code.
    pub code: u16,
    /// The last line's text.
    pub text: String,
}

impl Smtp {
    /// A connection that has been greeted.
    ///
    /// # Errors
    /// If nobody is there.
    pub async fn connect(place: SocketAddr) -> Result<Self, Broken> {
        let stream = TcpStream::connect(place).await.map_err(broken)?;
        let mut smtp = Self(BufReader::new(stream));
        smtp.read().await?;
        Ok(smtp)
    }

    /// A connection on which [`crate::USER`] is signed in.
    ///
    /// # Errors
    /// If the gateway is not there, or does not let the user in.
    pub async fn sign_in(place: SocketAddr) -> Result<Self, Broken> {
        Self::sign_in_as(place, crate::USER).await
    }

    /// A connection on which somebody is signed in, with [`crate::PASSWORD`].
    ///
    /// # Errors
    /// If the gateway is not there, or does not let the user in.
    pub async fn sign_in_as(place: SocketAddr, user: &str) -> Result<Self, Broken> {
        let mut smtp = Self::connect(place).await?;
        let plain = STANDARD.encode(format!("\0{user}\0{}", crate::PASSWORD));
        for command in ["EHLO client.demo.test".to_owned(), format!("AUTH PLAIN {plain}")] {
            let reply = smtp.ask(&command).await?;
            if reply.code >= 400 {
                return Err(Broken(format!("{command}: {} {}", reply.code, reply.text)));
            }
        }
        Ok(smtp)
    }

    /// Says a line and reads the reply.
    ///
    /// # Errors
    /// If the connection ends.
    pub async fn ask(&mut self, command: &str) -> Result<Reply, Broken> {
        self.write(format!("{command}\r\n").as_bytes()).await?;
        self.read().await
    }

    /// Sends a message in the name of [`crate::USER`], with these parameters of MAIL; gives the first refusal, or the end.
    ///
    /// # Errors
    /// If the connection ends.
    pub async fn send(&mut self, parameters: &str, message: &[u8], recipients: &[&str]) -> Result<Reply, Broken> {
        match self.hand_over(&format!("<{}>{parameters}", crate::USER), message, recipients).await? {
            Some(refused) => Ok(refused),
            None => self.read().await,
        }
    }

    /// Sends a message whose sender and parameters are these, to its very end, and gives the first refusal; the reply is not
    /// waited for.
    ///
    /// # Errors
    /// If the connection ends.
    pub async fn hand_over(
        &mut self,
        from: &str,
        message: &[u8],
        recipients: &[&str],
    ) -> Result<Option<Reply>, Broken> {
        let mut commands = vec![format!("MAIL FROM:{from}")];
        commands.extend(recipients.iter().map(|recipient| format!("RCPT TO:<{recipient}>")));
        commands.push("DATA".to_owned());
        for command in commands {
            let reply = self.ask(&command).await?;
            if reply.code >= 400 {
                return Ok(Some(reply));
            }
        }
        let mut stuffed = Vec::with_capacity(message.len() + 3);
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        stuffed.extend_from_slice(b".\r\n");
        self.write(&stuffed).await?;
        Ok(None)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.0.get_mut().write_all(bytes).await.map_err(broken)
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// If the connection ends.
    pub async fn read(&mut self) -> Result<Reply, Broken> {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).await.map_err(broken)?;
            if read == 0 {
                return Err(Broken("closed".to_owned()));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                let code = line.get(..3).and_then(|code| code.parse().ok()).ok_or_else(|| Broken(line.clone()))?;
                return Ok(Reply { code, text: line.get(4..).unwrap_or_default().trim_end().to_owned() });
            }
        }
    }
}

fn broken(error: std::io::Error) -> Broken {
    Broken(error.to_string())
}
