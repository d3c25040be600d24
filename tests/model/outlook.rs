//! What somebody does in Outlook: requests to Exchange by hand.

use serde_json::Value;

use exgate_tests::{Node, USER, letter_from};

use crate::model::ledger::{Flags, Place};
use crate::model::world::World;

impl World {
    pub(crate) async fn outlook(&mut self) {
        let folder = self.pick(self.ledger.folders.len());
        let deed = self.dice.below(12);
        if deed < 3 {
            self.count("new mail");
            return self.deliver(folder).await;
        }
        let all = self.ledger.alone(folder);
        let Some(at) = (!all.is_empty()).then(|| self.pick(all.len())).map(|at| all[at]) else { return };
        let message = self.ledger.messages[at].clone();
        let Some(item) = self.item(folder, &message.key).await else { return };
        let id = format!("<t:ItemId Id={} ChangeKey={}/>", item["item_id"], item["change_key"]);
        let on = self.dice.below(3) > 0;
        let draft = item["draft"] == true;
        if draft && deed < 7 {
            // Nothing but its ChangeKey tells that a draft was edited, so that each change of it makes another message.
            return;
        }
        self.count("Outlook's changes");
        match deed {
            3 | 4 => {
                self.note(&format!("Outlook: {} \\Seen {on}", message.key));
                self.ledger.set(at, "\\Seen", on);
                self.ledger.messages[at].unread = !on;
                self.simulator.edit(&id, "Message", "message:IsRead", &format!("<t:IsRead>{on}</t:IsRead>")).await;
            }
            5 | 6 => {
                let (word, other) = if on { ("Work", "Home") } else { ("Home", "Work") };
                self.note(&format!("Outlook: {} has the category {word}", message.key));
                self.ledger.set(at, word, true);
                self.ledger.set(at, other, false);
                let value = format!("<t:Categories><t:String>{word}</t:String></t:Categories>");
                self.simulator.edit(&id, "Message", "item:Categories", &value).await;
            }
            7 if draft => self.edit_draft(at, &item).await,
            7 => {}
            8 | 9 => {
                self.note(&format!("Outlook deletes {}", message.key));
                self.ledger.messages[at].place = Place::Maybe;
                let body =
                    format!(r#"<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#);
                self.simulator.soap("Exchange2010_SP2", &body).await;
            }
            _ => {
                let to = (folder + 1) % self.ledger.folders.len();
                self.note(&format!("Outlook moves {} to {}", message.key, self.ledger.folders[to].name));
                self.ledger.messages[at].place = Place::Maybe;
                let moved = self.ledger.add(to, &message.key, message.flags, Place::Here);
                self.ledger.doubt(moved, message.unsure);
                let target = self.folder_id(to).await;
                let body = format!(
                    "<m:MoveItem><m:ToFolderId>{target}</m:ToFolderId><m:ItemIds>{id}</m:ItemIds></m:MoveItem>"
                );
                self.simulator.soap("Exchange2010_SP2", &body).await;
            }
        }
    }

    async fn edit_draft(&mut self, at: usize, item: &Value) {
        let message = self.ledger.messages[at].clone();
        self.note(&format!("Outlook edits the draft {}", message.key));
        self.ledger.edit(at);
        let subject = format!("Edited {}", self.dice.below(1000));
        let text = letter_from(&message.key, &subject, "Another text.\r\n");
        let id = item["item_id"].as_str().unwrap();
        let id = id.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        self.simulator.post(&format!("/edit?mailbox={USER}&item={id}"), text).await;
    }

    async fn item(&self, folder: usize, key: &str) -> Option<Value> {
        let dump = self.dump().await;
        let name = &self.ledger.folders[folder].name;
        let name = if name == "INBOX" { "Inbox" } else { name };
        dump[name].as_array()?.iter().find(|item| item["message_id"] == key).cloned()
    }

    pub(crate) async fn dump(&self) -> Value {
        self.simulator.get(&format!("/mailbox?mailbox={USER}")).await
    }

    async fn folder_id(&self, folder: usize) -> String {
        if folder == 0 {
            return "<t:DistinguishedFolderId Id=\"inbox\"/>".to_owned();
        }
        let body = r#"<m:FindFolder Traversal="Shallow"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:ParentFolderIds><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>"#;
        let answer = self.simulator.soap("Exchange2010_SP2", body).await;
        let folders = answer.find("Folders").expect("folders");
        let name = &self.ledger.folders[folder].name;
        let named = |node: &&Node| node.find("DisplayName").is_some_and(|found| found.text == *name);
        let id = folders.children.iter().find(named).and_then(|node| node.find("FolderId")).expect("the folder");
        let attribute = |name: &str| id.attribute(name).unwrap_or_default().to_owned();
        format!(r#"<t:FolderId Id="{}" ChangeKey="{}"/>"#, attribute("Id"), attribute("ChangeKey"))
    }

    pub(crate) async fn rename_at_exchange(&self, folder: usize, name: &str) {
        let id = self.folder_id(folder).await;
        let body = format!(
            "<m:UpdateFolder><m:FolderChanges><t:FolderChange>{id}<t:Updates><t:SetFolderField>\
             <t:FieldURI FieldURI=\"folder:DisplayName\"/><t:Folder><t:DisplayName>{name}</t:DisplayName></t:Folder>\
             </t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"
        );
        self.simulator.soap("Exchange2010_SP2", &body).await;
    }

    /// Flags of an item, as the gateway has to show them.
    pub(crate) fn flags_at_exchange(item: &Value) -> Flags {
        let set = FLAGS.iter().filter(|(name, _)| item[*name] == true).map(|(_, flag)| (*flag).to_owned());
        let categories = item["categories"].as_array().into_iter().flatten();
        set.chain(categories.filter_map(|category| category.as_str().map(str::to_owned))).collect()
    }
}

const FLAGS: &[(&str, &str)] = &[
    ("read", "\\Seen"),
    ("flagged", "\\Flagged"),
    ("answered", "\\Answered"),
    ("deleted", "\\Deleted"),
    ("draft", "\\Draft"),
    ("forwarded", "$Forwarded"),
];
