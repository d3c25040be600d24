//! Subscriptions, pulled and streamed.

use exchange_sim::{Answer, EventStream};

use crate::{
    calendar::{created, set, update},
    soap::{Documents, Server, attribute, attributes, texts},
};

fn subscribe(server: &Server, how: &str, timeout: &str) -> String {
    server.ask(&format!(
        r#"<m:Subscribe><m:{how}SubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds>
        <t:EventTypes><t:EventType>NewMailEvent</t:EventType><t:EventType>CreatedEvent</t:EventType><t:EventType>DeletedEvent</t:EventType>
        <t:EventType>ModifiedEvent</t:EventType><t:EventType>MovedEvent</t:EventType><t:EventType>CopiedEvent</t:EventType></t:EventTypes>{timeout}
        </m:{how}SubscriptionRequest></m:Subscribe>"#
    ))
}

fn stream(server: &Server, subscription: &str) -> EventStream {
    let request = format!(
        r#"<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>{subscription}</t:SubscriptionId></m:SubscriptionIds>
        <m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>"#
    );
    match server.exchange.answer("anna@example.org", server.envelope(&request).as_bytes()) {
        Answer::Stream { operation, events } => {
            assert_eq!(operation, "GetStreamingEvents");
            events
        }
        Answer::Document { body, .. } => panic!("{}", String::from_utf8_lossy(&body)),
    }
}

#[test]
fn events_are_pulled_by_watermark() {
    let server = Server::new("2007_SP1");
    let subscribed = subscribe(&server, "Pull", "<t:Timeout>10</t:Timeout>");
    let id = texts(&subscribed, "SubscriptionId").remove(0);
    let pull = |watermark: &str| {
        server.ask(&format!(
            r#"<m:GetEvents><m:SubscriptionId>{id}</m:SubscriptionId><m:Watermark>{watermark}</m:Watermark></m:GetEvents>"#
        ))
    };
    let idle = pull(&texts(&subscribed, "Watermark")[0]);
    assert!(idle.contains("StatusEvent"));
    server.deliver("Subject: x\r\n\r\nx\r\n");
    let from = texts(&idle, "Watermark").remove(0);
    let news = pull(&from);
    for event in ["CreatedEvent", "NewMailEvent", "ModifiedEvent"] {
        assert_eq!(news.matches(&format!("<t:{event}>")).count(), 1, "{event}");
    }
    assert_eq!(texts(&news, "UnreadCount"), ["1"]);
    // The same watermark gives the same events: an answer may get lost.
    assert_eq!(pull(&from).matches("<t:NewMailEvent>").count(), 1);
    assert!(pull(texts(&news, "Watermark").last().unwrap()).contains("StatusEvent"));
    assert_eq!(texts(&pull("bm9uc2Vuc2U="), "ResponseCode"), ["ErrorInvalidWatermark"]);
    let stop = format!(r#"<m:Unsubscribe><m:SubscriptionId>{id}</m:SubscriptionId></m:Unsubscribe>"#);
    assert_eq!([server.code(&stop), server.code(&stop)], ["NoError", "ErrorSubscriptionNotFound"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_at_once_beats_and_closes() {
    let server = Server::new("se");
    let id = texts(&subscribe(&server, "Streaming", ""), "SubscriptionId").remove(0);
    let mut events = stream(&server, &id);
    let documents = Documents::default();
    let mut next = async || {
        let document = events.next().await?;
        documents.keep(&document);
        Some(String::from_utf8(document).unwrap())
    };
    assert_eq!(texts(&next().await.unwrap(), "ConnectionStatus"), ["OK"]);
    server.deliver("Subject: x\r\n\r\nx\r\n");
    let news = next().await.unwrap();
    assert!(news.contains("<m:Notification>") && news.contains("<t:NewMailEvent>"), "{news}");
    assert_eq!(attribute(&news, "ItemId", "Id"), server.items("inbox")[0]);
    // Nothing happens: heartbeats, then the end after a minute.
    assert_eq!(texts(&next().await.unwrap(), "ConnectionStatus"), ["OK"]);
    let mut last = String::new();
    while let Some(document) = next().await {
        last = document;
    }
    assert_eq!(texts(&last, "ConnectionStatus"), ["Closed"]);
    documents.check("exchange-se-wire");
}

#[tokio::test(start_paused = true)]
async fn moves_and_deletes_are_told_and_a_migration_ends_the_stream() {
    let server = Server::new("se");
    let id = texts(&subscribe(&server, "Streaming", ""), "SubscriptionId").remove(0);
    let mut events = stream(&server, &id);
    let mut next = async || String::from_utf8(events.next().await.unwrap()).unwrap();
    next().await;
    server.deliver("Subject: x\r\n\r\nx\r\n");
    next().await;
    let item = server.items("inbox").remove(0);
    server.ask(&format!(
        r#"<m:DeleteItem DeleteType="MoveToDeletedItems"><m:ItemIds><t:ItemId Id="{item}"/></m:ItemIds></m:DeleteItem>"#
    ));
    let news = next().await;
    assert_eq!(attribute(&news, "OldItemId", "Id"), item);
    assert_eq!(attribute(&news, "ItemId", "Id"), server.items("deleteditems")[0]);
    server.exchange.migrate("anna@example.org").unwrap();
    let end = next().await;
    assert_eq!(texts(&end, "ResponseCode"), ["ErrorSubscriptionNotFound"]);
    assert!(events.next().await.is_none());
}

#[test]
fn a_change_of_times_is_a_change_of_free_and_busy() {
    let server = Server::new("se");
    let subscribed = server.ask(
        r#"<m:Subscribe><m:PullSubscriptionRequest SubscribeToAllFolders="true"><t:EventTypes>
        <t:EventType>FreeBusyChangedEvent</t:EventType></t:EventTypes><t:Timeout>10</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>"#,
    );
    let id = texts(&subscribed, "SubscriptionId").remove(0);
    let mut watermark = texts(&subscribed, "Watermark").remove(0);
    // The items of the events since the last time.
    let mut news = || {
        let answer = server.ask(&format!(
            r#"<m:GetEvents><m:SubscriptionId>{id}</m:SubscriptionId><m:Watermark>{watermark}</m:Watermark></m:GetEvents>"#
        ));
        watermark = texts(&answer, "Watermark").pop().unwrap();
        match answer.contains("<t:FreeBusyChangedEvent>") {
            true => attributes(&answer, "ItemId", "Id"),
            false => Vec::new(),
        }
    };
    server.deliver("Subject: x\r\n\r\nx\r\n");
    let times = "<t:Start>2024-05-06T08:00:00Z</t:Start><t:End>2024-05-06T09:00:00Z</t:End>";
    created(&server, &format!("{times}<t:LegacyFreeBusyStatus>Free</t:LegacyFreeBusyStatus>"));
    assert!(news().is_empty(), "neither mail nor what takes no time");
    let event = created(&server, times);
    assert_eq!(news(), std::slice::from_ref(&event));
    let change = |updates: &str| update(&server, &format!(r#"<t:ItemId Id="{event}"/>"#), "SendToNone", updates);
    change(&set("item:Subject", "<t:Subject>y</t:Subject>"));
    assert!(news().is_empty(), "another subject");
    change(&set("calendar:End", "<t:End>2024-05-06T10:00:00Z</t:End>"));
    assert_eq!(news(), std::slice::from_ref(&event));
    server.ask(&format!(
        r#"<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone"><m:ItemIds>
        <t:ItemId Id="{event}"/></m:ItemIds></m:DeleteItem>"#
    ));
    assert_eq!(news(), [event]);
}
