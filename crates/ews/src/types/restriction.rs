use super::Path;
use crate::soap::Xml;

/// A condition on properties (EWS "Restriction").
#[derive(Clone, Debug)]
pub enum Restriction {
    /// All of them hold. At least two.
    And(Vec<Restriction>),
    /// One of them holds. At least two.
    Or(Vec<Restriction>),
    /// It does not hold.
    Not(Box<Restriction>),
    /// The property is there.
    Exists(Path),
    /// The property stands so to a constant in Exchange's text form (dates as `2024-01-31T00:00:00Z`).
    Compare(Path, Comparison, String),
    /// The text property contains a text; letter case is ignored.
    Contains(Path, Match, String),
    /// These bits of an integer property are all clear.
    Excludes(Path, u32),
}

impl Restriction {
    pub(crate) fn write_root(&self, xml: &mut Xml) {
        xml.within("m:Restriction", &[], |xml| self.write(xml));
    }

    fn write(&self, xml: &mut Xml) {
        match self {
            Restriction::And(parts) => xml.within("t:And", &[], |xml| parts.iter().for_each(|part| part.write(xml))),
            Restriction::Or(parts) => xml.within("t:Or", &[], |xml| parts.iter().for_each(|part| part.write(xml))),
            Restriction::Not(part) => xml.within("t:Not", &[], |xml| part.write(xml)),
            Restriction::Exists(path) => xml.within("t:Exists", &[], |xml| path.write(xml)),
            Restriction::Compare(path, comparison, value) => xml.within(comparison.element(), &[], |xml| {
                path.write(xml);
                xml.within("t:FieldURIOrConstant", &[], |xml| xml.empty("t:Constant", &[("Value", value)]));
            }),
            Restriction::Contains(path, how, value) => {
                let how = [("ContainmentMode", how.as_str()), ("ContainmentComparison", "IgnoreCase")];
                xml.within("t:Contains", &how, |xml| {
                    path.write(xml);
                    xml.empty("t:Constant", &[("Value", value)]);
                });
            }
            Restriction::Excludes(path, mask) => xml.within("t:Excludes", &[], |xml| {
                path.write(xml);
                xml.empty("t:Bitmask", &[("Value", &mask.to_string())]);
            }),
        }
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Equal,
    /// Not the same.
    NotEqual,
    /// Less than the constant.
    Less,
    /// Less than the constant, or the same.
    LessOrEqual,
    /// More than the constant.
    Greater,
    /// More than the constant, or the same.
    GreaterOrEqual,
}

impl Comparison {
    fn element(self) -> &'static str {
        match self {
            Comparison::Equal => "t:IsEqualTo",
            Comparison::NotEqual => "t:IsNotEqualTo",
            Comparison::Less => "t:IsLessThan",
            Comparison::LessOrEqual => "t:IsLessThanOrEqualTo",
            Comparison::Greater => "t:IsGreaterThan",
            Comparison::GreaterOrEqual => "t:IsGreaterThanOrEqualTo",
        }
    }
}

/// Where in a text another is looked for (EWS "ContainmentMode").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The whole text.
    Full,
    /// At its beginning.
    Prefix,
    /// Anywhere.
    Substring,
    /// As the beginning of a word.
    PrefixOnWords,
}

impl Match {
    fn as_str(self) -> &'static str {
        match self {
            Match::Full => "FullString",
            Match::Prefix => "Prefixed",
            Match::Substring => "Substring",
            Match::PrefixOnWords => "PrefixOnWords",
        }
    }
}

/// One key of an order (EWS "FieldOrder").
#[derive(Clone, Debug)]
pub struct Sort {
    /// By what.
    pub by: Path,
    /// Which way.
    pub direction: Direction,
}

impl Sort {
    pub(crate) fn write_all(sorts: &[Sort], xml: &mut Xml) {
        xml.within("m:SortOrder", &[], |xml| {
            for sort in sorts {
                xml.within("t:FieldOrder", &[("Order", sort.direction.as_str())], |xml| sort.by.write(xml));
            }
        });
    }
}

/// Which way an order goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Small, old, A first.
    Ascending,
    /// Big, new, Z first.
    Descending,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Direction::Ascending => "Ascending",
            Direction::Descending => "Descending",
        }
    }
}

/// One page of a listing (EWS "IndexedPageItemView", "IndexedPageFolderView").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many to skip; for the next page, what the answer said.
    pub offset: u32,
    /// How many at most; Exchange may give fewer.
    pub max: u32,
}

impl Page {
    pub(crate) fn write(self, xml: &mut Xml, name: &'static str) {
        let attributes = [
            ("MaxEntriesReturned", self.max.to_string()),
            ("Offset", self.offset.to_string()),
            ("BasePoint", "Beginning".to_owned()),
        ];
        xml.empty(name, &attributes.each_ref().map(|(name, value)| (*name, value.as_str())));
    }
}
