/// An enumeration of Exchange's, whose words are those on the wire.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($variant:ident $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant,)*
        }

        impl $name {
            /// Every one of them, in the order of the schema.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The one with this word, if the word is known.
            pub fn from_name(word: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word.trim())
            }
        }
    };
}

pub(crate) use words;
