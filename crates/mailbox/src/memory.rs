//! A mailbox in memory, for the tests of the front ends.
