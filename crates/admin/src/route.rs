//! Every path there is, and who may ask it for what.

use accounts::Role;
use http::Method;

/// One row: what is answered there, to whom.
pub(crate) struct Route<W: 'static> {
    pub(crate) method: Method,
    /// Pieces in braces stand for any text.
    pub(crate) path: &'static str,
    /// The least role that may; `None` for anybody.
    pub(crate) least: Option<Role>,
    pub(crate) what: W,
}

/// What stands at a path for a method.
pub(crate) enum Found<'a, W: 'static> {
    /// This, with the pieces of the path that stand for something.
    Row(&'static Route<W>, Vec<&'a str>),
    /// Other methods only.
    OtherMethods(Vec<&'static Method>),
    /// Nothing.
    Nothing,
}

/// Finds it.
pub(crate) fn find<'a, W>(rows: &'static [Route<W>], method: &Method, path: &'a str) -> Found<'a, W> {
    let here = || rows.iter().filter_map(|row| matched(row.path, path).map(|pieces| (row, pieces)));
    // What is served without a body is served with one; HTTP leaves the body out.
    let wanted = if method == Method::HEAD { &Method::GET } else { method };
    match here().find(|(row, _)| row.method == *wanted) {
        Some((row, pieces)) => Found::Row(row, pieces),
        None => match here().map(|(row, _)| &row.method).collect::<Vec<_>>() {
            others if others.is_empty() => Found::Nothing,
            others => Found::OtherMethods(others),
        },
    }
}

fn matched<'a>(form: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let (mut forms, mut pieces) = (form.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (forms.next(), pieces.next()) {
            (None, None) => return Some(found),
            (Some(form), Some(piece)) if form.starts_with('{') && !piece.is_empty() => found.push(piece),
            (Some(form), Some(piece)) if form == piece => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ROWS: [Route<u8>; 3] = [
        Route { method: Method::GET, path: "/a", least: None, what: 1 },
        Route { method: Method::GET, path: "/a/{one}", least: None, what: 2 },
        Route { method: Method::POST, path: "/a/{one}/b", least: None, what: 3 },
    ];

    #[test]
    fn paths_are_matched_piece_by_piece() {
        for (method, path, wanted) in [
            (Method::GET, "/a", Some((1, vec![]))),
            (Method::HEAD, "/a/x%2Fy", Some((2, vec!["x%2Fy"]))),
            (Method::POST, "/a/x/b", Some((3, vec!["x"]))),
            (Method::GET, "/a/", None),
            (Method::GET, "/a/x/c", None),
            (Method::GET, "/", None),
        ] {
            let found = match find(&ROWS, &method, path) {
                Found::Row(row, pieces) => Some((row.what, pieces)),
                _ => None,
            };
            assert_eq!(found, wanted, "{method} {path}");
        }
        assert!(matches!(find(&ROWS, &Method::PUT, "/a"), Found::OtherMethods(others) if others == [&Method::GET]));
    }
}
