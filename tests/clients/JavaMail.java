// What JavaMail makes of the gateway. Prints `ok NAME` or `FAIL NAME reason` for each check.

import com.sun.mail.imap.AppendUID;
import com.sun.mail.imap.IMAPFolder;
import com.sun.mail.imap.IMAPStore;
import com.sun.mail.imap.MessageVanishedEvent;
import com.sun.mail.imap.ResyncData;
import com.sun.mail.imap.SortTerm;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import javax.activation.DataHandler;
import javax.mail.AuthenticationFailedException;
import javax.mail.FetchProfile;
import javax.mail.Flags;
import javax.mail.Folder;
import javax.mail.Message;
import javax.mail.MessagingException;
import javax.mail.Session;
import javax.mail.UIDFolder;
import javax.mail.event.MailEvent;
import javax.mail.event.MessageChangedEvent;
import javax.mail.event.MessageCountAdapter;
import javax.mail.event.MessageCountEvent;
import javax.mail.internet.InternetAddress;
import javax.mail.internet.MimeBodyPart;
import javax.mail.internet.MimeMessage;
import javax.mail.internet.MimeMultipart;
import javax.mail.search.AndTerm;
import javax.mail.search.BodyTerm;
import javax.mail.search.FlagTerm;
import javax.mail.search.HeaderTerm;
import javax.mail.search.NotTerm;
import javax.mail.search.OrTerm;
import javax.mail.search.SubjectTerm;
import javax.mail.util.ByteArrayDataSource;

class JavaMail {
    static final String USER = environment("IMAP_USER", "alice@demo.test");
    static final String PASSWORD = environment("IMAP_PASSWORD", "demo-alice");
    /** Modified UTF-7, a surrogate pair and an ampersand. */
    static final String FOLDER = "Jäva & \"Ω\" 😀";
    static final Session SESSION = Session.getInstance(new Properties());
    static int failed = 0;

    static IMAPStore store;
    static IMAPFolder folder;

    public static void main(String[] arguments) {
        check("signs in, compresses, and tells who it is", () -> {
            store = connect(PASSWORD);
            that(store.hasCapability("IMAP4rev1") && store.hasCapability("CONDSTORE"), "capabilities");
            same(store.id(Map.of("name", "JavaMail")).get("name"), "Exgate", "ID");
        });
        check("is refused with a wrong password", () -> {
            try {
                connect("wrong").close();
            } catch (AuthenticationFailedException expected) {
                return;
            }
            throw new AssertionError("a wrong password was taken");
        });
        check("lists, makes, subscribes and renames folders", JavaMail::folders);
        check("appends and is told UIDs", JavaMail::append);
        check("fetches what a list shows", JavaMail::list);
        check("reads an attachment in pieces", JavaMail::pieces);
        check("searches", JavaMail::search);
        check("sorts", JavaMail::sort);
        check("sets flags, copies, moves and expunges", JavaMail::change);
        check("takes up by QRESYNC what happened meanwhile", JavaMail::resync);
        check("reads quotas and rights", JavaMail::rights);
        check("hears of new mail by IDLE", JavaMail::idle);
        check("speaks UTF-8", JavaMail::utf8);
        check("deletes folders and goes", () -> {
            folder.close(false);
            that(folder.delete(true), "not deleted");
            store.close();
        });
        System.exit(failed == 0 ? 0 : 1);
    }

    static void folders() throws Exception {
        Folder root = store.getDefaultFolder();
        same(root.getSeparator(), '/', "separator");
        List<String> names = names(root.list("*"));
        that(names.contains("INBOX") && names.contains("Drafts"), "only " + names);
        same(store.getPersonalNamespaces().length, 1, "namespaces");
        IMAPFolder first = (IMAPFolder) store.getFolder("JavaFirst");
        that(first.create(Folder.HOLDS_MESSAGES | Folder.HOLDS_FOLDERS), "not made");
        folder = (IMAPFolder) store.getFolder(FOLDER);
        that(first.renameTo(folder) && folder.exists() && !first.exists(), "not renamed");
        folder.setSubscribed(true);
        that(names(root.listSubscribed("*")).contains(FOLDER), "not subscribed");
        Folder below = folder.getFolder("Below");
        that(below.create(Folder.HOLDS_MESSAGES) && names(folder.list()).equals(List.of(FOLDER + "/Below")), "no folder below");
    }

