//! Many accounts at once: from a CSV file, and by what they have in common.

use exgate_tests::{Options, Site};

#[tokio::test]
async fn a_thousand_accounts_are_made_and_changed_together_or_not_at_all() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let file = site.path().join("people.csv");
    let path = file.to_str().unwrap();
    let line = |number: usize| {
        format!("user{number}@demo.test,{}\n", if number.is_multiple_of(2) { "sales" } else { "finance" })
    };
    let good: String = (0..1000).map(line).collect();
    let count = |state: &str| site.fine(&["account", "list", "--match", &format!("state={state}")]).lines().count() - 1;

    std::fs::write(&file, format!("address,dept\n{good}user7@demo.test,sales\nnobody,sales\n")).unwrap();
    let refused = site.exgate(&["account", "import", path], "");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(said.contains("line 1002: user7@demo.test stands in line 9 already"), "{said}");
    assert!(said.contains("line 1003: `nobody` is no address"), "{said}");
    assert_eq!(count("open"), 0);

    std::fs::write(&file, format!("address,dept\n{good}")).unwrap();
    let told = site.fine(&["account", "import", path, "--dry-run"]);
    assert_eq!(
        (told.as_str(), count("open")),
        ("1000 accounts would be made, 0 of those there are would be changed", 0)
    );
    assert_eq!(site.fine(&["account", "import", path]), "1000 accounts were made, 0 of those there are were changed");
    assert_eq!(count("open"), 1000);
    assert_eq!(
        site.fine(&["account", "set", "--match", "dept=sales", "--access", "blocked"]),
        "500 accounts are changed"
    );
    assert_eq!((count("blocked"), count("open")), (500, 500));
    // Again, it changes what is not as the file says, and nothing else.
    std::fs::write(&file, "address,state\nuser0@demo.test,open\nnew@demo.test,pending\n").unwrap();
    assert_eq!(site.fine(&["account", "import", path]), "1 accounts were made, 1 of those there are were changed");
    assert_eq!((count("blocked"), count("pending")), (499, 1));
    let _ = site.fine(&["audit", "verify"]);
}
