//! Tasks: progress, dates, and what becomes of recurring ones.

use crate::soap::{Server, attribute, texts};

const ALL: &str = "<t:BaseShape>AllProperties</t:BaseShape>";

fn create(server: &Server, task: &str) -> String {
    let answer = server.ask(&format!("<m:CreateItem><m:Items><t:Task>{task}</t:Task></m:Items></m:CreateItem>"));
    assert_eq!(texts(&answer, "ResponseCode"), ["NoError"], "{answer}");
    attribute(&answer, "ItemId", "Id")
}

fn update(server: &Server, id: &str, uri: &str, value: &str) -> String {
    server.ask(&format!(
        r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="{id}"/><t:Updates>
        <t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:Task>{value}</t:Task></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
    ))
}

fn one(document: &str, element: &str) -> String {
    let found = texts(document, element);
    assert_eq!(found.len(), 1, "{element} in {document}");
    found[0].clone()
}

#[test]
fn a_task_tells_how_far_it_is() {
    let server = Server::new("se");
    // Microsoft's example: a date with a time of day.
    let id = create(
        &server,
        "<t:Subject>My task</t:Subject><t:DueDate>2006-10-26T21:32:52</t:DueDate><t:Status>NotStarted</t:Status>",
    );
    let item = server.item(&id, ALL);
    for (element, text) in [
        ("DueDate", "2006-10-26T00:00:00Z"),
        ("ChangeCount", "1"),
        ("IsComplete", "false"),
        ("IsRecurring", "false"),
        ("PercentComplete", "0"),
        ("Status", "NotStarted"),
        ("StatusDescription", "Not Started"),
    ] {
        assert_eq!(one(&item, element), text);
    }
    let done = update(&server, &id, "task:PercentComplete", "<t:PercentComplete>100</t:PercentComplete>");
    assert_eq!(attribute(&done, "ItemId", "Id"), id);
    let item = server.item(&id, ALL);
    assert_eq!((one(&item, "Status").as_str(), one(&item, "IsComplete").as_str()), ("Completed", "true"));
    assert_eq!(one(&item, "ChangeCount"), "2");
    assert!(one(&item, "CompleteDate").ends_with("T00:00:00Z"));
    for (uri, value, code) in [
        ("task:PercentComplete", "<t:PercentComplete>101</t:PercentComplete>", "ErrorInvalidPercentCompleteValue"),
        ("task:CompleteDate", "<t:CompleteDate>2999-01-01T00:00:00Z</t:CompleteDate>", "ErrorInvalidCompleteDate"),
        ("task:IsComplete", "<t:IsComplete>false</t:IsComplete>", "ErrorInvalidPropertySet"),
        ("task:StatusDescription", "<t:StatusDescription>x</t:StatusDescription>", "ErrorInvalidPropertySet"),
    ] {
        assert_eq!(one(&update(&server, &id, uri, value), "ResponseCode"), code);
    }
}

const WEEKLY: &str = "<t:Subject>Water</t:Subject><t:DueDate>2026-01-05T00:00:00Z</t:DueDate>
    <t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence>
    <t:NumberedRecurrence><t:StartDate>2026-01-05Z</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>
    <t:StartDate>2026-01-04T00:00:00Z</t:StartDate>";

#[test]
fn an_occurrence_that_is_done_becomes_a_task_of_its_own() {
    let server = Server::new("se");
    let id = create(&server, WEEKLY);
    assert_eq!(one(&server.item(&id, ALL), "IsRecurring"), "true");
    let complete = || update(&server, &id, "task:Status", "<t:Status>Completed</t:Status>");
    let done = attribute(&complete(), "ItemId", "Id");
    assert_ne!(done, id);
    let single = server.item(&done, ALL);
    assert_eq!((one(&single, "Status").as_str(), one(&single, "IsRecurring").as_str()), ("Completed", "false"));
    assert_eq!(one(&single, "DueDate"), "2026-01-05T00:00:00Z");
    let series = server.item(&id, ALL);
    assert_eq!((one(&series, "Status").as_str(), one(&series, "PercentComplete").as_str()), ("NotStarted", "0"));
    assert_eq!(one(&series, "DueDate"), "2026-01-12T00:00:00Z");
    assert!(series.contains("<t:StartDate>2026-01-11T00:00:00Z</t:StartDate>"), "{series}");
    assert_ne!(attribute(&complete(), "ItemId", "Id"), id);
    // The last one is the series itself.
    assert_eq!(attribute(&complete(), "ItemId", "Id"), id);
    assert_eq!(one(&server.item(&id, ALL), "Status"), "Completed");
    assert_eq!(server.items("tasks").len(), 3);
}

