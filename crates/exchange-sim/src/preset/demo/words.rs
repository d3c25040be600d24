//! What is written, in several languages.

/// Sentences to make mail of.
pub(super) struct Language {
    pub(super) greeting: &'static str,
    pub(super) closing: &'static str,
    pub(super) subjects: &'static [&'static str],
    pub(super) sentences: &'static [&'static str],
}

pub(super) const LANGUAGES: &[Language] = &[
    Language {
        greeting: "Hello",
        closing: "Best wishes",
        subjects: &[
            "Minutes of Tuesday's meeting",
            "Draft contract for review",
            "Travel plans for the trade fair",
            "Quarterly figures",
            "Question about the invoice",
            "New floor plan",
            "Lunch on Thursday?",
            "Feedback on the prototype",
            "Delivery delayed by two days",
            "Access to the shared drive",
            "Job description, second version",
            "Printer on the third floor",
            "Your order has been confirmed",
            "Agenda for the workshop",
            "Photos from the summer party",
            "Budget 2027",
            "Re-scheduling our call",
            "Backup window this weekend",
            "Test results are in",
            "Thank you for the warm welcome",
        ],
        sentences: &[
            "I have gone through the figures twice and they add up now.",
            "Could you have a look at the second paragraph before Friday?",
            "The supplier promised to deliver on the 14th, but I would not count on it.",
            "We agreed to keep the old process until the end of the quarter.",
            "Please find the latest version attached.",
            "Let me know if half past two suits you; otherwise we can talk on Monday.",
            "The room on the ground floor is free all afternoon.",
            "There are three open points left, and none of them is urgent.",
            "I am travelling tomorrow and will answer in the evening.",
            "As far as I can see, only the cover page has changed.",
            "It would be good to have one list instead of four.",
            "Thanks again for your patience with this.",
            "From the numbers alone one cannot tell; we should ask the customer.",
            "The link expires in seven days: https://files.example.com/d/8f3a?from=mail&x=1",
        ],
    },
    Language {
        greeting: "Guten Tag",
        closing: "Mit freundlichen Grüßen",
        subjects: &[
            "Rückfrage zur Rechnung",
            "Terminbestätigung für Donnerstag",
            "Überarbeitetes Angebot",
            "Schlüsselübergabe im Büro",
            "Urlaubsplanung für den Sommer",
            "Größe der Lieferung",
        ],
        sentences: &[
            "Anbei erhalten Sie die geänderte Fassung mit den gewünschten Maßen.",
            "Könnten Sie mir bitte kurz bestätigen, dass alles angekommen ist?",
            "Die Übergabe verschiebt sich voraussichtlich um zwei Tage.",
            "Für Rückfragen stehe ich Ihnen jederzeit gern zur Verfügung.",
            "Der Schlüssel liegt beim Pförtner.",
            "Wir müssten noch über die Größe der Räume sprechen.",
        ],
    },
    Language {
        greeting: "Bonjour",
        closing: "Bien cordialement",
        subjects: &["Réunion de mardi", "Devis n° 2026-118 à valider", "L'été à l'atelier", "Pièces jointes oubliées"],
        sentences: &[
            "Vous trouverez ci-joint le devis corrigé.",
            "Où en êtes-vous avec la maquette ?",
            "Nous avons déjà reçu la moitié des pièces.",
            "Ça ne presse pas, mais j'aimerais être fixée avant août.",
            "L'œuvre complète sera exposée à Noël.",
        ],
    },
    Language {
        greeting: "Buenos días",
        closing: "Un saludo",
        subjects: &["¿Quedamos mañana?", "Factura pendiente de enero", "Año nuevo, horario nuevo"],
        sentences: &[
            "Te envío la factura con los datos corregidos.",
            "¿Podrías pasarme el número de pedido?",
            "El camión llegará pasado mañana, según dicen.",
            "Mañana estaré fuera de la oficina.",
        ],
    },
    Language {
        greeting: "Dzień dobry",
        closing: "Z poważaniem",
        subjects: &["Zażółć gęślą jaźń", "Umowa do podpisu", "Spóźniona dostawa części"],
        sentences: &[
            "Przesyłam poprawioną wersję umowy.",
            "Proszę o potwierdzenie terminu do piątku.",
            "Części dotrą dopiero w przyszłym tygodniu.",
            "W załączniku znajdą Państwo zdjęcia.",
        ],
    },
    Language {
        greeting: "Здравствуйте",
        closing: "С уважением",
        subjects: &["Отчёт за третий квартал", "Встреча в четверг", "Вопрос по договору"],
        sentences: &[
            "Высылаю исправленный отчёт.",
            "Подтвердите, пожалуйста, время встречи.",
            "Все документы уже у бухгалтера.",
            "Если возникнут вопросы, звоните.",
        ],
    },
    Language {
        greeting: "お世話になっております。",
        closing: "よろしくお願いいたします。",
        subjects: &["打ち合わせの件", "見積書をお送りします", "【重要】システム停止のお知らせ"],
        sentences: &[
            "先日の打ち合わせの議事録をお送りします。",
            "ご確認のほど、よろしくお願いいたします。",
            "納期は来週の水曜日になる見込みです。",
            "添付ファイルをご覧ください。",
        ],
    },
    Language {
        greeting: "您好",
        closing: "此致敬礼",
        subjects: &["会议纪要", "关于发票的问题", "新版合同请查收"],
        sentences: &["附件是修改后的合同。", "请在周五之前回复。", "货物预计下周到达。", "如有问题,请随时联系我。"],
    },
    Language {
        greeting: "مرحبا",
        closing: "مع أطيب التحيات",
        subjects: &["موعد الاجتماع القادم", "سؤال عن الفاتورة"],
        sentences: &["أرسلت لكم النسخة الجديدة من العقد.", "هل يناسبكم يوم الثلاثاء؟", "سأكون خارج المكتب غدا."],
    },
    Language {
        greeting: "שלום",
        closing: "בברכה",
        subjects: &["סיכום הפגישה", "שאלה לגבי החשבונית"],
        sentences: &["מצורפת הגרסה המעודכנת.", "האם יום רביעי מתאים לך?", "המשלוח יגיע בשבוע הבא."],
    },
    Language {
        greeting: "Καλημέρα",
        closing: "Με εκτίμηση",
        subjects: &["Πρόγραμμα συνάντησης", "Ερώτηση για το τιμολόγιο"],
        sentences: &["Σας στέλνω τη διορθωμένη έκδοση.", "Σας βολεύει η Πέμπτη;", "Τα υπόλοιπα θα έρθουν αύριο."],
    },
    Language {
        greeting: "안녕하세요",
        closing: "감사합니다",
        subjects: &["회의록 공유드립니다", "견적서 관련 문의"],
        sentences: &[
            "수정된 계약서를 첨부했습니다.",
            "금요일까지 회신 부탁드립니다.",
            "배송은 다음 주에 도착할 예정입니다.",
        ],
    },
    Language {
        greeting: "Merhaba",
        closing: "Saygılarımla",
        subjects: &["Toplantı özeti", "Işık ölçüm sonuçları", "İstanbul ziyareti"],
        sentences: &[
            "Düzeltilmiş raporu ekte bulabilirsiniz.",
            "Perşembe günü uygun musunuz?",
            "Ölçümler yarın tekrarlanacak.",
        ],
    },
    Language {
        greeting: "Hei",
        closing: "Vennlig hilsen",
        subjects: &["Møte på torsdag", "Bilder fra Ålesund", "Værmelding for turen"],
        sentences: &["Her er de nye målene.", "Kan du se over dette før fredag?", "Båten går klokka åtte."],
    },
    Language {
        greeting: "Olá",
        closing: "Um abraço",
        subjects: &["Reunião de amanhã", "Orçamento da embarcação", "Informação sobre a alfândega"],
        sentences: &[
            "Segue em anexo a versão corrigida.",
            "Consegues confirmar até sexta?",
            "A peça só chega em março.",
        ],
    },
];

/// Who sends newsletters: name, address, and what about.
pub(super) const NEWSLETTERS: &[(&str, &str, &str)] = &[
    ("The Garden Letter", "news@garden-letter.example.com", "What to sow this week"),
    ("Kitchen & Table", "hello@kitchen-table.example.com", "Five suppers for busy evenings"),
    ("Rust Digest", "digest@rust-digest.example.org", "Crates, talks and a puzzle"),
    ("Bahnreisen heute", "post@bahnreisen.example.net", "Nachtzüge und Fernweh"),
    ("Le Petit Cinéma", "infos@petitcinema.example.net", "Les séances de la semaine"),
    ("Museum of Small Things", "visit@smallthings.example.org", "Opening hours and a thimble"),
];

/// Programs that send notices: name, address.
pub(super) const MACHINES: &[(&str, &str)] = &[
    ("Build Server", "builds@ci.demo.test"),
    ("Issue Tracker", "tracker@issues.demo.test"),
    ("Monitoring", "alerts@monitor.demo.test"),
    ("Backup", "root@backup.demo.test"),
];
