//! What is copied is what was there, to the last column, and both go on alike.

use std::collections::BTreeSet;

use mailbox::objects::{DeadProperty, DeltaStart};
use mailbox::{Access, EmailId, FolderId, FolderPath, ModSeq, Subscription, SystemFlags};

use super::{Copied, TABLES, copy};
use crate::conformance::{
    End, apply, email_ids, filled, flags, folder, item, listing, named, objects, page, tree, uid, uids,
};
use crate::postgres::Server;
use crate::sql::{Column, Connection, Value};
use crate::tables::coded::Opaque;
use crate::{IdMap, ItemChange, Mailbox, ObjectMap, sqlite};

#[tokio::test]
async fn a_copy_is_the_same() {
    let Some(fixture) = pg_fixture::shared() else { return };
    let server = Server::open(&fixture.database(), "one").await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = sqlite::open(directory.path(), NAME).await.unwrap();
    let (inbox, calendar) = lived_in(&file).await;

    let Copied::Rows(rows) = copy(&file, &server, NAME).await.unwrap() else { panic!("nothing was there") };
    let there = server.mailbox(NAME).await.unwrap();
    let (before, after) = (dump(&file).await, dump(&there).await);
    assert_eq!(rows, before.len() as u64 + 1);
    let missing: Vec<_> = TABLES.iter().filter(|table| !before.iter().any(|row| row.starts_with(*table))).collect();
    assert!(missing.is_empty(), "nothing in {missing:?}, so nothing is shown");
    assert_eq!(before, after);
    same(&file, &there, inbox, calendar).await;
    let all = uids(&file, inbox).await;
    assert_eq!(file.items(inbox, &all).await.unwrap(), there.items(inbox, &all).await.unwrap());
    assert_eq!(file.details(inbox, &all).await.unwrap(), there.details(inbox, &all).await.unwrap());

    // Both go on from there alike.
    for map in [&file, &there] {
        let coming = [item(20), item(21)];
        apply(map, inbox, listing(&coming, "s9", End::Last)).await;
        map.begin_resync(inbox).await.unwrap();
        apply(map, inbox, listing(&[3, 4, 20, 21, 30].map(item), "t1", End::Last)).await;
        map.flagged(inbox, vec![(uid(3), flags(SystemFlags::SEEN, &["$New", "Later"]), "CQAB".to_owned())])
            .await
            .unwrap();
        objects::written(map, calendar, "new.ics", objects::object(9), Some("new")).await;
        map.put_folder(folder("another", "Another")).await.unwrap();
    }
    same(&file, &there, inbox, calendar).await;
    let ids = |rows: Vec<crate::FolderRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(file.folders().await.unwrap()), ids(there.folders().await.unwrap()));
}

/// What was copied, or is in use, is left alone; what stopped half-way is begun anew.
#[tokio::test]
async fn a_copy_is_made_once() {
    let Some(fixture) = pg_fixture::shared() else { return };
    let url = fixture.database();
    let server = Server::open(&url, "one").await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = sqlite::open(directory.path(), NAME).await.unwrap();
    let inbox = filled(&file, &(1..=300).map(item).collect::<Vec<_>>()).await;

    // A server that is full in the middle of it.
    let database = url.split(['/', '?']).nth(3).unwrap();
    fixture.run(
        database,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;
         CREATE TRIGGER full_disk BEFORE INSERT ON idmap.item FOR EACH ROW WHEN (NEW.key & 255 = 200)
             EXECUTE FUNCTION full_disk()",
    );
    let error = copy(&file, &server, NAME).await.unwrap_err();
    assert!(error.to_string().contains("no space left"), "{error}");
    assert_eq!(server.mailbox(NAME).await.unwrap().folders().await.unwrap(), []);
    fixture.run(database, "DROP TRIGGER full_disk ON idmap.item");

    assert!(matches!(copy(&file, &server, NAME).await.unwrap(), Copied::Rows(_)));
    let there = server.mailbox(NAME).await.unwrap();
    there.removed(inbox, &[uid(7)]).await.unwrap();
    assert_eq!(copy(&file, &server, NAME).await.unwrap(), Copied::There);
    assert_eq!(there.status(inbox).await.unwrap().messages, 299);
    assert_eq!(sqlite::all(directory.path()).await.unwrap(), [NAME]);
}

