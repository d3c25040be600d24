//! What clients may expect of a server, feature by feature, each with the dialogs that show it. The numbers are those
//! of the unit tests that are called `row_…`, too.

use dav::dialog::{Outcome, hold};

use super::{InMemory, here};

async fn held(name: &str) {
    let script = std::fs::read_to_string(here().join(name).with_extension("txt")).unwrap();
    match hold(&script, &mut InMemory::new(&script)).await {
        Outcome::Passed => {}
        Outcome::Unsupported(what) => panic!("{name}: unknown to this world: {what}"),
        Outcome::Failed(reason) => panic!("{name}, {reason}"),
    }
}

macro_rules! rows {
    ($($row:ident: $($dialog:literal)+;)+) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $row() {
                $(held($dialog).await;)+
            }
        )+
    };
}

rows! {
    row_01_well_known_addresses_lead_to_the_root: "discovery";
    row_02_current_user_principal_is_on_every_resource: "discovery";
    row_03_calendar_user_addresses_are_all_proxy_addresses: "others";
    row_05_supported_calendar_component_set: "properties" "tasks" "notes";
    row_06_getctag_changes_when_something_happens: "properties";
    row_11_etags_and_conditions: "put" "conditions";
    row_12_no_etag_where_data_are_rewritten: "rewritten" "put-folded";
    row_13_get_not_modified_and_head: "conditions";
    row_14_the_if_header: "conditions";
    row_15_of_six_writers_one_wins: "lost-update";
    row_26_preconditions_of_put_are_named: "put-refused" "put-cards";
    row_27_one_uid_stands_once_in_a_collection: "put-refused" "put-cards" "copy-move";
    row_28_no_method_no_two_uids_no_missing_uid: "put-refused";
    row_29_names_of_collections_change: "proppatch" "client-vdirsyncer";
    row_30_colour_and_order_are_kept: "proppatch" "client-apple";
    row_31_proppatch_is_all_or_nothing: "proppatch";
    row_32_dead_properties: "proppatch";
    row_33_calendars_are_made_and_removed: "make";
    row_34_extended_mkcol: "make" "client-davx5";
    row_35_move: "copy-move";
    row_36_copy: "copy-move";
    row_37_no_locks_and_no_word_of_them: "options";
    row_38_a_collection_is_one_file: "whole" "feed";
    row_43_schedule_tags: "schedule";
    row_46_calendars_of_others: "others";
    row_47_tasks_have_collections_of_their_own: "tasks";
    row_48_notes_go_where_there_are_notes: "notes";
    row_50_a_zone_by_its_name: "whole";
    row_54_groups: "put-cards";
    row_55_the_directory_is_an_address_book: "directory" "report-people";
    row_56_add_member: "add-member";
    row_57_xml_that_attacks_is_refused: "attacks";
    row_59_basic_and_bearer: "sign-in" "sign-in-bearer" "sign-in-kept" "sign-in-clear";
}
