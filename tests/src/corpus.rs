//! Messages to carry: plain ones by the number, and hard ones by name.

/// A message and what is hard about it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it is for.
    pub name: &'static str,
    /// The RFC 5322 message, lines ending in CRLF.
    pub bytes: Vec<u8>,
}

/// A short letter with a Message-ID of its own; `key` is any word.
#[must_use]
pub fn letter(key: &str) -> Vec<u8> {
    letter_from(&format!("<{key}@letters.test>"), &format!("Letter {key}"), &format!("This is letter {key}.\r\n"))
}

/// A short letter.
#[must_use]
pub fn letter_from(message_id: &str, subject: &str, body: &str) -> Vec<u8> {
    let id = if message_id.is_empty() { String::new() } else { format!("Message-ID: {message_id}\r\n") };
    format!(
        "From: Bob Miller <bob@demo.test>\r\nTo: Alice Jones <alice@demo.test>\r\nSubject: {subject}\r\n\
         Date: Mon, 02 Mar 2026 09:30:00 +0100\r\n{id}MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A letter with one attachment of about `size` bytes, in base64.
#[must_use]
pub fn big(key: &str, size: usize) -> Vec<u8> {
    let head = format!(
        "From: bob@demo.test\r\nTo: alice@demo.test\r\nSubject: Big {key}\r\nDate: Mon, 02 Mar 2026 09:30:00 +0100\r\n\
         Message-ID: <{key}@big.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"big\"\r\n\r\n\
         --big\r\nContent-Type: text/plain\r\n\r\nSee the attachment.\r\n\
         --big\r\nContent-Type: application/octet-stream; name=\"big.bin\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"big.bin\"\r\n\r\n"
    );
    let mut bytes = Vec::with_capacity(size + 1024);
    bytes.extend_from_slice(head.as_bytes());
    let mut line = 0_u32;
    while bytes.len() < size {
        // 76 letters of base64, not the same in each line.
        line = line.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let word = format!("{line:08X}");
        bytes.extend(word.bytes().cycle().take(76));
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"--big--\r\n");
    bytes
}

/// The header block of a message, the empty line at its end included.
///
/// # Panics
/// If there is no empty line.
#[must_use]
pub fn header_of(message: &[u8]) -> &[u8] {
    let end = message.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a message has an empty line");
    &message[..end + 4]
}

/// Messages whose headers or structure are hard to carry. The ones called `twin` share a Message-ID.
#[must_use]
pub fn corpus() -> Vec<Sample> {
    SAMPLES
        .iter()
        .map(|(name, text)| Sample { name, bytes: text.replace('\n', "\r\n").chars().map(latin1).collect() })
        .collect()
}

/// The samples are written with one char a byte, so that `\u{e4}` is the byte 0xE4.
fn latin1(letter: char) -> u8 {
    u8::try_from(u32::from(letter)).expect("samples are written in bytes")
}

const SAMPLES: &[(&str, &str)] = &[
    (
        "folded",
        "Received: from a.test (a.test [192.0.2.1])\n\tby b.test with ESMTP id 1\n\tfor <alice@demo.test>;\n Mon, 2 Mar 2026 09:00:00 +0000\n\
         From: \"Miller,\n Bob\" <bob@demo.test>\nTo: Alice <alice@demo.test>,\n\tCarol <carol@demo.test>,\n   dave@demo.test\n\
         Subject: A subject that\n is folded\n\ttwice\nDate: Mon, 2 Mar 2026 09:00:00 +0000\n\
         References: <1@folded.test>\n <2@folded.test>\n <3@folded.test>\nMessage-ID: <folded@corpus.test>\n\
         MIME-Version: 1.0\nContent-Type: text/plain;\n charset=us-ascii;\n format=flowed\n\nFolded headers.\n",
    ),
    (
        "duplicate fields",
        "Received: from c.test by d.test; Mon, 2 Mar 2026 08:00:02 +0000\nReceived: from b.test by c.test; Mon, 2 Mar 2026 08:00:01 +0000\n\
         Received: from a.test by b.test; Mon, 2 Mar 2026 08:00:00 +0000\nX-Tag: one\nX-Tag: two\nX-Tag: one\nx-tag: three\n\
         From: bob@demo.test\nTo: alice@demo.test\nSubject: Duplicates\nDate: Mon, 2 Mar 2026 08:00:00 +0000\n\
         Message-ID: <duplicates@corpus.test>\n\nSame field, four times.\n",
    ),
    (
        "8-bit header",
        "From: J\u{c3}\u{bc}rgen M\u{c3}\u{bc}ller <jm@demo.test>\nTo: alice@demo.test\nSubject: Gr\u{c3}\u{bc}\u{c3}\u{9f}e ohne Kodierung\n\
         Date: Mon, 2 Mar 2026 10:00:00 +0000\nMessage-ID: <eightbit@corpus.test>\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\u{c3}\u{bc}\u{c3}\u{9f}e.\n",
    ),
    (
        "Latin-1 header",
        "From: bob@demo.test\nTo: alice@demo.test\nSubject: Caf\u{e9} in Latin-1\nX-Place: K\u{f6}ln\nDate: Mon, 2 Mar 2026 10:30:00 +0000\n\
         Message-ID: <latin1@corpus.test>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n\
         Caf\u{e9}.\n",
    ),
    (
        "encoded words",
        "From: =?utf-8?Q?J=C3=BCrgen_M=C3=BCller?= <jm@demo.test>\nTo: =?utf-8?B?QWxpY2Ug8J+YgA==?= <alice@demo.test>\n\
         Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n =?iso-8859-1?Q?_und_K=FCsse?=\nDate: Mon, 2 Mar 2026 11:00:00 +0000\n\
         Message-ID: <encoded@corpus.test>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe.\n",
    ),
    (
        "nested multiparts",
        "From: bob@demo.test\nTo: alice@demo.test\nSubject: Nested\nDate: Mon, 2 Mar 2026 12:00:00 +0000\nMessage-ID: <nested@corpus.test>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"outer\"\n\nPreamble.\n--outer\n\
         Content-Type: multipart/alternative; boundary=\"inner\"\n\n--inner\nContent-Type: text/plain\n\nPlain.\n--inner\n\
         Content-Type: text/html\n\n<p>Rich.</p>\n--inner--\n--outer\nContent-Type: message/rfc822\n\n\
         From: carol@demo.test\nTo: bob@demo.test\nSubject: Inside\nDate: Sun, 1 Mar 2026 12:00:00 +0000\nMessage-ID: <inside@corpus.test>\n\nInside.\n\
         --outer\nContent-Type: image/gif; name=dot.gif\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=dot.gif\n\n\
         R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=\n--outer--\nEpilogue.\n",
    ),
    (
        "no Message-ID",
        "From: bob@demo.test\nTo: alice@demo.test\nSubject: Nameless one\nDate: Mon, 2 Mar 2026 13:00:00 +0000\n\nNo Message-ID, first.\n",
    ),
    (
        "no Message-ID either",
        "From: bob@demo.test\nTo: alice@demo.test\nSubject: Nameless two\nDate: Mon, 2 Mar 2026 13:00:00 +0000\n\nNo Message-ID, second.\n",
    ),
    (
        "twin",
        "From: bob@demo.test\nTo: alice@demo.test\nSubject: Twin\nDate: Mon, 2 Mar 2026 14:00:00 +0000\nMessage-ID: <twin@corpus.test>\n\n\
         The copy that came directly.\n",
    ),
    (
        "twin by the list",
        "From: bob@demo.test\nTo: list@demo.test\nSubject: [list] Twin\nDate: Mon, 2 Mar 2026 14:00:00 +0000\nMessage-ID: <twin@corpus.test>\n\
         List-Id: <list.demo.test>\n\nThe copy that came by the list.\n-- \nFooter of the list\n",
    ),
    (
        "twin that is forged",
        "From: mallory@evil.test\nTo: alice@demo.test\nSubject: Twin\nDate: Mon, 2 Mar 2026 14:00:00 +0000\nMessage-ID: <twin@corpus.test>\n\n\
         The copy that came forged!!\n",
    ),
    (
        "long and empty",
        "From: bob@demo.test\nTo: alice@demo.test\nSubject:\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\
         X-Empty:\nDate: Mon, 2 Mar 2026 15:00:00 +0000\nMessage-ID: <long@corpus.test>\n\n",
    ),
    (
        "odd boundary",
        "From: bob@demo.test\nTo: alice@demo.test\nSubject: Boundary\nDate: Mon, 2 Mar 2026 16:00:00 +0000\nMessage-ID: <boundary@corpus.test>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed;\n\tboundary=\"----=_Part 1 (odd)?\"\n\n------=_Part 1 (odd)?\n\
         Content-Type: text/plain; charset=utf-8\n\n--not a boundary\n\n------=_Part 1 (odd)?\nContent-Type: text/plain\n\nSecond.\n\
         ------=_Part 1 (odd)?--\n",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_a_message_of_its_own() {
        let all = corpus();
        for (at, sample) in all.iter().enumerate() {
            assert!(
                header_of(&sample.bytes).starts_with(b"From: ") || sample.bytes.starts_with(b"Received: "),
                "{}",
                sample.name
            );
            assert!(!sample.bytes.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r'), "{}", sample.name);
            assert!(all[..at].iter().all(|other| other.bytes != sample.bytes), "{}", sample.name);
        }
        assert!(all.iter().any(|sample| sample.bytes.contains(&0xe9)));
    }

    #[test]
    fn a_big_message_is_about_as_big_as_asked() {
        assert!((100_000..101_000).contains(&big("x", 100_000).len()));
    }
}
