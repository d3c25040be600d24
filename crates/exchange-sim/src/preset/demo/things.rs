//! Address books, task lists and notes that look real.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{ToSpan, civil::Date};

use super::{
    calendar::find_folder,
    directory::portrait,
    people::PEOPLE,
    request::{create, escaped, own},
};
use crate::{Exchange, Version, http::User};

/// Fills the address books, task lists and notes; gives the number of items.
///
/// # Errors
/// What the organisation refused.
pub(super) fn fill(exchange: &Exchange, users: &[User], today: Date) -> Result<usize, String> {
    let mut count = 0;
    for (place, user) in users.iter().enumerate() {
        count += contacts(exchange, user, if place == 0 { PEOPLE.len() } else { 5 + place })?;
        count += tasks(exchange, user, today, place)?;
        count += notes(exchange, user)?;
    }
    Ok(count)
}

fn contacts(exchange: &Exchange, user: &User, most: usize) -> Result<usize, String> {
    let modern = exchange.options().version >= Version::Exchange2010;
    let items: String =
        PEOPLE.iter().take(most).enumerate().map(|(place, person)| contact(place, person, modern)).collect();
    create(exchange, &user.address, &own("contacts"), "", &items)?;
    let members: String = PEOPLE
        .iter()
        .take(4)
        .map(|(name, address, _)| {
            format!("<t:Member><t:Mailbox><t:Name>{}</t:Name><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox></t:Member>", escaped(name))
        })
        .collect();
    let members = if modern { format!("<t:Members>{members}</t:Members>") } else { String::new() };
    let list = format!("<t:DistributionList><t:DisplayName>Suppliers</t:DisplayName>{members}</t:DistributionList>");
    create(exchange, &user.address, &own("contacts"), "", &list)?;
    exchange.create_folder(&user.address, "contacts/Clients", "IPF.Contact")?;
    let folder = find_folder(exchange, &user.address, "contacts", "Clients")?;
    let clients: String =
        PEOPLE.iter().rev().take(6).enumerate().map(|(place, person)| contact(place + 7, person, modern)).collect();
    create(exchange, &user.address, &folder, "", &clients)?;
    Ok(most + 7)
}

/// One contact; which fields it has goes by its number.
fn contact(place: usize, (name, address, _): &(&str, &str, usize), modern: bool) -> String {
    let (given, surname) = name.rsplit_once(' ').unwrap_or((name, ""));
    let entry = |key: &str, text: &str| format!("<t:Entry Key=\"{key}\">{text}</t:Entry>");
    let domain = address.rsplit('@').next().unwrap_or_default();
    let mut out = String::from("<t:Contact>");
    if place.is_multiple_of(4) {
        let flag = if modern { "<t:IsInline>false</t:IsInline><t:IsContactPhoto>true</t:IsContactPhoto>" } else { "" };
        out += &format!(
            "<t:Attachments><t:FileAttachment><t:Name>ContactPicture.jpg</t:Name>{flag}<t:Content>{}</t:Content></t:FileAttachment></t:Attachments>",
            STANDARD.encode(portrait(place + 30))
        );
    }
    if place.is_multiple_of(3) {
        out += "<t:Categories><t:String>Partner</t:String></t:Categories>";
    }
    out += "<t:FileAsMapping>LastCommaFirst</t:FileAsMapping>";
    out += &format!("<t:GivenName>{}</t:GivenName>", escaped(given));
    out += &format!("<t:CompanyName>{domain}</t:CompanyName>");
    let second =
        if place.is_multiple_of(5) { entry("EmailAddress2", &format!("office@{domain}")) } else { String::new() };
    out += &format!("<t:EmailAddresses>{}{second}</t:EmailAddresses>", entry("EmailAddress1", address));
    if place.is_multiple_of(2) {
        out += &format!(
            "<t:PhysicalAddresses><t:Entry Key=\"Business\"><t:Street>Am Kanal {}</t:Street><t:City>Hamburg</t:City><t:CountryOrRegion>Germany</t:CountryOrRegion><t:PostalCode>2045{}</t:PostalCode></t:Entry></t:PhysicalAddresses>",
            place + 1,
            place % 10
        );
    }
    out += &format!(
        "<t:PhoneNumbers>{}{}</t:PhoneNumbers>",
        entry("BusinessPhone", &format!("+49 40 5550 {:03}", place + 100)),
        entry("MobilePhone", &format!("+49 170 5550 {:03}", place + 100))
    );
    if place % 3 == 1 {
        out += &format!("<t:Birthday>{}-{:02}-{:02}T11:59:00Z</t:Birthday>", 1960 + place, 1 + place % 12, 1 + place);
    }
    if place % 2 == 1 {
        out += "<t:JobTitle>Buyer</t:JobTitle>";
    }
    out + &format!("<t:Surname>{}</t:Surname></t:Contact>", escaped(surname))
}

