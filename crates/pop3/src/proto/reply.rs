//! Answers (RFC 1939 section 3) with response codes (RFC 2449 section 8, RFC 3206).

use std::borrow::Cow;

/// Why something was refused, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// `AUTH`: the user must mend name or password (RFC 3206 section 4).
    Auth,
    /// `SYS/TEMP`: the same works later.
    Temporary,
    /// `SYS/PERM`: somebody must mend the server.
    Permanent,
}

/// An answer of one line, or the first line of one that has more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Ok(Cow<'static, str>),
    /// `-ERR`
    Err(Option<Code>, Cow<'static, str>),
    /// `+`, a challenge in base64 (RFC 5034 section 4).
    Challenge(Cow<'static, str>),
}

impl Reply {
    /// `+OK`
    pub fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Ok(text.into())
    }

    /// `-ERR` without a code: the client said something that makes no sense here.
    pub fn err(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Err(None, text.into())
    }

    /// Appends it. What is no printable ASCII cannot be said here; what does not fit into 512 octets is cut (RFC 1939
    /// section 3).
    pub fn write(&self, out: &mut Vec<u8>) {
        let (mark, text) = match self {
            Self::Ok(text) => ("+OK ", text.as_ref()),
            Self::Err(None, text) => ("-ERR ", text.as_ref()),
            Self::Err(Some(Code::Auth), text) => ("-ERR [AUTH] ", text.as_ref()),
            Self::Err(Some(Code::Temporary), text) => ("-ERR [SYS/TEMP] ", text.as_ref()),
            Self::Err(Some(Code::Permanent), text) => ("-ERR [SYS/PERM] ", text.as_ref()),
            Self::Challenge(challenge) => ("+ ", challenge.as_ref()),
        };
        out.extend_from_slice(mark.as_bytes());
        let said = text.chars().map(|said| if (' '..='~').contains(&said) { said } else { '?' });
        out.extend(said.take(LONGEST).map(|said| u8::try_from(said).unwrap_or(b'?')));
        out.extend_from_slice(b"\r\n");
    }
}

/// Leaves room for the longest mark and the line's end.
const LONGEST: usize = 490;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn answers_are_lines_that_fit() {
        assert_eq!(written(&Reply::ok("2 320")), "+OK 2 320\r\n");
        assert_eq!(
            written(&Reply::Err(Some(Code::Temporary), "J\u{f6}rg\r\n+OK".into())),
            "-ERR [SYS/TEMP] J?rg??+OK\r\n"
        );
        assert_eq!(written(&Reply::Challenge("".into())), "+ \r\n");
        let long = written(&Reply::Err(Some(Code::Permanent), "word ".repeat(400).into()));
        assert!(long.len() <= 512 && long.ends_with("\r\n"));
    }
}