#[test]
fn an_occurrence_that_is_moved_becomes_a_task_of_its_own() {
    let server = Server::new("se");
    let id = create(&server, WEEKLY);
    let moved = update(&server, &id, "task:DueDate", "<t:DueDate>2026-01-06T00:00:00Z</t:DueDate>");
    let moved = attribute(&moved, "ItemId", "Id");
    assert_ne!(moved, id);
    assert_eq!(one(&server.item(&moved, ALL), "DueDate"), "2026-01-06T00:00:00Z");
    assert_eq!(one(&server.item(&id, ALL), "DueDate"), "2026-01-12T00:00:00Z");
}

#[test]
fn a_task_is_made_anew_when_it_is_done() {
    let server = Server::new("se");
    let id = create(
        &server,
        "<t:DueDate>2026-01-05T00:00:00Z</t:DueDate><t:Recurrence><t:MonthlyRegeneration><t:Interval>1</t:Interval></t:MonthlyRegeneration>
        <t:NumberedRecurrence><t:StartDate>2026-01-05Z</t:StartDate><t:NumberOfOccurrences>2</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>",
    );
    // Moving a task that regenerates moves just it.
    let moved = update(&server, &id, "task:DueDate", "<t:DueDate>2026-01-06T00:00:00Z</t:DueDate>");
    assert_eq!(attribute(&moved, "ItemId", "Id"), id);
    let complete =
        || update(&server, &id, "task:CompleteDate", "<t:CompleteDate>2026-02-10T00:00:00Z</t:CompleteDate>");
    assert_ne!(attribute(&complete(), "ItemId", "Id"), id);
    let series = server.item(&id, ALL);
    assert_eq!(one(&series, "DueDate"), "2026-03-10T00:00:00Z");
    assert_eq!(one(&series, "NumberOfOccurrences"), "1");
    assert_eq!(attribute(&complete(), "ItemId", "Id"), id);
}

#[test]
fn deleting_a_task_needs_to_say_how_much() {
    let server = Server::new("se");
    let id = create(&server, WEEKLY);
    let delete = |how: &str| {
        server.code(&format!(
            r#"<m:DeleteItem DeleteType="HardDelete" {how}><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:DeleteItem>"#
        ))
    };
    assert_eq!(delete(""), "ErrorAffectedTaskOccurrencesRequired");
    assert_eq!(delete(r#"AffectedTaskOccurrences="SpecifiedOccurrenceOnly""#), "NoError");
    assert_eq!(one(&server.item(&id, ALL), "DueDate"), "2026-01-12T00:00:00Z");
    assert_eq!(delete(r#"AffectedTaskOccurrences="AllOccurrences""#), "NoError");
    assert_eq!(server.items("tasks").len(), 0);
}

#[test]
fn a_task_has_mapi_names() {
    let server = Server::new("se");
    let property = |id: u32, of: &str, value: &str| {
        format!(
            r#"<t:ExtendedProperty><t:ExtendedFieldURI DistinguishedPropertySetId="Task" PropertyId="{id}" PropertyType="{of}"/><t:Value>{value}</t:Value></t:ExtendedProperty>"#
        )
    };
    let id = create(&server, &(property(0x8101, "Integer", "1") + &property(0x8102, "Double", "0.25")));
    let item = server.item(&id, ALL);
    assert_eq!((one(&item, "Status").as_str(), one(&item, "PercentComplete").as_str()), ("InProgress", "25"));
    let shape = r#"<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>
        <t:ExtendedFieldURI DistinguishedPropertySetId="Task" PropertyId="33052" PropertyType="Boolean"/></t:AdditionalProperties>"#;
    assert_eq!(one(&server.item(&id, shape), "Value"), "false");
}

#[test]
fn notes_are_kept() {
    let server = Server::new("se");
    let answer = server.ask(
        r#"<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:DistinguishedFolderId Id="notes"/></m:SavedItemFolderId>
        <m:Items><t:Message><t:ItemClass>IPM.StickyNote</t:ItemClass><t:Subject>Milk</t:Subject><t:Body BodyType="Text">Milk and bread</t:Body>
        <t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="0006200e-0000-0000-c000-000000000046" PropertyId="35584" PropertyType="Integer"/><t:Value>3</t:Value></t:ExtendedProperty>
        </t:Message></m:Items></m:CreateItem>"#,
    );
    let id = attribute(&answer, "ItemId", "Id");
    let shape = r#"<t:BaseShape>AllProperties</t:BaseShape><t:AdditionalProperties>
        <t:ExtendedFieldURI PropertySetId="0006200e-0000-0000-c000-000000000046" PropertyId="35584" PropertyType="Integer"/></t:AdditionalProperties>"#;
    let item = server.item(&id, shape);
    assert_eq!(one(&item, "ItemClass"), "IPM.StickyNote");
    assert_eq!(texts(&item, "Body")[1].trim_end(), "Milk and bread");
    assert_eq!(one(&item, "Value"), "3");
}
