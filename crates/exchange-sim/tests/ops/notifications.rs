//! Subscriptions, pulled and streamed.

use exchange_sim::{Answer, EventStream};

use crate::soap::{Documents, Server, attribute, texts};

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
