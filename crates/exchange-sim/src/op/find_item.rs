//! FindItem.

use super::{Call, FolderPlace, Reply, Trouble, calendar, is_private, respond};
use crate::{
    Version, aqs,
    property::{Path, Shape, View, write_item},
    restriction::Restriction,
    soap::{Element, Fault, Writer},
    store::{Folder, Item, Value},
};

pub(super) fn find_item(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let search = Search::read(call, request);
    let replies = request.list("ParentFolderIds").iter().map(|id| one(call, &search, id)).collect();
    Ok(respond("FindItem", "", replies))
}

/// What is looked for, and which part of it is wanted.
struct Search {
    shape: Shape,
    restriction: Option<Restriction>,
    order: Vec<(Path, bool)>,
    page: Page,
    associated: bool,
    deleted: bool,
    /// Of a SeekToConditionPageItemView: the first item wanted, from the end or not.
    seek: Option<(Restriction, bool)>,
    /// Start and end of a CalendarView.
    span: Option<(i64, i64)>,
}

impl Search {
    fn read(call: &Call<'_>, request: &Element) -> Result<Search, Trouble> {
        let restriction = match (request.child("Restriction"), request.child("QueryString")) {
            (_, Some(_)) if !call.organisation.indexed => {
                return Err(Trouble::new(
                    "ErrorContentIndexingNotEnabled",
                    "The mailbox is not indexed: it cannot be searched by a query string.",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Trouble::new(
                    "ErrorInvalidRestriction",
                    "A restriction and a query string exclude each other.",
                ));
            }
            (Some(holder), None) => holder.children.first().map(Restriction::read).transpose()?,
            (None, Some(query)) if !query.text.trim().is_empty() => Some(aqs::read(query.text.trim())?),
            _ => None,
        };
        let mut order = Vec::new();
        for field in request.list("SortOrder") {
            order.push((Path::within(field)?, field.attribute("Order") == Some("Descending")));
        }
        if request.child("GroupBy").or(request.child("DistinguishedGroupBy")).is_some() {
            return Err(Trouble::new("ErrorUnsupportedPathForSortGroup", "This server does not group items."));
        }
        let span = calendar::span(call, request)?;
        let seek = match request.child("SeekToConditionPageItemView") {
            None => None,
            Some(view) => {
                let condition = view.list("Condition").first().map(Restriction::read).transpose()?;
                condition.map(|condition| (condition, view.attribute("BasePoint") == Some("End")))
            }
        };
        Ok(Search {
            seek,
            shape: Shape::searching(request.child("ItemShape"))?,
            restriction,
            order,
            page: Page::read(
                request,
                "IndexedPageItemView",
                "FractionalPageItemView",
                call.organisation.options.version,
            )?,
            associated: request.attribute("Traversal") == Some("Associated"),
            deleted: request.attribute("Traversal") == Some("SoftDeleted"),
            span,
        })
    }
}

fn one(call: &Call<'_>, search: &Result<Search, Trouble>, id: &Element) -> Reply {
    let search = search.as_ref().map_err(Clone::clone)?;
    let mut place = call.folder(id)?;
    call.may_read(place)?;
    if let Some(span) = search.span {
        return calendar::calendar_view(call, place, span, &search.shape, search.page.most());
    }
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    if search.deleted {
        // The dumpster is one folder for the whole mailbox since 2010; before, nothing is kept here.
        let dumpster = mailbox.distinguished("recoverableitemsdeletions");
        place = FolderPlace { folder: dumpster.unwrap_or(place.folder), ..place };
    }
    let folder = mailbox.folders.get(&place.folder).ok_or_else(Trouble::not_found)?;
    let nothing = search.deleted && folder.distinguished != Some("recoverableitemsdeletions");
    let found = if nothing { Vec::new() } else { sorted(call, search, place, folder) };
    let window = match &search.seek {
        None => search.page.window(found.len()),
        Some((condition, from_end)) => {
            let meets = |item: &&Item| {
                let view = view(call, place, folder, item);
                condition.holds(&|path| view.value(path))
            };
            let at = match from_end {
                true => found.iter().rposition(meets),
                false => found.iter().position(meets),
            };
            search.page.window_from(at.unwrap_or(found.len()), found.len())
        }
    };
    let mut w = Writer::new();
    window.open(&mut w, found.len());
    w.open("t:Items", &[]);
    for item in found.get(window.from..window.to).unwrap_or_default() {
        write_item(&mut w, &view(call, place, folder, item), &search.shape);
    }
    w.close("t:Items");
    w.close("m:RootFolder");
    Ok(w.finish())
}

fn view<'a>(call: &'a Call<'_>, place: FolderPlace, folder: &'a Folder, item: &'a Item) -> View<'a> {
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    View::new(mailbox, folder, item, call.version, call.organisation.options.mime, 0)
        .in_zone(call.zone.clone())
        .for_user(call.rights(place), &call.organisation.mailboxes[call.me].address)
}

fn sorted<'a>(call: &Call<'_>, search: &Search, place: FolderPlace, folder: &'a Folder) -> Vec<&'a Item> {
    let private = call.rights(place).private;
    let mut found: Vec<&Item> = folder
        .items
        .values()
        .filter(|item| item.associated == search.associated)
        .filter(|item| private || !is_private(item))
        .filter(|item| {
            let view = view(call, place, folder, item);
            search.restriction.as_ref().is_none_or(|restriction| restriction.holds(&|path| view.value(path)))
        })
        .collect();
    if search.order.is_empty() {
        // Newest first unless told otherwise.
        found.sort_by_key(|item| std::cmp::Reverse((item.received_at, item.key)));
        return found;
    }
    let mut keyed: Vec<(Vec<Option<Value>>, &Item)> = found
        .into_iter()
        .map(|item| {
            let view = view(call, place, folder, item);
            (search.order.iter().map(|(path, _)| view.value(path)).collect(), item)
        })
        .collect();
    keyed.sort_by(|(a, _), (b, _)| {
        for ((a, b), (_, descending)) in a.iter().zip(b).zip(&search.order) {
            let order = match (a, b) {
                (Some(a), Some(b)) => a.compare(b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            };
            let order = if *descending { order.reverse() } else { order };
            if order.is_ne() {
                return order;
            }
        }
        std::cmp::Ordering::Equal
    });
    keyed.into_iter().map(|(_, item)| item).collect()
}

/// Which part of the results is wanted.
pub(super) struct Page {
    offset: usize,
    most: usize,
    from_end: bool,
    /// Numerator and denominator of a fractional page.
    fraction: Option<(usize, usize)>,
    indexed: bool,
}

impl Page {
    /// Reads the view of a request and holds it against the find count limit.
    pub(super) fn read(request: &Element, indexed: &str, fractional: &str, server: Version) -> Result<Page, Trouble> {
        let number = |view: &Element, name: &str| view.attribute(name).and_then(|text| text.trim().parse::<i64>().ok());
        let size = |number: Option<i64>| number.map(|number| usize::try_from(number).unwrap_or(0));
        let wrong = || Trouble::new("ErrorInvalidIndexedPagingParameters", "The paging parameters are invalid.");
        let searches = request.child("Restriction").or_else(|| request.child("QueryString")).is_some();
        let limit = if searches && server >= Version::Exchange2013 { SEARCH_LIMIT } else { LIMIT };
        let mut page = Page { offset: 0, most: limit, from_end: false, fraction: None, indexed: false };
        let view = VIEWS.iter().chain(&[indexed, fractional]).find_map(|name| request.child(name));
        let Some(view) = view else { return Ok(page) };
        if view.name == "CalendarView" {
            // It has no pages; what it may hold is seen when it is there.
            page.most = usize::MAX;
        }
        if let Some(most) = number(view, "MaxEntriesReturned") {
            if most < 1 {
                return Err(Trouble::new("ErrorInvalidPagingMaxRows", "The maximum number of rows must be positive."));
            }
            page.most = size(Some(most)).unwrap_or(limit);
        }
        if view.name == "CalendarView" {
            return Ok(page);
        }
        if page.most > limit {
            if (Version::Exchange2010..Version::Exchange2013).contains(&server) {
                return Err(too_many());
            }
            // 2007 knows no such limit; 2013 and later give a short page.
            if server >= Version::Exchange2013 {
                page.most = limit;
            }
        }
        if view.name == indexed {
            let offset = number(view, "Offset").filter(|offset| *offset >= 0).ok_or_else(wrong)?;
            page.offset = size(Some(offset)).unwrap_or(0);
            page.from_end = view.attribute("BasePoint") == Some("End");
            page.indexed = true;
        } else if view.name == "SeekToConditionPageItemView" {
            page.indexed = true;
        } else if view.name == fractional {
            let (top, bottom) = (size(number(view, "Numerator")), size(number(view, "Denominator")));
            let fraction = top.zip(bottom).filter(|(top, bottom)| *bottom > 0 && top <= bottom).ok_or_else(wrong)?;
            page.fraction = Some(fraction);
        }
        Ok(page)
    }

    /// Of a calendar view: `MaxEntriesReturned`, or no bound.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The part of `total` results that is wanted.
    pub(super) fn window(&self, total: usize) -> Window {
        if let Some((top, bottom)) = self.fraction {
            let from = total * top / bottom;
            let to = total.min(from + self.most);
            return Window {
                from,
                to,
                next: to,
                last: to == total,
                fraction: Some((to, total.max(1))),
                indexed: false,
            };
        }
        if self.from_end {
            let to = total.saturating_sub(self.offset);
            let from = to.saturating_sub(self.most);
            return Window { from, to, next: total - from, last: from == 0, fraction: None, indexed: self.indexed };
        }
        self.window_from(self.offset, total)
    }

    /// The part that begins at a place.
    pub(super) fn window_from(&self, from: usize, total: usize) -> Window {
        let from = from.min(total);
        let to = total.min(from.saturating_add(self.most));
        Window { from, to, next: to, last: to == total, fraction: None, indexed: self.indexed }
    }
}

/// A part of the results.
pub(super) struct Window {
    pub(super) from: usize,
    pub(super) to: usize,
    next: usize,
    last: bool,
    fraction: Option<(usize, usize)>,
    indexed: bool,
}

impl Window {
    /// Writes the start of `m:RootFolder`.
    pub(super) fn open(&self, w: &mut Writer, total: usize) {
        let (next, total) = (self.next.to_string(), total.to_string());
        let (top, bottom) = self.fraction.map(|(a, b)| (a.to_string(), b.to_string())).unwrap_or_default();
        let mut attributes = Vec::new();
        if self.indexed {
            attributes.push(("IndexedPagingOffset", next.as_str()));
        }
        if self.fraction.is_some() {
            attributes.push(("NumeratorOffset", top.as_str()));
            attributes.push(("AbsoluteDenominator", bottom.as_str()));
        }
        attributes.push(("TotalItemsInView", total.as_str()));
        attributes.push(("IncludesLastItemInRange", if self.last { "true" } else { "false" }));
        w.open("m:RootFolder", &attributes);
    }
}

/// What somebody is told who asks for more than EWSFindCountLimit (recorded by a client of php-ews, its issue 143).
pub(super) fn too_many() -> Trouble {
    let text = "You have exceeded the maximum number of objects that can be returned for the find operation. Use paging \
                to reduce the result size and try your request again.";
    Trouble { value: Some(("PolicyLimit", LIMIT.to_string())), ..Trouble::new("ErrorExceededFindCountLimit", text) }
}

/// Views that only FindItem has.
const VIEWS: &[&str] = &["CalendarView", "SeekToConditionPageItemView"];

/// EWSFindCountLimit.
pub(super) const LIMIT: usize = 1000;

/// The same for searches since 2013 (D/ews-throttling).
const SEARCH_LIMIT: usize = 250;
