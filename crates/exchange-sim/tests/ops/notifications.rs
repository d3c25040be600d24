//! Subscriptions, pulled and streamed.

use std::time::Duration;

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

fn get_streaming_events(subscriptions: &[&str]) -> String {
    let ids: String = subscriptions.iter().map(|id| format!("<t:SubscriptionId>{id}</t:SubscriptionId>")).collect();
    format!(
        r#"<m:GetStreamingEvents><m:SubscriptionIds>{ids}</m:SubscriptionIds>
        <m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>"#
    )
}

fn stream(server: &Server, subscriptions: &[&str]) -> EventStream {
    let request = server.envelope(&get_streaming_events(subscriptions));
    match server.exchange.answer("anna@example.org", request.as_bytes()) {
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
    let mut events = stream(&server, &[&id]);
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
    let mut events = stream(&server, &[&id]);
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

/// The next document of a stream that has one now.
async fn say(events: &mut EventStream, documents: &Documents) -> String {
    let document = tokio::time::timeout(Duration::from_secs(1), events.next()).await.unwrap().unwrap();
    documents.keep(&document);
    String::from_utf8(document).unwrap()
}

/// Nothing comes for now.
async fn silent(events: &mut EventStream) {
    assert!(tokio::time::timeout(Duration::from_secs(1), events.next()).await.is_err());
}

/// What another stream took over.
fn taken_over(document: &str) -> Vec<String> {
    assert_eq!(texts(document, "ResponseCode"), ["ErrorNewEventStreamConnectionOpened"], "{document}");
    assert_eq!(attributes(document, "GetStreamingEventsResponseMessage", "ResponseClass"), ["Error"]);
    texts(document, "SubscriptionId")
}

/// The items that came, in order.
fn mail(document: &str) -> Vec<String> {
    document.split("<t:NewMailEvent>").skip(1).map(|event| attribute(event, "ItemId", "Id")).collect()
}

fn deliver(server: &Server) -> String {
    server.deliver("Subject: x\r\n\r\nx\r\n");
    server.items("inbox").remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_second_stream_takes_the_place_of_the_first_and_each_event_is_told_once() {
    let server = Server::new("se");
    let id = texts(&subscribe(&server, "Streaming", ""), "SubscriptionId").remove(0);
    let documents = Documents::default();
    let mut first = stream(&server, &[&id]);
    assert_eq!(texts(&say(&mut first, &documents).await, "ConnectionStatus"), ["OK"]);
    let before = [deliver(&server), deliver(&server)];
    let mut second = stream(&server, &[&id, &id]);
    let between = deliver(&server);
    assert_eq!(texts(&say(&mut second, &documents).await, "ConnectionStatus"), ["OK"]);
    assert_eq!(mail(&say(&mut second, &documents).await), [between]);
    assert_eq!(mail(&say(&mut first, &documents).await), before);
    assert_eq!(taken_over(&say(&mut first, &documents).await), std::slice::from_ref(&id));
    assert_eq!(texts(&say(&mut first, &documents).await, "ConnectionStatus"), ["Closed"]);
    assert!(first.next().await.is_none());
    let after = deliver(&server);
    assert!(first.next().await.is_none());
    assert_eq!(mail(&say(&mut second, &documents).await), [after]);
    // With nothing to tell, the error comes at once.
    let _third = stream(&server, &[&id]);
    assert_eq!(taken_over(&say(&mut second, &documents).await), [id]);
    documents.check("exchange-se-wire");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_stream_learns_at_once_that_another_one_serves_its_subscriptions() {
    let server = Server::new("se");
    let id = texts(&subscribe(&server, "Streaming", ""), "SubscriptionId").remove(0);
    let mut first = stream(&server, &[&id]);
    first.next().await.unwrap();
    let waiting = tokio::spawn(async move {
        let document = first.next().await.unwrap();
        (String::from_utf8(document).unwrap(), first.next().await.is_some(), first.next().await.is_none())
    });
    tokio::task::yield_now().await;
    let began = tokio::time::Instant::now();
    let _second = stream(&server, &[&id]);
    let (document, closes, over) = waiting.await.unwrap();
    assert_eq!((taken_over(&document), closes, over), (vec![id], true, true));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stream_stays_open_for_the_subscriptions_that_no_other_one_took() {
    let server = Server::new("se");
    let ids: Vec<String> =
        (0..3).map(|_| texts(&subscribe(&server, "Streaming", ""), "SubscriptionId").remove(0)).collect();
    let [a, b, c] = [0, 1, 2].map(|one| ids[one].as_str());
    let documents = Documents::default();
    let mut first = stream(&server, &[a, b, c]);
    say(&mut first, &documents).await;
    let before = deliver(&server);
    let mut second = stream(&server, &[c, a]);
    say(&mut second, &documents).await;
    let news = say(&mut first, &documents).await;
    assert_eq!((texts(&news, "SubscriptionId"), mail(&news)), (vec![a.into(), c.into()], vec![before.clone(); 2]));
    assert_eq!(taken_over(&say(&mut first, &documents).await), [a, c]);
    let news = say(&mut first, &documents).await;
    assert_eq!((texts(&news, "SubscriptionId"), mail(&news)), (vec![b.into()], vec![before]));
    silent(&mut first).await;
    silent(&mut second).await;
    let after = deliver(&server);
    for (events, served) in [(&mut first, vec![b]), (&mut second, vec![c, a])] {
        let news = say(events, &documents).await;
        assert_eq!(
            (texts(&news, "SubscriptionId"), mail(&news)),
            (served.iter().map(|id| (*id).to_owned()).collect(), vec![after.clone(); served.len()])
        );
        silent(events).await;
    }
    // A third stream takes what is left of both.
    let mut third = stream(&server, &[a, b, c]);
    for (events, served) in [(&mut first, vec![b]), (&mut second, vec![c, a])] {
        assert_eq!(taken_over(&say(events, &documents).await), served);
        assert_eq!(texts(&say(events, &documents).await, "ConnectionStatus"), ["Closed"]);
        assert!(events.next().await.is_none());
    }
    say(&mut third, &documents).await;
    silent(&mut third).await;
    documents.check("exchange-se-wire");
}

#[tokio::test(start_paused = true)]
async fn what_a_stream_did_not_tell_before_its_end_is_for_the_next_one() {
    let server = Server::new("se");
    let id = texts(&subscribe(&server, "Streaming", ""), "SubscriptionId").remove(0);
    let documents = Documents::default();
    let mut closed = stream(&server, &[&id]);
    tokio::time::advance(Duration::from_secs(60)).await;
    say(&mut closed, &documents).await;
    assert_eq!(texts(&say(&mut closed, &documents).await, "ConnectionStatus"), ["Closed"]);
    let left = deliver(&server);
    let mut dropped = stream(&server, &[&id]);
    say(&mut dropped, &documents).await;
    drop(dropped);
    let mut next = stream(&server, &[&id]);
    say(&mut next, &documents).await;
    assert_eq!(mail(&say(&mut next, &documents).await), [left]);
    assert!(closed.next().await.is_none());
    // Who may not have the subscription, or names one that is not there, takes nothing over.
    for (user, ids) in [("bob@example.org", vec![id.as_str()]), ("anna@example.org", vec![id.as_str(), "x"])] {
        let refused = server.exchange.answer(user, server.envelope(&get_streaming_events(&ids)).as_bytes());
        let Answer::Document { body, .. } = refused else { panic!("a stream") };
        documents.keep(&body);
    }
    documents.check("exchange-se-wire");
    silent(&mut next).await;
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
