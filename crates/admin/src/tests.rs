//! Everything from a request to an answer: who may do what, what is said, what is written down.

mod guard;
mod interface;
mod pages;
mod roles;
mod trials;
mod world;
