"use strict";
// What imapflow makes of the gateway. Prints `ok NAME` or `FAIL NAME reason` for each check.

const assert = require("node:assert/strict");
const { ImapFlow } = require("imapflow");

const USER = process.env.IMAP_USER || "alice@demo.test";
const PASS = process.env.IMAP_PASSWORD || "demo-alice";
const CONTROL = process.env.CONTROL;
// A name that needs modified UTF-7, a surrogate pair, an ampersand and quoting.
const FOLDER = 'Flöw & "Ω" 😀 100%';

let failed = 0;

async function check(name, body) {
    try {
        await body();
        console.log(`ok ${name}`);
    } catch (error) {
        failed += 1;
        console.log(`FAIL ${name} ${String(error.responseText || error.message).replace(/\s+/g, " ").slice(0, 400)}`);
        console.error(error);
    }
}

async function connect(options = {}) {
    const client = new ImapFlow({
        host: process.env.IMAP_HOST || "127.0.0.1",
        port: Number(process.env.IMAP_PORT),
        secure: false,
        auth: { user: USER, pass: PASS },
        logger: false,
        disableAutoIdle: true,
        ...options,
    });
    client.on("error", (error) => console.error(error));
    await client.connect();
    return client;
}

function letter(key, text) {
    return [
        "From: Bob Miller <bob@demo.test>", `To: ${USER}`, `Subject: =?utf-8?Q?H=C3=A9llo_${key}?=`,
        "Date: Mon, 02 Mar 2026 09:30:00 +0100", `Message-ID: <${key}@clients.test>`, "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="limit"', "", "--limit", "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable", "", text, "--limit",
        'Content-Type: application/octet-stream; name="x.bin"', "Content-Transfer-Encoding: base64",
        'Content-Disposition: attachment; filename="x.bin"', "", "AAECAw==", "--limit--", "",
    ].join("\r\n");
}

async function bytes(stream) {
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks);
}

// Resolves with the next event of that name.
function next(client, event) {
    return new Promise((resolve, reject) => {
        const patience = setTimeout(() => reject(new Error(`no ${event} within 10 s`)), 10_000);
        client.once(event, (value) => {
            clearTimeout(patience);
            resolve(value);
        });
    });
}

async function fetchAll(client) {
    const tree = await client.list({ statusQuery: { messages: true, uidNext: true, uidValidity: true, unseen: true } });
    let all = 0;
    for (const { path, status, subscribed } of tree) {
        assert.ok(subscribed, `${path} is not subscribed`);
        const mailbox = await client.mailboxOpen(path, { readOnly: true });
        assert.equal(mailbox.exists, status.messages, `EXISTS and STATUS of ${path}`);
        assert.equal(mailbox.uidNext, status.uidNext, `UIDNEXT of ${path}`);
        if (!mailbox.exists) continue;
        const query = {
            uid: true, flags: true, envelope: true, bodyStructure: true, source: true, size: true, internalDate: true,
            emailId: true, threadId: true, headers: ["references", "content-type"],
        };
        for await (const message of client.fetch("1:*", query)) {
            all += 1;
            const where = `${path} ${message.uid}`;
            for (const part of ["envelope", "bodyStructure", "source", "internalDate", "emailId", "headers"]) {
                assert.ok(message[part], `${where} has no ${part}`);
            }
            assert.ok(message.size >= message.source.length, `${where} is longer than its size`);
        }
        assert.deepEqual(await client.search({ all: true }), Array.from({ length: mailbox.exists }, (_, at) => at + 1));
    }
    return all;
}

