//! THREAD=REFERENCES. The steps have the numbers they have in RFC 5256 section 3.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jiff::Timestamp;

use super::{Letter, Threaded, count};

/// A message, or a message id that no message has: the first numbers are the letters, in their order.
type Place = usize;

pub(super) fn threads(letters: &[Letter], ids: usize) -> Vec<Threaded> {
    let links = Links::of(letters, ids);
    let mut forest = Forest::grown(letters, &links);
    forest.sort_roots(); // (4)
    forest.join_subjects(); // (5)
    forest.sort_all(); // (6)
    forest.written()
}

/// What answers what (step 1).
struct Links {
    parents: Vec<Option<Place>>,
    /// How many answers a place has.
    answers: Vec<u32>,
}

impl Links {
    fn of(letters: &[Letter], ids: usize) -> Self {
        let places = places(letters, ids);
        let all = letters.len() + ids;
        let mut links = Self { parents: vec![None; all], answers: vec![0; all] };
        for (place, letter) in letters.iter().enumerate() {
            let chain = || letter.references.iter().filter_map(|id| places.get(*id).copied());
            // (1)(A) A link that is there stays.
            for (parent, child) in chain().zip(chain().skip(1)) {
                if links.parents.get(child).is_some_and(Option::is_none) {
                    links.link(parent, child);
                }
            }
            // (1)(B) The message itself knows best whom it answers.
            links.part(place);
            if let Some(last) = chain().next_back() {
                links.link(last, place);
            }
        }
        links
    }

    fn parent(&self, place: Place) -> Option<Place> {
        self.parents.get(place).copied().flatten()
    }

    /// Makes `child` an answer to `parent`, unless that made a circle.
    fn link(&mut self, parent: Place, child: Place) {
        if parent == child
            || (self.answers.get(child).is_some_and(|&answers| answers > 0) && self.is_above(child, parent))
        {
            return;
        }
        if let (Some(of_child), Some(answers)) = (self.parents.get_mut(child), self.answers.get_mut(parent)) {
            *of_child = Some(parent);
            *answers += 1;
        }
    }

    fn part(&mut self, child: Place) {
        let parent = self.parents.get_mut(child).and_then(Option::take);
        if let Some(answers) = parent.and_then(|parent| self.answers.get_mut(parent)) {
            *answers -= 1;
        }
    }

    fn is_above(&self, above: Place, place: Place) -> bool {
        let mut next = Some(place);
        while let Some(place) = next {
            if place == above {
                return true;
            }
            next = self.parent(place);
        }
        false
    }
}

/// Where each message id is: with the first message that has it, or else at a place of its own. "If two or more
/// messages have the same Message ID, then only use that Message ID in the first (lowest sequence number) message."
fn places(letters: &[Letter], ids: usize) -> Vec<Place> {
    let mut places: Vec<Place> = (letters.len()..letters.len() + ids).collect();
    for (place, letter) in letters.iter().enumerate().rev() {
        if let Some(of_id) = letter.id.and_then(|id| places.get_mut(id)) {
            *of_id = place;
        }
    }
    places
}

/// The trees.
struct Forest<'l> {
    letters: &'l [Letter],
    /// Of each letter.
    children: Vec<Vec<Place>>,
    roots: Vec<Root>,
}

enum Root {
    Letter(Place),
    /// A message that is not there; those that answer it.
    Missing(Vec<Place>),
    /// It went into another one.
    Gone,
}

impl<'l> Forest<'l> {
    /// Steps 2 and 3: what is not there gives way to its answers, but for a root with several of them.
    fn grown(letters: &'l [Letter], links: &Links) -> Self {
        let mut children = vec![Vec::new(); letters.len()];
        let mut roots = Vec::new();
        let mut missing: HashMap<Place, Vec<Place>> = HashMap::new();
        for place in 0..letters.len() {
            let mut above = links.parent(place);
            while let Some(next) = above.filter(|above| *above >= letters.len()).and_then(|above| links.parent(above)) {
                above = Some(next);
            }
            match above {
                None => roots.push(Root::Letter(place)),
                Some(above) => match children.get_mut(above) {
                    Some(children) => children.push(place),
                    None => missing.entry(above).or_default().push(place),
                },
            }
        }
        roots.extend(missing.into_values().map(|answers| match answers.as_slice() {
            [only] => Root::Letter(*only),
            _ => Root::Missing(answers),
        }));
        Self { letters, children, roots }
    }

    /// By the moment it was sent; where that is the same, by its place in the mailbox (section 2.2).
    fn when(&self, place: Place) -> (Option<Timestamp>, Place) {
        (self.letters.get(place).map(|letter| letter.sent), place)
    }

