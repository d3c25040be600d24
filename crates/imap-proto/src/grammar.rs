//! The small words of the grammar: atoms, strings, numbers.