async function main() {
    let client = await connect();
    await check("imapflow reads every message of every folder", async () => {
        assert.ok((await fetchAll(client)) > 1000, "too few messages");
    });
    await check("imapflow appends, with the UID and the date", async () => {
        await client.mailboxCreate([FOLDER, "below"]);
        const date = new Date(1_600_000_000_000);
        // It takes the flags that may be set from the mailbox that is open.
        await client.mailboxOpen(FOLDER);
        const done = await client.append(FOLDER, letter("flow", "h=C3=A9llo"), ["\\Seen", "Foo"], date);
        const found = await client.fetchOne(String(done.uid), { flags: true, internalDate: true, envelope: true }, { uid: true });
        assert.equal(found.internalDate.getTime(), date.getTime());
        assert.equal(found.envelope.subject, "Héllo flow");
        assert.ok(found.flags.has("\\Seen") && found.flags.has("Foo"), "a flag was lost");
    });
    await check("imapflow downloads parts", async () => {
        const [text, file] = [await client.download("1", "1"), await client.download("1", "2")];
        assert.equal((await bytes(text.content)).toString().trim(), "héllo");
        assert.equal(file.meta.filename, "x.bin");
        assert.deepEqual([...(await bytes(file.content))], [0, 1, 2, 3]);
        assert.equal((await bytes((await client.download("1")).content)).toString().includes("<flow@clients.test>"), true);
    });
    await check("imapflow searches", async () => {
        const { emailId } = await client.fetchOne("1", { emailId: true });
        for (const query of [
            { subject: "héllo" }, { body: "HÉLLO" }, { header: { "message-id": "<flow@clients.test>" } }, { keyword: "Foo" },
            { or: [{ seen: false }, { from: "bob" }], not: { deleted: true } }, { emailId }, { on: new Date("2020-09-13") },
        ]) {
            assert.deepEqual(await client.search(query), [1], JSON.stringify(query));
        }
        assert.deepEqual(await client.search({ seen: false }), []);
    });
    await check("imapflow changes flags", async () => {
        assert.ok(await client.messageFlagsAdd("1", ["\\Flagged", "Bar"]));
        assert.ok(await client.messageFlagsRemove({ all: true }, ["\\Seen", "Foo"]));
        const { flags } = await client.fetchOne("1", { flags: true });
        flags.delete("\\Recent");
        assert.deepEqual([...flags].sort(), ["Bar", "\\Flagged"]);
    });
    await check("imapflow copies and moves, and is told the UIDs", async () => {
        const before = await client.fetchOne("1", { uid: true, emailId: true });
        const copied = await client.messageCopy("1", `${FOLDER}/below`);
        const moved = await client.messageMove(String(before.uid), `${FOLDER}/below`, { uid: true });
        assert.equal(client.mailbox.exists, 0);
        await client.mailboxOpen(`${FOLDER}/below`);
        const uid = moved.uidMap.get(before.uid);
        assert.notEqual(copied.uidMap.get(before.uid), uid);
        const after = await client.fetchOne(String(uid), { emailId: true }, { uid: true });
        assert.equal(after.emailId, before.emailId, "EMAILID of a moved message");
        assert.ok(await client.messageDelete("1:*"));
        assert.equal(client.mailbox.exists, 0);
    });
    await check("imapflow renames and deletes folders", async () => {
        await client.mailboxRename(FOLDER, "Plain");
        assert.deepEqual((await client.list()).map(({ path }) => path).filter((path) => path.startsWith("Plain")), ["Plain", "Plain/below"]);
        await client.mailboxDelete("Plain/below");
        await client.mailboxDelete("Plain");
        await assert.rejects(client.mailboxOpen("Plain"), { serverResponseCode: "NONEXISTENT" });
    });
    await check("imapflow takes up by QRESYNC what happened meanwhile", async () => {
        const before = await connect({ qresync: true });
        await before.mailboxCreate("Resynced");
        for (const key of ["one", "two", "three", "four"]) await before.append("Resynced", letter(`resync-${key}`, "x"));
        const { uidValidity, highestModseq } = await before.mailboxOpen("Resynced");
        await before.logout();
        const other = await connect();
        await other.mailboxOpen("Resynced");
        await other.messageFlagsAdd("3", ["\\Flagged"]);
        await other.messageDelete("1:2");
        await other.logout();
        const again = await connect({ qresync: true });
        const gone = [];
        again.on("expunge", ({ uid, vanished, earlier }) => gone.push({ uid, vanished, earlier }));
        const flags = next(again, "flags");
        await again.mailboxOpen("Resynced", { changedSince: highestModseq, uidValidity });
        assert.deepEqual(gone, [1, 2].map((uid) => ({ uid, vanished: true, earlier: true })));
        assert.deepEqual([(await flags).uid, [...(await flags).flags]], [3, ["\\Flagged"]]);
        assert.equal(again.mailbox.exists, 2);
        const vanished = next(again, "expunge");
        await again.messageDelete("1");
        assert.deepEqual({ ...(await vanished), path: undefined }, { path: undefined, uid: 3, vanished: true, earlier: false });
        await again.logout();
    });
    await check("imapflow hears of news in IDLE", async () => {
        await client.mailboxOpen("INBOX");
        const other = await connect();
        await other.mailboxOpen("INBOX");
        const idling = client.idle();
        const came = next(client, "exists");
        const query = new URLSearchParams({ mailbox: USER, folder: "inbox" });
        await fetch(`${CONTROL}/deliver?${query}`, { method: "POST", body: letter("idle", "x") });
        assert.equal((await came).count, (await came).prevCount + 1);
        const flags = next(client, "flags");
        await other.noop();
        await other.messageFlagsAdd("*", ["\\Flagged"]);
        assert.ok((await flags).flags.has("\\Flagged"));
        const gone = next(client, "expunge");
        await other.messageDelete("*");
        await gone;
        await other.logout();
        await client.noop();
        await idling;
    });
    await client.logout();
}

main().then(
    () => process.exit(failed ? 1 : 0),
    (error) => {
        console.log(`FAIL imapflow ${error.message}`);
        console.error(error);
        process.exit(1);
    },
);
