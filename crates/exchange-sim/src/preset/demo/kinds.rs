//! The shapes a message can have.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{letter::Letter, words::LANGUAGES};
use crate::preset::{
    compose::{Carry, Part, pdf, png},
    dice::Dice,
};

/// Makes the body of a letter in a language, and may add to its head.
pub(super) type Kind = fn(&mut Letter, &mut Dice, usize) -> Part;

/// What people send each other; more common ones stand more often.
pub(super) const LETTERS: &[Kind] = &[
    plain,
    plain,
    plain,
    plain,
    flowed,
    alternative,
    alternative,
    alternative,
    alternative,
    html_only,
    pictured,
    files,
    files,
    forwarded,
    quoted_reply,
    quoted_reply,
];

/// One of each of the rare ones.
pub(super) const RARITIES: &[Kind] = &[
    empty,
    long_line,
    raw_fields,
    japanese,
    cyrillic,
    chinese,
    invitation,
    bounce,
    signed,
    encrypted,
    large_file,
    deep,
    odd_names,
    no_subject,
    hidden_recipients,
    undated,
    calendar_only,
    picture_only,
    windows,
    receipt,
];

/// Paragraphs of a letter, lines ended by CRLF.
pub(super) fn prose(letter: &Letter, dice: &mut Dice, language: usize) -> String {
    let Some(language) = LANGUAGES.get(language).or(LANGUAGES.first()) else { return String::new() };
    let mut text = format!("{},\r\n\r\n", language.greeting.trim_end_matches(','));
    for _ in 0..1 + dice.below(3) {
        for _ in 0..1 + dice.below(4) {
            text += dice.pick(language.sentences);
            text += if dice.chance(70) { "\r\n" } else { " " };
        }
        text += "\r\n";
    }
    format!("{text}{},\r\n{}\r\n-- \r\n{}\r\n", language.closing, letter.from.name, letter.from.address)
}

pub(super) fn html(text: &str) -> String {
    let safe = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let paragraphs: Vec<String> = safe
        .split("\r\n\r\n")
        .map(|paragraph| format!("<p>{}</p>", paragraph.trim().replace("\r\n", "<br>\r\n")))
        .collect();
    format!(
        "<html>\r\n<head><style>p {{ margin: 0 0 1em 0 }}</style></head>\r\n<body>\r\n{}\r\n</body>\r\n</html>\r\n",
        paragraphs.join("\r\n")
    )
}

/// The same text twice, as most programs send it.
pub(super) fn both(text: &str, boundary: &str, carry: Carry) -> Part {
    Part::multi("alternative", boundary, &[Part::text("plain", text, carry), Part::text("html", &html(text), carry)])
}

fn carry(dice: &mut Dice) -> Carry {
    dice.pick(&[Carry::Plain, Carry::Quoted, Carry::Quoted, Carry::Base64])
}

