//! What was begun and is not settled: notes in the map, from before something is done until it is done or taken back, so
//! that the next run takes back what a run left half done; of several nodes, another one what one that is gone left.
//!
//! Whoever takes something back has its line in the note first. So a node that was taken for gone and is not finds its line
//! gone, and tells nobody that it is done.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use idmap::IdMap;
use mailbox::{Error, ErrorKind};
use tokio::time::sleep;

use crate::append_all::APPENDS;
use crate::copy_all::COPIES;
use crate::error::Result;
use crate::live::Live;

/// Notes of one kind, a line each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun(pub(crate) &'static str);

/// What is taken back.
#[derive(Clone, Copy, Debug)]
enum Whose {
    /// What this node began when it ran before.
    Own,
    /// What nodes began that are gone.
    Gone,
}

/// A line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: String,
    /// The node that wrote it, where there are several.
    node: Option<String>,
}

impl Live {
    /// Takes back what an earlier run began and did not end. To be called before this one begins anything.
    pub(crate) async fn clear_begun(self: Arc<Self>) {
        self.clear(Whose::Own).await;
        self.clear_left().await;
    }

    /// Takes back what nodes began that are gone, as soon as they are.
    pub(crate) async fn clear_left(self: Arc<Self>) {
        if self.nodes.is_none() || self.clearing.swap(true, Ordering::SeqCst) {
            return;
        }
        while self.clear(Whose::Gone).await {
            sleep(UNTIL_GONE).await;
        }
        self.clearing.store(false, Ordering::SeqCst);
    }

    async fn clear(self: &Arc<Self>, whose: Whose) -> bool {
        let mut is_left = false;
        for kind in [APPENDS, COPIES] {
            is_left |= self.clear_of(kind, whose).await.unwrap_or_default();
        }
        is_left
    }

    /// True if there are lines of nodes that are there: they may be gone when next looked at.
    async fn clear_of(self: &Arc<Self>, kind: Begun, whose: Whose) -> Result<bool> {
        let mut is_left = false;
        for line in self.lines(kind).await?.1 {
            let is_own = line.node.as_deref() == self.node();
            let is_gone = match (&line.node, &self.nodes) {
                (Some(node), Some(nodes)) if !is_own => !nodes.is_there(node).await.unwrap_or(true),
                _ => false,
            };
            is_left |= !is_own && !is_gone;
            let is_ours = match whose {
                Whose::Own => is_own,
                Whose::Gone => is_gone && self.take_over(kind, &line).await?,
            };
            match kind {
                _ if !is_ours => {}
                APPENDS => self.clear_append(&line.text),
                _ => self.clear_copy_of(&line.text),
            }
        }
        Ok(is_left)
    }

    /// True if something is under way, or an earlier run left it half done.
    pub(crate) async fn is_anything_begun(&self) -> Result<bool> {
        Ok(!self.lines(APPENDS).await?.1.is_empty() || !self.lines(COPIES).await?.1.is_empty())
    }

    /// Strikes one line out and puts another one in, in one step.
    ///
    /// # Errors
    /// `Unavailable` if the line to strike out is there no more, since another node took this one for gone; then nothing is
    /// put in.
    pub(crate) async fn note_begun(&self, kind: Begun, settled: Option<&str>, new: Option<&str>) -> Result<()> {
        let settled = settled.map(|text| Line { text: text.to_owned(), node: self.node().map(str::to_owned) });
        let new = new.map(|text| Line { text: text.to_owned(), node: self.node().map(str::to_owned) });
        match self.change_lines(kind, settled.as_ref(), new.as_ref()).await? || self.nodes.is_none() {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Unavailable, TAKEN_BACK)),
        }
    }

    /// Makes a line of a node that is gone one of ours. False if it is there no more.
    async fn take_over(&self, kind: Begun, line: &Line) -> Result<bool> {
        let ours = Line { text: line.text.clone(), node: self.node().map(str::to_owned) };
        self.change_lines(kind, Some(line), Some(&ours)).await
    }

    /// False if the line to strike out is not there.
    async fn change_lines(&self, kind: Begun, old: Option<&Line>, new: Option<&Line>) -> Result<bool> {
        let _alone = self.noting.lock().await;
        loop {
            let (before, mut lines) = self.lines(kind).await?;
            let known = lines.len();
            lines.retain(|line| Some(line) != old);
            let is_there = old.is_none() || lines.len() < known;
            if !is_there && self.nodes.is_some() {
                return Ok(false);
            }
            lines.extend(new.cloned());
            let note: String = lines.iter().map(Line::written).collect();
            // Another node may write at the same time.
            if self.map.swap_note(kind.0, before.as_deref(), &note).await? {
                return Ok(is_there);
            }
        }
    }

    /// The note as it stands, and its lines.
    async fn lines(&self, kind: Begun) -> Result<(Option<String>, Vec<Line>)> {
        let note = self.map.note(kind.0).await?;
        let lines = note.iter().flat_map(|note| note.lines()).map(Line::read).collect();
        Ok((note, lines))
    }

    fn node(&self) -> Option<&str> {
        self.nodes.as_ref().map(nodes::Nodes::name)
    }
}

impl Line {
    fn read(line: &str) -> Self {
        match line.split_once('\t') {
            Some((text, node)) => Self { text: text.to_owned(), node: Some(node.to_owned()) },
            None => Self { text: line.to_owned(), node: None },
        }
    }

    fn written(&self) -> String {
        match &self.node {
            Some(node) => format!("{}\t{node}\n", self.text),
            None => format!("{}\n", self.text),
        }
    }
}

const TAKEN_BACK: &str = "it took too long, and was taken back; try again";
/// How often it is looked whether a node is gone that has something under way.
const UNTIL_GONE: Duration = Duration::from_secs(5);
