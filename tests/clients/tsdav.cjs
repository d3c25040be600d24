"use strict";
// What tsdav makes of the gateway. Prints `ok NAME` or `FAIL NAME reason` for each check.

const assert = require("node:assert/strict");
const { createDAVClient } = require("tsdav");

const USER = process.env.IMAP_USER || "alice@demo.test";
const PASS = process.env.IMAP_PASSWORD || "demo-alice";
const SERVER = process.env.DAV_URL;

let failed = 0;

async function check(name, body) {
    try {
        await body();
        console.log(`ok ${name}`);
    } catch (error) {
        failed += 1;
        console.log(`FAIL ${name} ${String(error.message).replace(/\s+/g, " ").slice(0, 400)}`);
        console.error(error);
    }
}

function connect(defaultAccountType) {
    return createDAVClient({
        serverUrl: SERVER,
        credentials: { username: USER, password: PASS },
        authMethod: "Basic",
        defaultAccountType,
    });
}

function event(uid, summary) {
    return [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Checks//EN", "BEGIN:VEVENT", `UID:${uid}`, "DTSTAMP:20260301T000000Z",
        "DTSTART:20260311T090000Z", "DTEND:20260311T100000Z", `SUMMARY:${summary}`, "END:VEVENT", "END:VCALENDAR", "",
    ].join("\r\n");
}

function card(uid, name) {
    return ["BEGIN:VCARD", "VERSION:3.0", `UID:${uid}`, `FN:${name}`, `N:${name};;;;`, "END:VCARD", ""].join("\r\n");
}

async function calendars() {
    let client;
    let calendar;
    await check("tsdav finds the calendars", async () => {
        client = await connect("caldav");
        const found = await client.fetchCalendars();
        assert.ok(found.length > 0, "no calendar");
        assert.ok(found.every((one) => one.syncToken && one.ctag), "a calendar without sync token or CTag");
        calendar = found.find((one) => one.components.includes("VEVENT"));
        assert.ok(calendar, "no calendar takes events");
    });
    await check("tsdav reads the objects of a calendar", async () => {
        const objects = await client.fetchCalendarObjects({ calendar });
        assert.ok(objects.length > 0 && objects.every((one) => one.data.includes("BEGIN:VCALENDAR") && one.etag), "objects");
    });
    await check("tsdav makes, changes and deletes an event, and is told of it", async () => {
        const objects = await client.fetchCalendarObjects({ calendar });
        const before = { ...calendar, objects, objectMultiGet: client.calendarMultiGet };
        const made = await client.createCalendarObject({ calendar, filename: "tsdav.ics", iCalString: event("tsdav@checks", "One") });
        assert.equal(made.status, 201);
        const again = await client.createCalendarObject({ calendar, filename: "tsdav.ics", iCalString: event("tsdav@checks", "Two") });
        assert.equal(again.status, 412);
        const sync = await client.smartCollectionSyncDetailed({ collection: before, method: "webdav" });
        assert.deepEqual(sync.objects.created.map((one) => one.url.split("/").pop()), ["tsdav.ics"]);
        const [object] = await client.fetchCalendarObjects({ calendar, objectUrls: [new URL("tsdav.ics", calendar.url).href] });
        const changed = await client.updateCalendarObject({ calendarObject: { ...object, data: event("tsdav@checks", "Three") } });
        assert.ok(changed.ok, `status ${changed.status}`);
        const stale = await client.updateCalendarObject({ calendarObject: { ...object, data: event("tsdav@checks", "Four") } });
        assert.equal(stale.status, 412);
        const [now] = await client.fetchCalendarObjects({ calendar, objectUrls: [object.url] });
        assert.match(now.data, /SUMMARY:Three/);
        const gone = await client.deleteCalendarObject({ calendarObject: now });
        assert.equal(gone.status, 204);
    });
    await check("tsdav makes and deletes a calendar", async () => {
        const url = new URL("../tsdav-made/", calendar.url).href;
        const answers = await client.makeCalendar({ url, props: { displayname: "Made by tsdav" } });
        assert.ok(answers.every((one) => one.ok), JSON.stringify(answers));
        assert.ok((await client.fetchCalendars()).some((one) => one.displayName === "Made by tsdav"), "not listed");
        const gone = await client.deleteObject({ url });
        assert.ok(gone.ok, `status ${gone.status}`);
    });
}

async function contacts() {
    let client;
    let book;
    await check("tsdav finds the address books", async () => {
        client = await connect("carddav");
        [book] = await client.fetchAddressBooks();
        assert.ok(book && book.syncToken, "no address book");
    });
    await check("tsdav makes, reads and deletes a card", async () => {
        const made = await client.createVCard({ addressBook: book, filename: "tsdav.vcf", vCardString: card("tsdav-card@checks", "Tess") });
        assert.equal(made.status, 201);
        const cards = await client.fetchVCards({ addressBook: book });
        const vCard = cards.find((one) => one.url.endsWith("/tsdav.vcf"));
        assert.match(vCard.data, /FN:Tess/);
        const gone = await client.deleteVCard({ vCard });
        assert.equal(gone.status, 204);
    });
}

calendars()
    .then(contacts)
    .then(() => process.exit(failed ? 1 : 0));
