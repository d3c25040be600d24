//! Single stories.

mod changes;
mod first_listing;
mod folders;
mod identity;
mod objects;
mod problems;
mod resync;

pub use changes::*;
pub use first_listing::*;
pub use folders::*;
pub use identity::*;
pub use objects::*;
pub use problems::*;
pub use resync::*;

/// Hands the names of all stories to a macro, which makes tests of them.
#[cfg(test)]
macro_rules! every_story {
    ($run:ident) => {
        $run! {
            a_folder_keeps_its_id_until_it_is_gone
            a_deleted_folder_takes_those_below_along
            a_role_belongs_to_one_folder
            folders_are_found_again_after_a_migration
            folders_renamed_before_a_migration_are_found_again
            a_hierarchy_resync_without_migration_keeps_all
            a_removed_folder_is_gone
            subscriptions_are_kept
            categories_have_keywords
            notes_are_kept
            annotations_go_with_their_folder
            deleted_messages_are_weighed
            uids_ascend_with_the_messages
            reserved_uids_are_given_from_the_top
            what_comes_during_a_first_listing_stands_above
            a_wrong_count_does_no_harm
            nothing_is_reserved_where_something_is_known
            a_migration_during_a_first_listing_keeps_what_was_seen
            article_numbers_become_uids
            a_page_taken_twice_counts_once
            messages_added_together_are_numbered_in_order
            the_day_of_saving_is_that_of_coming_here
            previews_are_kept
            a_problem_is_kept_while_its_message_is_there
            what_can_be_read_again_has_a_new_uid
            a_healed_message_is_found_again_in_a_migration
            stale_and_empty_pages_are_refused
            a_page_counts_from_where_it_was_asked_for
            a_note_is_swapped_by_one
            flags_are_kept_exactly
            our_own_changes_are_not_undone
            what_we_removed_stays_removed
            delta_tells_what_happened
            counts_follow
            recent_is_told_once
            callers_do_not_disturb_each_other
            copies_share_an_email_id_and_others_do_not
            what_exchange_does_not_say_is_not_guessed
            a_move_keeps_the_email_id
            a_move_told_early_is_the_same_move
            a_foreign_move_keeps_what_is_known
            copies_within_a_folder_are_new
            an_added_message_has_one_uid
            an_edited_draft_is_a_new_message
            a_flag_change_is_no_edit
            what_exchange_never_tells_of_vanishes
            what_was_not_told_is_named
            a_size_that_changed_with_the_flags_is_no_other_content
            sizes_may_change_in_a_migration
            threads_follow_conversations
            a_migration_changes_nothing_for_clients
            changes_during_a_migration_are_told
            a_refused_state_costs_no_uid
            copies_keep_their_flags_in_a_migration
            a_migration_does_not_hide_other_content
            an_edited_draft_keeps_its_new_uid_in_a_migration
            copies_of_an_edited_draft_are_not_taken_for_it
            flags_tell_an_edited_draft_from_its_copies
            we_may_act_during_a_resync
            a_resync_may_be_begun_again
            objects_have_names_that_stay
            uids_are_unique_in_a_folder
            an_etag_changes_exactly_with_the_text
            a_text_that_comes_late_is_passed_over
            what_we_wrote_is_there_at_once
            an_object_carries_its_name_through_a_crash
            what_we_removed_is_gone_at_once
            an_object_exchange_never_tells_of_vanishes
            an_object_that_was_not_told_is_named
            deltas_come_in_pieces
            foreign_tokens_are_refused
            spans_narrow_the_index
            a_schedule_tag_ignores_answers
            a_migration_keeps_names_and_etags
            a_relisting_changes_nothing
            a_moved_object_takes_its_text_along
            collections_keep_names_and_properties
            folders_aside_stay_aside
            stale_pages_of_objects_are_refused
            kinds_of_objects_are_kept
        }
    };
}
#[cfg(test)]
pub(crate) use every_story;