fn tasks(exchange: &Exchange, user: &User, today: Date, place: usize) -> Result<usize, String> {
    let day = |offset: i64| today.checked_add(offset.days()).unwrap_or(today);
    let task = |subject: &str, head: &str, rest: &str| {
        format!("<t:Task><t:Subject>{subject}</t:Subject>{head}{rest}</t:Task>")
    };
    let due = |offset: i64| format!("<t:DueDate>{}T00:00:00Z</t:DueDate>", day(offset));
    let items = [
        task("Send the offer", "<t:Importance>High</t:Importance><t:ReminderIsSet>true</t:ReminderIsSet>", &due(2)),
        task("Tidy the archive", "", "<t:PercentComplete>40</t:PercentComplete>"),
        task(
            "Order oak boards",
            "<t:Categories><t:String>Projects</t:String></t:Categories>",
            &format!("{}<t:Status>WaitingOnOthers</t:Status>", due(-3)),
        ),
        task(
            "Call the surveyor",
            "<t:Body BodyType=\"Text\">Ask for the plan of 1911.</t:Body>",
            "<t:Status>Completed</t:Status>",
        ),
        task(
            "Water the plants",
            "",
            &format!(
                "{}<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Friday</t:DaysOfWeek></t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>{}</t:StartDate></t:NoEndRecurrence></t:Recurrence>",
                due(5 - i64::from(today.weekday().to_monday_one_offset())),
                day(5 - i64::from(today.weekday().to_monday_one_offset()))
            ),
        ),
        task(
            "Oil the saw",
            "",
            &format!(
                "{}<t:Recurrence><t:MonthlyRegeneration><t:Interval>1</t:Interval></t:MonthlyRegeneration><t:NoEndRecurrence><t:StartDate>{}</t:StartDate></t:NoEndRecurrence></t:Recurrence>",
                due(9),
                day(9)
            ),
        ),
    ];
    create(exchange, &user.address, &own("tasks"), "", &items.concat())?;
    if place > 0 {
        return Ok(items.len());
    }
    exchange.create_folder(&user.address, "tasks/Garden", "IPF.Task")?;
    let folder = find_folder(exchange, &user.address, "tasks", "Garden")?;
    let garden: String = ["Prune the apple tree", "Sow rocket", "Mend the fence"]
        .iter()
        .map(|subject| task(subject, "", &due(20)))
        .collect();
    create(exchange, &user.address, &folder, "", &garden)?;
    Ok(items.len() + 3)
}

fn notes(exchange: &Exchange, user: &User) -> Result<usize, String> {
    let texts = ["Key for the shed is at Tom's", "WLAN guest: ask at the desk", "Ideas\nblue doors\nlonger benches"];
    let items: String = texts
        .iter()
        .map(|text| {
            let subject = text.lines().next().unwrap_or_default();
            format!("<t:Message><t:ItemClass>IPM.StickyNote</t:ItemClass><t:Subject>{subject}</t:Subject><t:Body BodyType=\"Text\">{text}</t:Body></t:Message>")
        })
        .collect();
    create(exchange, &user.address, &own("notes"), "MessageDisposition=\"SaveOnly\"", &items)?;
    Ok(texts.len())
}