    /// Step 4. A message that is not there counts as its first answer.
    fn sort_roots(&mut self) {
        let mut roots = std::mem::take(&mut self.roots);
        roots.retain(|root| !matches!(root, Root::Gone));
        for root in &mut roots {
            if let Root::Missing(answers) = root {
                answers.sort_by_key(|answer| self.when(*answer));
            }
        }
        roots.sort_by_key(|root| root.first().map(|place| self.when(place)));
        self.roots = roots;
    }

    /// Step 5: threads with one base subject become one.
    fn join_subjects(&mut self) {
        let mut table = self.subjects();
        for current in 0..self.roots.len() {
            let Some(subject) = self.subject(current) else { continue };
            let Some(chief) = table.get_mut(subject).filter(|chief| **chief != current) else { continue };
            self.join(current, chief);
        }
    }

    /// Steps 5 (A) and (B): for each base subject the thread that others join.
    fn subjects(&self) -> HashMap<&'l str, usize> {
        let mut table = HashMap::new();
        for current in 0..self.roots.len() {
            let Some(subject) = self.subject(current) else { continue };
            match table.entry(subject) {
                Entry::Vacant(entry) => {
                    entry.insert(current);
                }
                Entry::Occupied(mut entry) => {
                    let fits_better = match (self.letter(*entry.get()), self.letter(current)) {
                        (None, _) => false,
                        (Some(_), None) => true,
                        (Some(chief), Some(current)) => chief.subject.is_reply && !current.subject.is_reply,
                    };
                    if fits_better {
                        entry.insert(current);
                    }
                }
            }
        }
        table
    }

    /// Step 5 (C): the current thread joins the one of its subject, which may become another thereby.
    fn join(&mut self, current: usize, chief: &mut usize) {
        let is_answer = match (self.letter(*chief), self.letter(current)) {
            (Some(chief), Some(current)) => current.subject.is_reply && !chief.subject.is_reply,
            _ => false,
        };
        let Some(joining) = self.roots.get_mut(current).map(|root| std::mem::replace(root, Root::Gone)) else { return };
        match (self.roots.get_mut(*chief), joining) {
            (Some(Root::Missing(answers)), Root::Missing(more)) => answers.extend(more),
            (Some(Root::Missing(answers)), Root::Letter(place)) => answers.push(place),
            (Some(Root::Letter(chief)), Root::Letter(place)) if is_answer => {
                if let Some(children) = self.children.get_mut(*chief) {
                    children.push(place);
                }
            }
            (Some(root @ Root::Letter(_)), joining) => {
                let together = root.places().into_iter().chain(joining.places()).collect();
                *root = Root::Gone;
                *chief = self.roots.len();
                self.roots.push(Root::Missing(together));
            }
            (_, joining) => {
                if let Some(root) = self.roots.get_mut(current) {
                    *root = joining;
                }
            }
        }
    }

    /// Step 6.
    fn sort_all(&mut self) {
        let mut children = std::mem::take(&mut self.children);
        for answers in &mut children {
            answers.sort_by_key(|answer| self.when(*answer));
        }
        self.children = children;
        self.sort_roots();
    }

    /// Without recursion: a conversation may be as deep as it has messages.
    fn written(&self) -> Vec<Threaded> {
        let mut nodes = Vec::with_capacity(self.letters.len());
        let mut open: Vec<Place> = Vec::new();
        for root in &self.roots {
            if let Root::Missing(answers) = root {
                nodes.push(Threaded { uid: None, children: count(answers.len()) });
            }
            open.extend(root.places().into_iter().rev());
            while let Some(place) = open.pop() {
                let children = self.children.get(place).map(Vec::as_slice).unwrap_or_default();
                let uid = self.letters.get(place).map(|letter| letter.uid);
                nodes.push(Threaded { uid, children: count(children.len()) });
                open.extend(children.iter().rev());
            }
        }
        nodes
    }

    /// The message at a root; `None` if it is not there.
    fn letter(&self, root: usize) -> Option<&'l Letter> {
        match self.roots.get(root)? {
            Root::Letter(place) => self.letters.get(*place),
            Root::Missing(_) | Root::Gone => None,
        }
    }

    /// The base subject of a thread; `None` if it is empty.
    fn subject(&self, root: usize) -> Option<&'l str> {
        let letter = self.letters.get(self.roots.get(root)?.first()?)?;
        Some(letter.subject.text.as_str()).filter(|subject| !subject.is_empty())
    }
}

impl Root {
    fn first(&self) -> Option<Place> {
        match self {
            Self::Letter(place) => Some(*place),
            Self::Missing(answers) => answers.first().copied(),
            Self::Gone => None,
        }
    }

    fn places(&self) -> Vec<Place> {
        match self {
            Self::Letter(place) => vec![*place],
            Self::Missing(answers) => answers.clone(),
            Self::Gone => Vec::new(),
        }
    }
}