    static void append() throws Exception {
        Message[] letters = new Message[12];
        for (int number = 0; number < letters.length; number++) {
            letters[number] = letter(number);
        }
        AppendUID[] uids = folder.appendUIDMessages(letters);
        same(uids.length, letters.length, "UIDs");
        folder.open(Folder.READ_WRITE);
        same(folder.getMessageCount(), letters.length, "messages");
        same(folder.getUIDValidity(), uids[0].uidvalidity, "UIDVALIDITY");
        for (int number = 0; number < uids.length; number++) {
            same(folder.getMessageByUID(uids[number].uid).getSubject(), subject(number), "message " + number);
        }
        that(folder.getUIDNext() > uids[11].uid, "UIDNEXT");
    }

    static void list() throws Exception {
        FetchProfile shown = new FetchProfile();
        for (FetchProfile.Item item : List.of(FetchProfile.Item.ENVELOPE, FetchProfile.Item.CONTENT_INFO, FetchProfile.Item.FLAGS,
                FetchProfile.Item.SIZE, UIDFolder.FetchProfileItem.UID)) {
            shown.add(item);
        }
        shown.add("X-Number");
        Message[] messages = folder.getMessages();
        folder.fetch(messages, shown);
        for (int number = 0; number < messages.length; number++) {
            MimeMessage message = (MimeMessage) messages[number];
            same(message.getSubject(), subject(number), "subject");
            same(((InternetAddress) message.getFrom()[0]).getPersonal(), "Bob Müller", "sender");
            same(message.getHeader("X-Number", ","), String.valueOf(number), "field");
            that(message.isMimeType("multipart/mixed") && message.getSize() > 60_000, "structure");
        }
    }

    static void pieces() throws Exception {
        MimeMessage message = (MimeMessage) folder.getMessage(2);
        MimeMultipart parts = (MimeMultipart) message.getContent();
        same(parts.getCount(), 2, "parts");
        that(((String) parts.getBodyPart(0).getContent()).startsWith("Grüße 1"), "text");
        same(parts.getBodyPart(1).getFileName(), "bytes.bin", "name");
        byte[] bytes = parts.getBodyPart(1).getInputStream().readAllBytes();
        that(Arrays.equals(bytes, attachment(1)), "attachment of " + bytes.length);
        that(message.isSet(Flags.Flag.SEEN), "reading leaves it unread");
    }

    static void search() throws Exception {
        same(folder.search(new SubjectTerm("Lettér 3")).length, 1, "by subject");
        same(folder.search(new BodyTerm("Grüße 5")).length, 1, "by text");
        same(folder.search(new HeaderTerm("X-Number", "7")).length, 1, "by field");
        same(folder.search(new OrTerm(new SubjectTerm("Lettér 4"), new SubjectTerm("Lettér 6"))).length, 2, "by either");
        FlagTerm seen = new FlagTerm(new Flags(Flags.Flag.SEEN), true);
        same(folder.search(new AndTerm(new NotTerm(seen), new SubjectTerm("Lettér 1"))).length, 2, "unread");
    }

    static void sort() throws Exception {
        Message[] newest = folder.getSortedMessages(new SortTerm[] {SortTerm.REVERSE, SortTerm.DATE});
        same(newest.length, 12, "messages");
        same(newest[0].getSubject(), subject(11), "first");
    }

