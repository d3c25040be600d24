use proptest::prelude::*;

use super::*;

/// A message: id, references, subject, and the second it was sent.
type Sample<'a> = (&'a str, &'a str, &'a str, i64);

fn letters(samples: &[Sample<'_>]) -> Letters {
    let mut letters = Letters::default();
    for (place, (id, references, subject, sent)) in samples.iter().enumerate() {
        let ids = |ids: &str| ids.split_whitespace().map(|id| format!("<{id}@x>")).collect::<Vec<_>>().join(" ");
        let header =
            format!("Message-ID: {}\r\nReferences: {}\r\nSubject: {subject}\r\n\r\n", ids(id), ids(references));
        let uid = Uid::new(u32::try_from(place + 1).unwrap()).unwrap();
        letters.add(uid, Timestamp::from_second(*sent).unwrap(), header.as_bytes());
    }
    letters
}

/// As in RFC 5256 section 4.
fn written(nodes: &[Threaded]) -> String {
    let nodes: Vec<_> = nodes
        .iter()
        .map(|node| imap_proto::response::ThreadNode { number: node.uid.map(Uid::get), children: node.children })
        .collect();
    let mut out = Vec::new();
    imap_proto::response::thread(&mut out, &nodes);
    String::from_utf8(out).unwrap().trim_start_matches("* THREAD").trim().to_owned()
}

#[test]
fn conversations_by_references() {
    let table: &[(&str, &[Sample<'_>], &str)] = &[
        ("nothing", &[], ""),
        ("a chain", &[("a", "", "s", 1), ("b", "a", "s", 2), ("c", "a b", "s", 3)], "(1 2 3)"),
        ("in any order", &[("c", "a b", "s", 3), ("b", "a", "s", 2), ("a", "", "s", 1)], "(3 2 1)"),
        ("two answers", &[("a", "", "s", 1), ("c", "a", "s", 3), ("b", "a", "s", 2)], "(1 (3)(2))"),
        ("the first is missing", &[("b", "a", "s", 2), ("c", "a", "s", 1)], "((2)(1))"),
        (
            "one in the middle is missing",
            &[("a", "", "s", 1), ("c", "a b", "s", 2), ("d", "a b", "s", 3)],
            "(1 (2)(3))",
        ),
        (
            "two are missing, one above the other",
            &[("c", "a b", "s", 2), ("d", "a b", "s", 3), ("e", "a", "s", 1)],
            "((3)(1)(2))",
        ),
        ("a lonely answer to a missing one", &[("c", "a b", "s", 2)], "(1)"),
        ("the same id twice", &[("a", "", "s", 1), ("a", "", "t", 2), ("b", "a", "s", 3)], "(1 3)(2)"),
        ("no ids", &[("", "", "s", 1), ("", "", "t", 2)], "(1)(2)"),
        ("a circle", &[("a", "b", "s", 1), ("b", "a", "s", 2)], "(2 1)"),
        ("a circle by references", &[("a", "b a", "s", 1), ("b", "a", "t", 2)], "(1 2)"),
        ("itself", &[("a", "a", "s", 1)], "(1)"),
        (
            "a message knows best whom it answers",
            &[("c", "a b", "s", 3), ("b", "", "t", 2), ("d", "b c", "s", 4)],
            "(2 1 3)",
        ),
        (
            "truncated references",
            &[("b", "", "x", 1), ("d", "a b c", "s", 2), ("c", "z", "y", 3), ("z", "", "w", 0)],
            "(4 3 2)(1)",
        ),
        ("threads by the moment of the first", &[("a", "", "s", 3), ("b", "", "t", 1), ("c", "", "u", 2)], "(2)(3)(1)"),
        ("at one moment, by place", &[("a", "", "s", 1), ("b", "", "t", 1)], "(1)(2)"),
        // Step 5
        ("an answer without references", &[("a", "", "s", 1), ("b", "", "Re: s", 2)], "(1 2)"),
        ("an answer that came first", &[("b", "", "Re: s", 1), ("a", "", "S", 2)], "(2 1)"),
        ("two of one subject", &[("a", "", "s", 1), ("b", "", "s", 2)], "((1)(2))"),
        ("two answers of one subject", &[("a", "", "Re: s", 1), ("b", "", "Fwd: s", 2)], "((1)(2))"),
        ("three of one subject", &[("a", "", "s", 1), ("b", "", "s", 2), ("c", "", "Re: s", 3)], "((1)(2)(3))"),
        ("no subject", &[("a", "", "", 1), ("b", "", "", 2)], "(1)(2)"),
        (
            "missing ones meet",
            &[("a", "m", "s", 1), ("b", "m", "s", 3), ("c", "n", "s", 2), ("d", "n", "s", 4)],
            "((1)(3)(2)(4))",
        ),
        ("one joins a missing one", &[("a", "m", "s", 2), ("b", "m", "s", 3), ("c", "", "s", 1)], "((3)(1)(2))"),
    ];
    for (what, samples, wanted) in table {
        assert_eq!(written(&letters(samples).by_references()), *wanted, "{what}");
    }
}

#[test]
fn conversations_by_subject() {
    let table: &[(&[Sample<'_>], &str)] = &[
        (&[], ""),
        (&[("", "", "s", 1)], "(1)"),
        (&[("", "", "s", 2), ("", "", "Re: S", 1)], "(2 1)"),
        (&[("", "", "s", 1), ("", "", "t", 2), ("", "", "s", 3), ("", "", "s", 2)], "(1 (4)(3))(2)"),
        (&[("", "", "b", 2), ("", "", "a", 3), ("", "", "c", 1)], "(3)(1)(2)"),
        (&[("", "", "b", 1), ("", "", "a", 1)], "(1)(2)"),
        (&[("", "", "", 1), ("", "", "Re:", 2)], "(1 2)"),
    ];
    for (samples, wanted) in table {
        assert_eq!(written(&letters(samples).by_subject()), *wanted);
    }
}

#[test]
fn a_conversation_may_be_as_deep_as_it_has_messages() {
    let mut letters = Letters::default();
    for number in 1..=100_000u32 {
        let header = format!("Message-ID: <{number}@x>\r\nIn-Reply-To: <{}@x>\r\n\r\n", number - 1);
        letters.add(Uid::new(number).unwrap(), Timestamp::UNIX_EPOCH, header.as_bytes());
    }
    let nodes = letters.by_references();
    assert_eq!(nodes.len(), 100_000);
    assert!(nodes.iter().take(99_999).all(|node| node.children == 1));
}

/// Parents, by place; `None` for a root.
fn parents(nodes: &[Threaded]) -> Vec<Option<usize>> {
    let mut open: Vec<(usize, u32)> = Vec::new();
    let mut parents = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        parents.push(open.last().map(|(parent, _)| *parent));
        if let Some((_, left)) = open.last_mut() {
            *left -= 1;
        }
        open.push((place, node.children));
        while open.pop_if(|(_, left)| *left == 0).is_some() {}
    }
    assert!(open.is_empty(), "children are missing");
    parents
}

fn sample() -> impl Strategy<Value = (String, String, &'static str, i64)> {
    let id = || prop::sample::select(vec!["a", "b", "c", "d", "e", "f", "g", "h", ""]);
    let references = prop::collection::vec(id(), 0..5).prop_map(|ids| ids.join(" "));
    let subject = prop::sample::select(vec!["", "s", "Re: s", "t", "Fwd: t", "u"]);
    (id().prop_map(str::to_owned), references, subject, 0i64..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_told_once(samples in prop::collection::vec(sample(), 0..14)) {
        let samples: Vec<Sample<'_>> =
            samples.iter().map(|(id, references, subject, sent)| (&**id, &**references, *subject, *sent)).collect();
        let letters = letters(&samples);
        for (nodes, is_by_references) in [(letters.by_references(), true), (letters.by_subject(), false)] {
            let mut told: Vec<u32> = nodes.iter().filter_map(|node| node.uid.map(Uid::get)).collect();
            told.sort_unstable();
            prop_assert_eq!(told, (1..=u32::try_from(samples.len()).unwrap()).collect::<Vec<_>>());
            let parents = parents(&nodes);
            // The moment of a node, or of the first below one that is not there; then its place.
            let when = |place: usize| {
                let uid = nodes[place].uid.or_else(|| nodes[place + 1].uid).unwrap().get();
                (samples[uid as usize - 1].3, uid)
            };
            for (place, node) in nodes.iter().enumerate() {
                if node.uid.is_none() {
                    prop_assert!(is_by_references && parents[place].is_none() && node.children >= 2);
                }
                let next = (place + 1..nodes.len()).find(|next| parents[*next] == parents[place]);
                if let Some(next) = next {
                    prop_assert!(when(place) <= when(next), "siblings are in order");
                }
                if !is_by_references && let Some(parent) = parents[place] {
                    prop_assert!(parents[parent].is_none(), "no grandchildren");
                }
            }
        }
    }

    #[test]
    fn an_answer_is_below_what_it_answers(count in 1usize..12, order in any::<prop::sample::Index>(), seed in any::<u64>()) {
        // A tree of messages, each with all of its ancestors in References, delivered in some order.
        let parent = |number: usize| if number == 0 { None } else { Some((seed as usize >> (number % 30)) % number) };
        let ancestors = |number: usize| {
            let mut chain: Vec<usize> = std::iter::successors(parent(number), |number| parent(*number)).collect();
            chain.reverse();
            chain
        };
        let shift = order.index(count);
        let delivered: Vec<usize> = (0..count).map(|place| (place * 7 + shift) % count).collect();
        let mut sorted = delivered.clone();
        sorted.sort_unstable();
        sorted.dedup();
        prop_assume!(sorted.len() == count);
        let texts: Vec<(String, String)> = delivered
            .iter()
            .map(|number| {
                let references: Vec<String> = ancestors(*number).iter().map(|id| format!("m{id}")).collect();
                (format!("m{number}"), references.join(" "))
            })
            .collect();
        let samples: Vec<Sample<'_>> =
            texts.iter().zip(&delivered).map(|((id, refs), number)| (&**id, &**refs, "", *number as i64)).collect();
        let nodes = letters(&samples).by_references();
        let parents = parents(&nodes);
        let number = |place: usize| delivered[nodes[place].uid.unwrap().get() as usize - 1];
        for (place, above) in parents.iter().enumerate() {
            prop_assert_eq!(above.map(number), parent(number(place)));
        }
    }
}
