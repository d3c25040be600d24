//! Who somebody is, by the name they sign in with.

use crate::settings::Organisation;

/// Somebody who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Where they belong, as a number.
    pub organisation: usize,
    /// What they are called here, in lower case: their state is found by it.
    pub name: String,
    /// What Exchange is told: `user@domain` or `DOMAIN\user`.
    pub sign_in: String,
    /// What their mail address is, as far as the name tells.
    pub address: Option<String>,
}

impl Person {
    /// Finds where a name belongs. A name without a domain gets the one it can be.
    #[must_use]
    pub fn find(organisations: &[Organisation], user: &str) -> Option<Person> {
        let user = user.trim().to_lowercase();
        let all = || organisations.iter().enumerate();
        let domain =
            user.rsplit_once('@').map(|(_, domain)| domain).or_else(|| user.split_once('\\').map(|(domain, _)| domain));
        let claimed = domain.and_then(|domain| all().find(|(_, organisation)| claims(organisation, domain)));
        let open = || all().find(|(_, organisation)| organisation.is_default || organisation.domains.is_empty());
        let only = || all().next().filter(|_| domain.is_none() && organisations.len() == 1);
        let (index, organisation) = claimed.or_else(open).or_else(only)?;
        Some(of(index, organisation, &user, domain.is_some()))
    }
}

fn claims(organisation: &Organisation, domain: &str) -> bool {
    let short = !domain.contains('.');
    let is = |known: &str| {
        let known = known.to_lowercase();
        known == domain || short && known.split('.').next() == Some(domain)
    };
    organisation.domains.iter().any(|known| is(known)) || organisation.default_domain.as_deref().is_some_and(is)
}

fn of(index: usize, organisation: &Organisation, user: &str, has_domain: bool) -> Person {
    let first = organisation.domains.first().map(|domain| domain.to_lowercase());
    let person = person(user);
    let address = match user.contains('@') {
        true => Some(user.to_owned()),
        false => first.map(|domain| format!("{person}@{domain}")),
    };
    let name = match (&address, organisation.domains.as_slice()) {
        (Some(address), [_]) if !has_domain && !user.is_empty() => address.clone(),
        _ => user.to_owned(),
    };
    let sign_in = match &organisation.default_domain {
        Some(domain) if !has_domain => format!("{domain}\\{user}"),
        _ => name.clone(),
    };
    Person { organisation: index, name, sign_in, address }
}

/// A user name without its domain.
pub(super) fn person(user: &str) -> &str {
    let name = user.rsplit_once('@').map_or(user, |(name, _)| name);
    name.split_once('\\').map_or(name, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organisation(name: &str, domains: &[&str]) -> Organisation {
        let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        Organisation { domains, ..Organisation::at(name, [format!("https://{name}.example/EWS/Exchange.asmx")]) }
    }

    #[test]
    fn people_belong_where_their_domain_is() {
        let two = [organisation("one", &["one.example", "uno.example"]), organisation("two", &["Two.Example"])];
        for (user, expected) in [
            ("Anna@One.Example", Some((0, "anna@one.example"))),
            ("ben@two.example", Some((1, "ben@two.example"))),
            ("TWO\\ben", Some((1, "two\\ben"))),
            ("carl@three.example", None),
            ("carl", None),
        ] {
            let found = Person::find(&two, user).map(|person| (person.organisation, person.name));
            assert_eq!(found, expected.map(|(n, user)| (n, user.to_owned())), "{user}");
        }
        let open = [organisation("one", &["one.example"]), organisation("rest", &[])];
        assert_eq!(Person::find(&open, "carl@three.example").unwrap().organisation, 1);
        let one = [organisation("one", &["one.example"])];
        assert_eq!(Person::find(&one, "anna").unwrap().name, "anna@one.example");
        let default = Organisation { is_default: true, ..organisation("two", &["two.example"]) };
        let two = [organisation("one", &["one.example"]), default];
        assert_eq!(Person::find(&two, "carl@three.example").unwrap().organisation, 1);
    }

    #[test]
    fn each_form_of_a_name_says_what_exchange_is_told_and_where_mail_goes() {
        let corp = Organisation { default_domain: Some("CORP".to_owned()), ..organisation("x", &["mail.example"]) };
        for (user, name, sign_in, address) in [
            ("Anna", "anna@mail.example", "CORP\\anna", "anna@mail.example"),
            ("corp\\Anna", "corp\\anna", "corp\\anna", "anna@mail.example"),
            ("anna@mail.example", "anna@mail.example", "anna@mail.example", "anna@mail.example"),
        ] {
            let found = Person::find(std::slice::from_ref(&corp), user).unwrap();
            let expected = (name.to_owned(), sign_in.to_owned(), Some(address.to_owned()));
            assert_eq!((found.name, found.sign_in, found.address), expected, "{user}");
        }
        let open = [organisation("x", &[])];
        let found = Person::find(&open, "CORP\\anna").unwrap();
        assert_eq!((found.sign_in.as_str(), found.address), ("corp\\anna", None));
    }
}
