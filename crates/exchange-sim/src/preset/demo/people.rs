//! Who writes. Nobody of these exists; the domains are reserved for examples (RFC 2606, RFC 6761).

/// Someone with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) address: String,
}

impl Person {
    pub(super) fn new(name: &str, address: &str) -> Self {
        Self { name: name.to_owned(), address: address.to_owned() }
    }
}

/// Correspondents: name, address, and the language they write in (the place in [`super::words::LANGUAGES`]).
pub(super) const PEOPLE: &[(&str, &str, usize)] = &[
    ("Nora Vale", "nora.vale@northwind.example", 0),
    ("Tom Harrow", "tom.harrow@northwind.example", 0),
    ("Priya Menonkar", "priya@aurora.example", 0),
    ("O'Dell, Fergus", "fergus.odell@aurora.example", 0),
    ("Dr. Ida Quill", "quill@institute.example.org", 0),
    ("Sam Brook (Facilities)", "facilities@demo.test", 0),
    ("Jürgen Weißblum", "j.weissblum@werkstatt.example", 1),
    ("Käthe Öhlmann-Groß", "kaethe@werkstatt.example", 1),
    ("Élodie Chêneverre", "elodie@atelier.example.net", 2),
    ("Benoît Larçon", "b.larcon@atelier.example.net", 2),
    ("Íñigo Peñalara", "inigo@taller.example.com", 3),
    ("Żaneta Łąkowska", "zaneta@biuro.example.org", 4),
    ("Ольга Снежинова", "olga@contora.example.org", 5),
    ("桜田 みどり", "midori@sakurada.example.com", 6),
    ("林小竹", "xiaozhu@zhulin.example.com", 7),
    ("ليلى الندى", "layla@nada.example.net", 8),
    ("נועם שקדי", "noam@shkedi.example.net", 9),
    ("Ελένη Θαλασσινού", "eleni@thalassa.example.org", 10),
    ("한가람", "garam@han.example.com", 11),
    ("Çiğdem Işıkoğlu", "cigdem@isik.example.com", 12),
    ("Ragnhild Åsbø", "ragnhild@fjell.example.org", 13),
    ("Tiago Conceição Brandão", "tiago@estaleiro.example.com", 14),
];