    static void change() throws Exception {
        Message[] first = {folder.getMessage(1)};
        Flags flags = new Flags(Flags.Flag.FLAGGED);
        flags.add("$Label1");
        folder.setFlags(first, flags, true);
        that(first[0].isSet(Flags.Flag.FLAGGED) && first[0].getFlags().contains("$Label1"), "flags");
        IMAPFolder below = (IMAPFolder) folder.getFolder("Below");
        same(folder.copyUIDMessages(first, below).length, 1, "copied");
        Message[] second = {folder.getMessage(2)};
        AppendUID[] there = folder.moveUIDMessages(second, below);
        same(below.getMessageCount(), 2, "messages there");
        that(there.length == 1 && there[0] != null, "no COPYUID");
        that(second[0].isExpunged(), "still here");
        folder.getMessage(1).setFlag(Flags.Flag.DELETED, true);
        // What was moved counts with them.
        same(folder.expunge().length, 2, "expunged");
        same(folder.getMessageCount(), 10, "messages left");
    }

    static void resync() throws Exception {
        long validity = folder.getUIDValidity();
        long gone = folder.getUID(folder.getMessage(1));
        long flagged = folder.getUID(folder.getMessage(2));
        folder.close(false);
        folder.open(Folder.READ_WRITE, ResyncData.CONDSTORE);
        long known = folder.getHighestModSeq();
        that(known > 0, "no HIGHESTMODSEQ");
        folder.close(false);
        try (IMAPStore other = connect(PASSWORD)) {
            IMAPFolder same = (IMAPFolder) other.getFolder(FOLDER);
            same.open(Folder.READ_WRITE);
            same.getMessageByUID(flagged).setFlag(Flags.Flag.ANSWERED, true);
            same.getMessageByUID(gone).setFlag(Flags.Flag.DELETED, true);
            same.expunge();
            same.close(false);
        }
        List<MailEvent> events = folder.open(Folder.READ_WRITE, new ResyncData(validity, known));
        same(folder.getMessageCount(), 9, "messages");
        that(events.stream().anyMatch(event -> event instanceof MessageChangedEvent), "flags not told: " + events);
        that(events.stream().anyMatch(event -> vanished(event, gone)), "removal not told: " + events);
        Message[] changed = folder.getMessagesByUIDChangedSince(1, UIDFolder.LASTUID, known);
        that(Arrays.stream(changed).anyMatch(message -> uid(message) == flagged), "CHANGEDSINCE");
    }

    static void rights() throws Exception {
        that(folder.myRights().toString().contains("r"), "no right to read");
        that(folder.getACL().length >= 1, "no ACL");
        that(store.getQuota("INBOX") != null, "no answer about quotas");
    }

    static void idle() throws Exception {
        CountDownLatch came = new CountDownLatch(1);
        IMAPFolder inbox = (IMAPFolder) store.getFolder("INBOX");
        inbox.open(Folder.READ_ONLY);
        inbox.addMessageCountListener(new MessageCountAdapter() {
            @Override
            public void messagesAdded(MessageCountEvent event) {
                came.countDown();
            }
        });
        deliver("java-idle");
        Thread waiting = new Thread(() -> {
            try {
                while (came.getCount() > 0) {
                    inbox.idle(true);
                }
            } catch (Exception error) {
                error.printStackTrace();
            }
        });
        waiting.start();
        that(came.await(30, TimeUnit.SECONDS), "nothing came");
        waiting.join(10_000);
        inbox.close(false);
    }

    static void utf8() throws Exception {
        Properties settings = settings();
        settings.setProperty("mail.mime.allowutf8", "true");
        try (IMAPStore other = (IMAPStore) Session.getInstance(settings).getStore("imap")) {
            other.connect(USER, PASSWORD);
            IMAPFolder same = (IMAPFolder) other.getFolder(FOLDER);
            that(names(other.getDefaultFolder().list("*")).contains(FOLDER), "name");
            same.open(Folder.READ_WRITE);
            same(same.search(new SubjectTerm("Lettér 5")).length, 1, "found");
            String text = "From: bob@demo.test\r\nSubject: Häder\r\nMessage-ID: <java-8bit@clients.test>\r\n\r\nx\r\n";
            AppendUID[] uid = same.appendUIDMessages(new Message[] {message(text)});
            MimeMessage read = (MimeMessage) same.getMessageByUID(uid[0].uid);
            same(read.getSubject(), "Häder", "header");
            same.close(false);
        }
    }