fn boundary(letter: &Letter, part: u32) -> String {
    match letter.number % 3 {
        0 => format!("----=_Part_{}_{part}", letter.number),
        1 => format!("_{part:03}_{:016x}example_", letter.number.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        _ => format!("=-{}/{part}+b'()?", letter.number),
    }
}

fn plain(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    let carry =
        if language == 1 && dice.chance(40) { dice.pick(&[Carry::Latin1, Carry::Windows]) } else { carry(dice) };
    Part::text("plain", &prose(letter, dice, language), carry)
}

fn flowed(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    letter.extra += "User-Agent: Mozilla Thunderbird\r\n";
    Part::text("plain", &prose(letter, dice, language), Carry::Flowed)
}

fn alternative(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    letter.extra += "X-Mailer: Apple Mail (2.3774)\r\n";
    let carry = carry(dice);
    both(&prose(letter, dice, language), &boundary(letter, 1), carry)
}

fn html_only(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    let carry = carry(dice);
    Part::text("html", &html(&prose(letter, dice, language)), carry)
}

fn pictured(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    let text = prose(letter, dice, language);
    let id = format!("image001.{:08X}@example.com", letter.number);
    let colour = [dice.below(256) as u8, dice.below(256) as u8, dice.below(256) as u8];
    let page = html(&text).replace("</body>", &format!("<img src=\"cid:{id}\" width=\"48\" height=\"16\">\r\n</body>"));
    let related = Part::multi(
        "related; type=\"text/html\"",
        &boundary(letter, 2),
        &[
            Part::text("html", &page, Carry::Quoted),
            Part::inline(&id, "image001.png", "image/png", &png(48, 16, colour)),
        ],
    );
    Part::multi("alternative", &boundary(letter, 1), &[Part::text("plain", &text, Carry::Quoted), related])
}

fn files(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    let mut parts = vec![both(&prose(letter, dice, language), &boundary(letter, 2), Carry::Quoted)];
    for _ in 0..1 + dice.below(3) {
        parts.push(match dice.below(5) {
            0 => Part::file("Angebot für Übersee.pdf", "application/pdf", &pdf("Angebot")),
            1 => Part::file("figures.csv", "text/csv", b"month,amount\r\n2026-01,1200\r\n2026-02,980\r\n"),
            2 => Part::file("photo.png", "image/png", &png(64, 40, [200, dice.below(256) as u8, 40])),
            3 => Part::file("会議の資料.pdf", "application/pdf", &pdf("Meeting")),
            _ => Part::file("notes.txt", "text/plain", b"Remember the milk.\n"),
        });
    }
    Part::multi("mixed", &boundary(letter, 1), &parts)
}

fn forwarded(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    letter.subject = format!("FW: {}", letter.subject);
    let mut inner = letter.clone();
    inner.id = letter.id.as_ref().map(|id| id.replace('<', "<inner."));
    inner.from = letter.to.first().cloned().unwrap_or_else(|| letter.from.clone());
    (inner.references, inner.extra) = (Vec::new(), String::new());
    let original = both(&prose(&inner, dice, language), &boundary(letter, 3), Carry::Plain).under(&inner.fields());
    let note = Part::text("plain", "See below.\r\n", Carry::Plain);
    Part::multi("mixed", &boundary(letter, 1), &[note, Part::message(original)])
}

fn quoted_reply(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    let earlier = prose(letter, dice, language);
    let quoted: String = earlier.lines().map(|line| format!("> {line}\r\n")).collect();
    let text = format!("{}\r\nOn that day {} wrote:\r\n{quoted}", prose(letter, dice, language), letter.from.name);
    Part::text("plain", &text, carry(dice))
}

fn empty(letter: &mut Letter, _: &mut Dice, _: usize) -> Part {
    letter.subject = "(only a subject)".to_owned();
    Part::raw("Content-Type: text/plain; charset=us-ascii\r\n", "")
}

fn long_line(letter: &mut Letter, dice: &mut Dice, _: usize) -> Part {
    letter.subject = format!("A very long subject: {}", "and on it goes, ".repeat(30));
    let line: Vec<u8> = (0..5000).map(|_| b'a' + dice.below(26) as u8).collect();
    Part::text("plain", &format!("{}\r\n", String::from_utf8_lossy(&line)), Carry::Base64)
}

/// RFC 6532: UTF-8 in fields, without encoded words.
fn raw_fields(letter: &mut Letter, dice: &mut Dice, _: usize) -> Part {
    letter.raw = true;
    letter.subject = "Rückmeldung: наш план – 計画".to_owned();
    Part::text("plain", &prose(letter, dice, 1), Carry::Plain)
}

fn japanese(letter: &mut Letter, _: &mut Dice, _: usize) -> Part {
    let text = b"\x1b$B$3$s$K$A$O\x1b(B\r\n";
    letter.subject = format!("=?ISO-2022-JP?B?{}?=", STANDARD.encode(b"\x1b$B$3$s$K$A$O\x1b(B"));
    Part::raw("Content-Type: text/plain; charset=iso-2022-jp\r\nContent-Transfer-Encoding: 7bit\r\n", *text)
}

fn cyrillic(letter: &mut Letter, _: &mut Dice, _: usize) -> Part {
    letter.subject = "=?koi8-r?Q?=F0=D2=C9=D7=C5=D4?=".to_owned();
    Part::raw(
        "Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: 8bit\r\n",
        *b"\xf0\xd2\xc9\xd7\xc5\xd4\r\n",
    )
}

fn chinese(letter: &mut Letter, _: &mut Dice, _: usize) -> Part {
    letter.subject = "=?gb2312?B?xOO6ww==?=".to_owned();
    Part::raw("Content-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: base64\r\n", *b"xOO6ww0K\r\n")
}

fn event(letter: &Letter) -> String {
    let start = letter.sent.strftime("%Y%m%dT%H0000Z");
    format!(
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nPRODID:-//Example//Planner//EN\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n\
         UID:{}@example.com\r\nDTSTAMP:{start}\r\nDTSTART:{start}\r\nDURATION:PT1H\r\nSUMMARY:{}\r\n\
         ORGANIZER:mailto:{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        letter.number, letter.subject, letter.from.address
    )
}

fn invitation(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    letter.subject = "Invitation: Planning round".to_owned();
    let calendar = Part::raw(
        "Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\nContent-Transfer-Encoding: 8bit\r\n",
        event(letter),
    );
    let text = Part::text("plain", &prose(letter, dice, language), Carry::Quoted);
    Part::multi("alternative", &boundary(letter, 1), &[text, calendar])
}

fn calendar_only(letter: &mut Letter, _: &mut Dice, _: usize) -> Part {
    letter.subject = "Dentist".to_owned();
    Part::raw("Content-Type: text/calendar; charset=us-ascii; name=\"event.ics\"\r\n", event(letter))
}

/// A delivery report (RFC 3464) with an empty return path.
fn bounce(letter: &mut Letter, _: &mut Dice, _: usize) -> Part {
    letter.subject = "Undelivered Mail Returned to Sender".to_owned();
    letter.from.name = "Mail Delivery System".to_owned();
    letter.extra = format!("Auto-Submitted: auto-replied\r\nReturn-Path: <>\r\n{}", letter.extra);
    let status = Part::raw(
        "Content-Type: message/delivery-status\r\n",
        "Reporting-MTA: dns; mail.example.com\r\n\r\nFinal-Recipient: rfc822; nobody@example.com\r\nAction: failed\r\n\
         Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 No such user\r\n",
    );
    let head = Part::raw("Content-Type: text/rfc822-headers\r\n", "Subject: lost\r\nMessage-ID: <lost@demo.test>\r\n");
    let note = Part::text("plain", "Your message could not be delivered.\r\n", Carry::Plain);
    Part::multi("report; report-type=delivery-status", &boundary(letter, 1), &[note, status, head])
}

fn signed(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    let content = Part::text("plain", &prose(letter, dice, language), Carry::Quoted);
    let signature = Part::file("smime.p7s", "application/pkcs7-signature", &[0x30; 300]);
    Part::multi(
        "signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256",
        &boundary(letter, 1),
        &[content, signature],
    )
}

fn encrypted(letter: &mut Letter, _: &mut Dice, _: usize) -> Part {
    letter.subject = "Confidential".to_owned();
    let mut part = Part::file("smime.p7m", "application/pkcs7-mime; smime-type=enveloped-data", &[0x31; 900]);
    part.fields = part.fields.replace("attachment", "inline");
    part
}

fn large_file(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    letter.subject = "Scan of the plans (large)".to_owned();
    let bytes: Vec<u8> = (0..50_000).flat_map(|_| dice.number().to_le_bytes()).collect();
    let text = Part::text("plain", &prose(letter, dice, language), Carry::Plain);
    Part::multi("mixed", &boundary(letter, 1), &[text, Part::file("plans.tif", "image/tiff", &bytes)])
}

fn deep(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    letter.subject = "Part within part within part".to_owned();
    let core = Part::text("plain", &prose(letter, dice, language), Carry::Quoted);
    (0..12).fold(core, |part, level| Part::multi("mixed", &format!("level-{level}-{}", letter.number), &[part]))
}

/// Parameter continuations (RFC 2231 section 3), an encoded word where none may be, and a name with a slash.
fn odd_names(letter: &mut Letter, _: &mut Dice, _: usize) -> Part {
    letter.subject = "Attachments with odd names".to_owned();
    let file = |fields: &str| Part::raw(&format!("{fields}Content-Transfer-Encoding: base64\r\n"), *b"AAECAwQ=\r\n");
    Part::multi(
        "mixed",
        &boundary(letter, 1),
        &[
            file(
                "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename*0*=utf-8''%E2%82%AC%20;\r\n filename*1*=rates;\r\n filename*2=\".bin\"\r\n",
            ),
            file(
                "Content-Type: application/octet-stream; name=\"=?utf-8?B?4oKsLmJpbg==?=\"\r\nContent-Disposition: attachment\r\n",
            ),
            file(
                "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"a/b\\\"c.bin\"\r\n",
            ),
            file("Content-Type: application/octet-stream\r\n"),
        ],
    )
}

fn no_subject(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    letter.subject.clear();
    plain(letter, dice, language)
}

fn hidden_recipients(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    letter.to.clear();
    plain(letter, dice, language)
}

fn undated(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    letter.dated = false;
    plain(letter, dice, language)
}

fn picture_only(letter: &mut Letter, _: &mut Dice, _: usize) -> Part {
    letter.subject = "IMG_2041".to_owned();
    Part::file("IMG_2041.png", "image/png", &png(120, 80, [30, 120, 200]))
}

fn windows(letter: &mut Letter, dice: &mut Dice, _: usize) -> Part {
    letter.extra +=
        "X-Mailer: Microsoft Outlook 16.0\r\nX-Priority: 1\r\nImportance: high\r\nThread-Index: AdxB0aX1\r\n";
    Part::text("plain", &prose(letter, dice, 1), Carry::Windows)
}

fn receipt(letter: &mut Letter, dice: &mut Dice, language: usize) -> Part {
    letter.extra += &format!("Disposition-Notification-To: {}\r\n", letter.from.address);
    alternative(letter, dice, language)
}
