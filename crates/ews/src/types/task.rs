use jiff::Timestamp;

use super::moment::{Moment, read_utc};
use super::words::words;
use super::{Recurrence, strings};
use crate::soap::Element;

/// What tasks have beyond any item (EWS "Task"). What is None or empty was not asked, or is not set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// When it shall begin: a day, as midnight.
    pub start: Option<Moment>,
    /// When it shall be done: a day, as midnight.
    pub due: Option<Moment>,
    /// When it was done: a day, as midnight.
    pub completed: Option<Moment>,
    /// How far it is.
    pub status: Option<TaskStatus>,
    /// 0 to 100; moves together with `status`.
    pub percent: Option<f64>,
    /// It is done.
    pub is_complete: Option<bool>,
    /// It repeats.
    pub is_recurring: Option<bool>,
    /// How it repeats.
    pub recurrence: Option<Recurrence>,
    /// Minutes of work done.
    pub actual_work: Option<i32>,
    /// Minutes of work planned.
    pub total_work: Option<i32>,
    /// What to charge to whom.
    pub billing: Option<String>,
    /// Distance travelled.
    pub mileage: Option<String>,
    /// Companies it is done for.
    pub companies: Vec<String>,
    /// People it concerns.
    pub contacts: Vec<String>,
    /// Whose it is.
    pub owner: Option<String>,
    /// Who passed it on.
    pub delegator: Option<String>,
    /// How far passing it on got.
    pub delegation: Option<DelegationState>,
    /// When it was passed on.
    pub assigned: Option<Timestamp>,
    /// How often it was changed.
    pub change_count: Option<i32>,
    /// Several do it.
    pub is_team_task: Option<bool>,
    /// The status in words, as Exchange writes them.
    pub status_description: Option<String>,
}

impl Task {
    /// Takes an element that is one of these; false if it is something else.
    pub(crate) fn take(&mut self, child: &Element) -> bool {
        let text = || Some(child.text().to_owned());
        match child.name() {
            "StartDate" => self.start = Moment::read(child),
            "DueDate" => self.due = Moment::read(child),
            "CompleteDate" => self.completed = Moment::read(child),
            "Status" => self.status = TaskStatus::from_name(child.text()),
            "PercentComplete" => self.percent = child.parse(),
            "IsComplete" => self.is_complete = child.truth(),
            "IsRecurring" => self.is_recurring = child.truth(),
            "Recurrence" => self.recurrence = Recurrence::read(child),
            "ActualWork" => self.actual_work = child.parse(),
            "TotalWork" => self.total_work = child.parse(),
            "BillingInformation" => self.billing = text(),
            "Mileage" => self.mileage = text(),
            "Companies" => self.companies = strings(child),
            "Contacts" => self.contacts = strings(child),
            "Owner" => self.owner = text(),
            "Delegator" => self.delegator = text(),
            "DelegationState" => self.delegation = DelegationState::from_name(child.text()),
            "AssignedTime" => self.assigned = read_utc(child),
            "ChangeCount" => self.change_count = child.parse(),
            "IsTeamTask" => self.is_team_task = child.truth(),
            "StatusDescription" => self.status_description = text(),
            _ => return false,
        }
        true
    }
}

words! {
    /// How far a task is (EWS "TaskStatusType").
    TaskStatus {
        NotStarted "NotStarted",
        InProgress "InProgress",
        Completed "Completed",
        Waiting "WaitingOnOthers",
        Deferred "Deferred",
    }
}

words! {
    /// How far passing a task on got (EWS "TaskDelegateStateType").
    DelegationState {
        NoMatch "NoMatch",
        OwnNew "OwnNew",
        Owned "Owned",
        Accepted "Accepted",
        Declined "Declined",
        Max "Max",
    }
}
