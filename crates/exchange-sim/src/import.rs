//! Mail from files: a Maildir, an mbox, or a directory of .eml files.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use jiff::Timestamp;

use crate::{Exchange, Original, Received, mime::parse::parse};

/// Puts every message found at `path` into the inbox of `mailbox`, oldest first. Returns how many.
///
/// # Errors
/// A sentence naming the file that cannot be read, or what the organisation refused.
pub fn into_inbox(exchange: &Exchange, mailbox: &str, path: &Path) -> Result<usize, String> {
    let mut messages = read(path).map_err(|error| format!("mail at {}: {error}", path.display()))?;
    messages.sort_by_key(|found| found.received.date);
    let count = messages.len();
    for Found { message, received } in messages {
        exchange.import(mailbox, "inbox", Original::Bytes(message.into()), received)?;
    }
    Ok(count)
}

#[derive(Debug)]
struct Found {
    message: Vec<u8>,
    received: Received,
}

fn read(path: &Path) -> io::Result<Vec<Found>> {
    if fs::metadata(path)?.is_file() {
        return Ok(mbox(&fs::read(path)?));
    }
    if path.join("cur").is_dir() {
        return maildir(path);
    }
    let mut found = Vec::new();
    for file in files(path)? {
        if file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("eml")) {
            found.push(single(&file)?);
        }
    }
    Ok(found)
}

/// `unique:2,flags` in `cur` and `new` (cr.yp.to/proto/maildir.html): P passed on, R replied, S seen, T trashed,
/// D draft, F flagged. What is trashed is left out.
fn maildir(path: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for directory in ["new", "cur"] {
        for file in files(&path.join(directory))? {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let flags = name.rsplit_once(":2,").map_or("", |(_, flags)| flags);
            if name.starts_with('.') || flags.contains('T') {
                continue;
            }
            let Found { message, received } = single(&file)?;
            let received = Received {
                read: flags.contains('S'),
                flagged: flags.contains('F'),
                answered: flags.contains('R'),
                forwarded: flags.contains('P'),
                draft: flags.contains('D'),
                ..received
            };
            found.push(Found { message, received });
        }
    }
    Ok(found)
}

/// Messages behind `From ` lines (RFC 4155 and the mboxrd quoting of `>From `). `Status` and `X-Status` tell flags.
fn mbox(bytes: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut message: Option<Vec<u8>> = None;
    let mut after_blank = true;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if after_blank && line.starts_with(b"From ") {
            found.extend(message.replace(Vec::new()).map(from_mbox));
        } else if let Some(message) = &mut message {
            let quoted = line.iter().take_while(|&&byte| byte == b'>').count();
            let unquoted = quoted > 0 && line.get(quoted..).is_some_and(|rest| rest.starts_with(b"From "));
            message.extend_from_slice(line.get(usize::from(unquoted)..).unwrap_or_default());
        }
        after_blank = line.trim_ascii().is_empty();
    }
    found.extend(message.map(from_mbox));
    found
}

fn from_mbox(mut message: Vec<u8>) -> Found {
    // The empty line before the next From line belongs to the format.
    if message.ends_with(b"\n\n") || message.ends_with(b"\r\n\r\n") {
        message.pop();
        message.pop_if(|byte| *byte == b'\r');
    }
    let headers = parse(&message).headers;
    let status: String = headers
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("Status") || name.eq_ignore_ascii_case("X-Status"))
        .map(|(_, value)| value.trim())
        .collect();
    let found = from_bytes(message, Timestamp::UNIX_EPOCH);
    let received = Received {
        read: status.contains('R'),
        answered: status.contains('A'),
        flagged: status.contains('F'),
        draft: status.contains('T'),
        ..found.received
    };
    Found { received, ..found }
}

fn single(file: &Path) -> io::Result<Found> {
    let modified = fs::metadata(file)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let modified = i64::try_from(modified.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    Ok(from_bytes(fs::read(file)?, modified.unwrap_or(Timestamp::UNIX_EPOCH)))
}

/// Received when it says it was sent, else at `otherwise`. Lines end as they must in mail.
fn from_bytes(message: Vec<u8>, otherwise: Timestamp) -> Found {
    let message = with_crlf(message);
    let date = parse(&message).date.and_then(|date| Timestamp::from_second(date).ok()).unwrap_or(otherwise);
    Found { message, received: Received::at(date) }
}

fn with_crlf(message: Vec<u8>) -> Vec<u8> {
    let bare =
        message.iter().enumerate().any(|(at, byte)| *byte == b'\n' && (at == 0 || message.get(at - 1) != Some(&b'\r')));
    if !bare {
        return message;
    }
    let mut out = Vec::with_capacity(message.len() + message.len() / 32);
    for line in message.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                out.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// The files of a directory by name; none when it is not there.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && directory.parent().is_some_and(Path::is_dir) => {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox_is_cut_at_its_from_lines() {
        let found = mbox(
            b"From a Thu Jan  1 00:00:00 1970\nSubject: one\nStatus: RO\nX-Status: F\n\nHello\nFrom here on text\n>From quoted\n>>From twice\n\n\
              From b Thu Jan  1 00:00:00 1970\nSubject: two\nDate: Thu, 1 Jan 1970 00:00:05 +0000\n\nlast\n",
        );
        let texts: Vec<String> = found.iter().map(|found| String::from_utf8(found.message.clone()).unwrap()).collect();
        assert_eq!(
            texts,
            [
                "Subject: one\r\nStatus: RO\r\nX-Status: F\r\n\r\nHello\r\nFrom here on text\r\nFrom quoted\r\n>From twice\r\n",
                "Subject: two\r\nDate: Thu, 1 Jan 1970 00:00:05 +0000\r\n\r\nlast\r\n",
            ]
        );
        assert!(found[0].received.read && found[0].received.flagged && !found[1].received.read);
        assert_eq!(found[1].received.date.as_second(), 5);
    }

    #[test]
    fn a_maildir_tells_flags_in_names() {
        let directory = std::env::temp_dir().join(format!("exchange-sim-maildir-{}", uuid::Uuid::new_v4()));
        for sub in ["cur", "new"] {
            fs::create_dir_all(directory.join(sub)).unwrap();
        }
        fs::write(directory.join("cur/1:2,FS"), "Subject: one\n\nx").unwrap();
        fs::write(directory.join("cur/2:2,T"), "Subject: gone\n\nx").unwrap();
        fs::write(directory.join("new/3"), "Subject: two\n\nx").unwrap();
        let found = read(&directory).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        let mut seen: Vec<(bool, bool)> =
            found.iter().map(|found| (found.received.read, found.received.flagged)).collect();
        seen.sort();
        assert_eq!(seen, [(false, false), (true, true)]);
        assert!(found.iter().all(|found| found.message.ends_with(b"\r\n\r\nx")));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let exchange =
            Exchange::new(crate::Options { version: crate::Version::ExchangeSe, mime: crate::MimeMode::Verbatim });
        for path in ["/nowhere", "/nowhere/mail"] {
            let error = into_inbox(&exchange, "a@a.test", Path::new(path)).unwrap_err();
            assert!(error.starts_with(&format!("mail at {path}: ")), "{error}");
        }
    }
}
