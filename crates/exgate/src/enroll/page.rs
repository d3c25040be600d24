//! What `/enroll` shows, as HTML.

use crate::gate::Enrolled;
use crate::setup::{Client, Place, Step, code, escaped};

/// The form; with what went wrong before.
pub(super) fn form(place: &Place, wrong: Option<&str>, address: &str, token: &str) -> String {
    let wrong =
        wrong.map_or(String::new(), |wrong| format!("<p class=\"wrong\" role=\"alert\">{}</p>", escaped(wrong)));
    let body = format!(
        "<p>A device (a telephone, a mail program) gets a password of its own here. Your Exchange password is tried once; \
         the device never learns it, and you can have its password revoked without changing anything else.</p>{wrong}\
         <form method=\"post\" action=\"/enroll\" autocomplete=\"on\">\
         <input type=\"hidden\" name=\"token\" value=\"{token}\">\
         <label for=\"address\">Mail address</label>\
         <input id=\"address\" name=\"address\" type=\"text\" inputmode=\"email\" autocomplete=\"username\" required \
         value=\"{}\">\
         <label for=\"password\">Exchange password</label>\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required>\
         <label for=\"device\">What the device is called</label>\
         <input id=\"device\" name=\"device\" type=\"text\" maxlength=\"60\" value=\"My device\">\
         <button type=\"submit\">Get a password for this device</button></form>",
        escaped(address),
    );
    document(place, "A password for a device", &body)
}

/// The password, which is not shown again, and where to enter it.
pub(super) fn enrolled(place: &Place, enrolled: &Enrolled) -> String {
    let (password, address) = (enrolled.password.expose(), enrolled.address.as_str());
    let waits = match enrolled.waits {
        true => "<p class=\"wrong\">It works once an administrator has let you in.</p>",
        false => "",
    };
    let mut body = format!(
        "<p>This is the password of device {}. It is not shown again: enter it now.</p>{waits}\
         <dl><dt>User name</dt><dd><code>{}</code></dd><dt>Password</dt><dd><code id=\"device-password\">{}</code></dd>",
        enrolled.device,
        escaped(address),
        escaped(password),
    );
    for (name, value) in place.settings() {
        body += &format!("<dt>{}</dt><dd><code>{}</code></dd>", escaped(name), escaped(&value));
    }
    body += "</dl>";
    for (title, text) in code::all(place, address, Some(password)) {
        body += &format!("<figure><figcaption>{}</figcaption>{}</figure>", escaped(title), code::svg(&text, title));
    }
    body += "<h2>What to do where</h2>";
    for client in Client::ALL {
        let steps = client.steps(place, address);
        body += &format!("<details><summary>{}</summary>{}</details>", escaped(client.title()), listed(&steps));
    }
    document(place, "Your device has a password", &body)
}

/// The page of a client, for anybody.
pub(crate) fn client(place: &Place, client: Client) -> String {
    let body =
        format!("{}<p><a href=\"/setup\">Other programs</a></p>", listed(&client.steps(place, "your mail address")));
    document(place, client.title(), &body)
}

/// The list of these pages.
pub(crate) fn clients(place: &Place, enroll: bool) -> String {
    let link =
        |client: &Client| format!("<li><a href=\"/setup/{}\">{}</a></li>", client.name(), escaped(client.title()));
    let links: String = Client::ALL.iter().map(link).collect();
    let enroll = if enroll { "<p><a href=\"/enroll\">Get a password for a device</a></p>" } else { "" };
    document(place, "Set up a program", &format!("{enroll}<ul>{links}</ul>"))
}

fn listed(steps: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Do(text) => format!("<li>{}</li>", escaped(text)),
        Step::Open(text, url) => format!("<li>{}: <a href=\"{1}\">{1}</a></li>", escaped(text), escaped(url)),
        Step::Write(file, text) => format!("<li>In {}:<pre>{}</pre></li>", escaped(file), escaped(text)),
    };
    format!("<ol>{}</ol>", steps.iter().map(step).collect::<String>())
}

fn document(place: &Place, title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/setup.css\"></head>\
         <body><main><p class=\"place\">{}</p><h1>{title}</h1>{body}</main></body></html>\n",
        escaped(place.name()),
    )
}

/// How all of it looks.
pub(crate) const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 42rem; margin: 0 auto; padding: 1.5rem; }
.place { margin: 0; opacity: 0.75; }
h1 { margin-top: 0; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: 0.5rem; }
button { font: inherit; margin-top: 1.5rem; padding: 0.6rem 1.2rem; }
.wrong { border-left: 0.3rem solid #c00; padding-left: 0.8rem; }
dt { font-weight: 600; margin-top: 0.6rem; }
dd { margin: 0; }
code, pre { font-size: 1.05rem; overflow-wrap: anywhere; white-space: pre-wrap; }
figure { display: inline-block; margin: 1rem 1rem 1rem 0; vertical-align: top; max-width: 16rem; }
svg { background: #fff; width: 16rem; height: 16rem; }
summary { cursor: pointer; margin-top: 0.6rem; }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_text_and_no_markup() {
        let place = crate::setup::example();
        let text = form(&place, Some("<b>wrong</b>"), "\"><script>alert(1)</script>", "abc");
        assert!(text.contains("&lt;b&gt;wrong") && text.contains("value=\"&quot;&gt;&lt;script&gt;"), "{text}");
        assert!(!text.contains("<script") && text.contains("Corp &amp; Sons"), "{text}");
    }

    #[test]
    fn each_client_has_its_page_with_what_to_enter() {
        let place = crate::setup::example();
        for one in Client::ALL {
            let text = client(&place, one);
            assert!(text.contains("mail.corp.example"), "{}: {text}", one.name());
            assert!(clients(&place, true).contains(&format!("/setup/{}", one.name())));
        }
    }
}
