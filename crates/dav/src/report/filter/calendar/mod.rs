//! `CALDAV:filter` (RFC 4791 sections 7.8 and 9.7).

mod evaluate;
mod read;

use mailbox::objects::Range;

use super::index;
use super::text::TextMatch;

/// What a calendar object must be like.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// What is asked of VCALENDAR.
    calendar: CompFilter,
}

/// `comp-filter`: a component of this name is there, or is not.
#[derive(Clone, Debug)]
pub(super) struct CompFilter {
    pub(super) name: String,
    /// `None` for `is-not-defined`.
    pub(super) test: Option<CompTest>,
}

/// What a component must meet, all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct CompTest {
    pub(super) range: Option<Range>,
    pub(super) properties: Vec<PropFilter>,
    pub(super) components: Vec<CompFilter>,
}

/// `prop-filter`: a property of this name is there, or is not.
#[derive(Clone, Debug)]
pub(super) struct PropFilter {
    pub(super) name: String,
    pub(super) test: Option<PropTest>,
}

/// What one and the same property must meet, all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct PropTest {
    pub(super) range: Option<Range>,
    pub(super) text: Option<TextMatch>,
    pub(super) parameters: Vec<ParamFilter>,
}

/// `param-filter`: a parameter of this name is there, or is not.
#[derive(Clone, Debug)]
pub(super) struct ParamFilter {
    name: String,
    /// `None` for `is-not-defined`; without a text, to be there is enough.
    test: Option<Option<TextMatch>>,
}

impl Filter {
    /// The components asked for, with what is asked of each.
    pub(super) fn components(&self) -> &[CompFilter] {
        self.calendar.test.as_ref().map_or(&[], |test| &test.components)
    }

    /// What is asked of VCALENDAR itself.
    pub(super) fn calendar(&self) -> &CompFilter {
        &self.calendar
    }

    /// A stretch of time that everything that matches touches, to ask the index for.
    pub(crate) fn span(&self) -> Option<Range> {
        self.components().iter().find_map(|filter| filter.test.as_ref()?.range).map(index::widened)
    }
}