    // What checks use.

    interface Body {
        void run() throws Exception;
    }

    static void check(String name, Body body) {
        try {
            body.run();
            System.out.println("ok javamail " + name);
        } catch (Throwable error) {
            failed++;
            System.out.println("FAIL javamail " + name + " " + String.valueOf(error).replaceAll("\\s+", " "));
            error.printStackTrace();
        }
    }

    static void that(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void same(Object found, Object wanted, String what) {
        if (!String.valueOf(found).equals(String.valueOf(wanted))) {
            throw new AssertionError(what + " is " + found + ", not " + wanted);
        }
    }

    static String environment(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    static Properties settings() {
        Properties settings = new Properties();
        settings.setProperty("mail.imap.host", environment("IMAP_HOST", "127.0.0.1"));
        settings.setProperty("mail.imap.port", environment("IMAP_PORT", "143"));
        settings.setProperty("mail.imap.compress.enable", "true");
        settings.setProperty("mail.imap.timeout", "60000");
        return settings;
    }

    static IMAPStore connect(String password) throws Exception {
        IMAPStore store = (IMAPStore) Session.getInstance(settings()).getStore("imap");
        store.connect(USER, password);
        return store;
    }

    static List<String> names(Folder[] folders) {
        return Arrays.stream(folders).map(Folder::getFullName).collect(Collectors.toList());
    }

    static boolean vanished(MailEvent event, long uid) {
        return event instanceof MessageVanishedEvent
                && Arrays.stream(((MessageVanishedEvent) event).getUIDs()).anyMatch(one -> one == uid);
    }

    static long uid(Message message) {
        try {
            return folder.getUID(message);
        } catch (Exception error) {
            throw new AssertionError(error);
        }
    }

    static String subject(int number) {
        return "Lettér " + number;
    }

    /** More than one piece of what JavaMail fetches at once (16 KiB). */
    static byte[] attachment(int number) {
        byte[] bytes = new byte[50_000];
        for (int at = 0; at < bytes.length; at++) {
            bytes[at] = (byte) (at * 31 + number);
        }
        return bytes;
    }

    static Message letter(int number) throws Exception {
        MimeMessage letter = new MimeMessage(SESSION) {
            @Override
            protected void updateMessageID() throws MessagingException {
                setHeader("Message-ID", "<java-" + number + "@clients.test>");
            }
        };
        letter.setFrom(new InternetAddress("bob@demo.test", "Bob Müller", "utf-8"));
        letter.setRecipients(Message.RecipientType.TO, USER);
        letter.setSubject(subject(number), "utf-8");
        letter.setHeader("X-Number", String.valueOf(number));
        letter.setSentDate(new Date(1_760_000_000_000L + number * 60_000L));
        MimeBodyPart text = new MimeBodyPart();
        text.setText("Grüße " + number + ".\r\n", "utf-8");
        MimeBodyPart bytes = new MimeBodyPart();
        bytes.setDataHandler(new DataHandler(
                new ByteArrayDataSource(attachment(number), "application/octet-stream")));
        bytes.setFileName("bytes.bin");
        letter.setContent(new MimeMultipart(text, bytes));
        letter.saveChanges();
        return letter;
    }

    static Message message(String text) throws Exception {
        return new MimeMessage(SESSION, new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    }

    static void deliver(String key) throws Exception {
        String query = "mailbox=" + URLEncoder.encode(USER, StandardCharsets.UTF_8) + "&folder=INBOX";
        String text = "From: bob@demo.test\r\nSubject: " + key + "\r\nMessage-ID: <" + key + "@clients.test>\r\n\r\nA letter.\r\n";
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("CONTROL") + "/deliver?" + query))
                .POST(HttpRequest.BodyPublishers.ofString(text)).build();
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding());
    }
}