/// Every table of a file has its place on the list.
#[tokio::test]
async fn no_table_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let file = sqlite::open(directory.path(), NAME).await.unwrap();
    let names = file.read(|connection| {
        let sql =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'mailbox'";
        let mut all = connection.prepare_cached(sql)?;
        let names = all.query_map([], |row| row.get(0))?.collect::<crate::sql::Result<BTreeSet<String>>>()?;
        Ok(names)
    });
    let listed: BTreeSet<String> = TABLES.iter().map(|table| (*table).to_owned()).collect();
    assert_eq!(names.await.unwrap(), listed);
}

/// A map with something in every table.
async fn lived_in(map: &Mailbox) -> (FolderId, FolderId) {
    map.apply_hierarchy(tree([folder("inbox-id", "Inbox"), folder("other-id", "Other")], "h1")).await.unwrap();
    let inbox = filled(map, &(1..=9).map(item).collect::<Vec<_>>()).await;
    let other = map.folders().await.unwrap()[1].id;
    let gone = map.put_folder(folder("gone", "Gone")).await.unwrap();
    map.remove_folder(gone).await.unwrap();
    map.flagged(inbox, vec![(uid(2), flags(SystemFlags::FLAGGED, &["Later", "$Done"]), "CQAB".to_owned())])
        .await
        .unwrap();
    map.moved(inbox, other, vec![(uid(1), crate::conformance::renamed(&item(1), "moved"))]).await.unwrap();
    map.removed(inbox, &[uid(5)]).await.unwrap();
    // Another size is what a flag makes, another stamp is other content.
    let changes = [crate::Item { size: 77, ..item(3) }, crate::Item { stamp: [9; 16], ..item(4) }, item(12)];
    apply(map, inbox, page(changes.into_iter().map(ItemChange::Upsert), "s2", End::More)).await;
    let ids = email_ids(map, inbox).await;
    map.put_headers(vec![(ids[0], b"A: b\r\n\r\n".to_vec()), (EmailId([1; 16]), vec![0, 255])]).await.unwrap();
    map.put_letterheads(vec![(ids[1], vec![1, 2, 3])]).await.unwrap();
    map.put_previews(vec![(ids[0], "Grüße".to_owned())]).await.unwrap();
    map.put_problem(ids[2], "ErrorCorruptData", b"A: b\r\n\r\n").await.unwrap();
    map.put_exact_sizes(vec![(ids[0], 4321)]).await.unwrap();
    map.subscribe(&FolderPath(vec!["A".to_owned(), "b/ä".to_owned()]), Subscription::Unsubscribed).await.unwrap();
    map.keywords_for(&["Zu erledigen".to_owned()]).await.unwrap();
    map.put_note("here", "there").await.unwrap();
    map.annotate(Some(inbox), vec![("/private/comment".to_owned(), Some(vec![0, 1, 255]))], 9).await.unwrap();
    map.annotate(None, vec![("/shared/comment".to_owned(), None)], 9).await.unwrap();

    let calendar = objects::filled(map, &[1, 2, 3].map(objects::object)).await;
    objects::read(map, calendar, 1, "text").await;
    objects::written(map, calendar, "ours.ics", objects::object(5), Some("ours")).await;
    map.objects_removed(calendar, &[crate::ObjectNumber(2)]).await.unwrap();
    map.begin_resync(calendar).await.unwrap();
    let renamed = [1, 3].map(|number| objects::rename(&objects::object(number), "renamed"));
    objects::apply(map, calendar, objects::listing(&renamed, "o2", End::More)).await;
    map.name_collections(vec![(calendar, "calendar".to_owned())]).await.unwrap();
    let property = DeadProperty { namespace: "urn:x".to_owned(), name: "colour".to_owned(), xml: "<a/>".to_owned() };
    map.change_dead(calendar, vec![property], Vec::new()).await.unwrap();
    map.put_aside(folder("of-ben", "Ben"), "ben@corp.example").await.unwrap();
    map.begin_hierarchy_resync().await.unwrap();
    let half = crate::HierarchyPage { last: false, ..tree([folder("inbox-id", "Eingang")], "h2") };
    map.apply_hierarchy(half).await.unwrap();
    (inbox, calendar)
}

/// All that anybody can ask, but for what a clock or a die says.
async fn same(one: &Mailbox, other: &Mailbox, inbox: FolderId, calendar: FolderId) {
    macro_rules! same {
        ($($method:ident($($argument:expr),*);)*) => {$(
            assert_eq!(
                format!("{:?}", one.$method($($argument),*).await.unwrap()),
                format!("{:?}", other.$method($($argument),*).await.unwrap()),
                stringify!($method)
            );
        )*};
    }
    let ids = email_ids(one, inbox).await;
    let later = [mailbox::Keyword::new("Zu_erledigen")];
    same! {
        hierarchy_state();
        sync_state(inbox);
        sync_state(calendar);
        snapshot(inbox, Access::ReadOnly);
        delta(inbox, ModSeq(3));
        vanished(inbox, ModSeq(0));
        weight(inbox);
        headers(&ids);
        letterheads(&ids);
        previews(&ids);
        exact_sizes(&ids);
        subscriptions();
        categories_for(&later);
        annotations(Some(inbox));
        annotation_changes(Some(mailbox::AnnotationSeq(0)));
        note("here");
        objects(calendar, None);
        object_token(calendar);
        object_delta(calendar, DeltaStart::Beginning, None);
        collections();
        aside();
    }
    assert_eq!(named(one, inbox).await, named(other, inbox).await);
}

/// Every value in every table, in one order for both.
async fn dump(map: &Mailbox) -> BTreeSet<String> {
    let read = |connection: &Connection<'_>| {
        let mut rows = BTreeSet::new();
        for (table, columns) in tables(connection)? {
            let mut all = connection.prepare_cached(&format!("SELECT {} FROM {table}", columns.join(", ")))?;
            let mut found = all.query([])?;
            while let Some(row) = found.next()? {
                let mut line = table.clone();
                for (index, column) in columns.iter().enumerate() {
                    line += &format!(" {column}={}", shown(row.value(index)?, column));
                }
                assert!(rows.insert(line.clone()), "twice: {line}");
            }
        }
        Ok(rows)
    };
    map.read(read).await.unwrap()
}

/// Names of columns come from the file's own description, in either place.
fn tables(connection: &Connection<'_>) -> crate::tables::fault::Outcome<Vec<(String, Vec<String>)>> {
    let columns = |table: &str| match connection {
        Connection::Server(session) => Ok(session.columns(table).map_err(crate::sql::Error::from)?),
        Connection::File(file) => {
            let mut all = file.prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?;
            let names = all.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
            crate::tables::fault::Outcome::Ok(names)
        }
    };
    TABLES
        .iter()
        .map(|table| {
            let mut columns = columns(table)?;
            columns.retain(|name| name != "arrival");
            columns.sort_unstable();
            Ok(((*table).to_owned(), columns))
        })
        .collect()
}

fn shown(value: Value<'_>, column: &str) -> String {
    match (value, column) {
        (Value::Null, _) => "null".to_owned(),
        (value, "item_id" | "change_key") => format!("{:?}", Opaque::from_value(value).unwrap().text()),
        (value, _) => format!("{value:?}"),
    }
}

const NAME: &str = "anna@example.org";
