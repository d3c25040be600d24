"use strict";
// What somebody does at the pages of administrators. Prints `ok NAME` or `FAIL NAME reason` for each step; each needs those before.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const { chromium } = require("playwright-core");

const URL = process.env.ADMIN_URL;
const USER = "alice@demo.test";
const PASSWORD = "demo-alice";
// A profile of its own, which goes with the test; nothing is asked of anybody but the gateway.
const ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"];

async function main() {
    const profile = fs.mkdtempSync(path.join(process.env.WORK, "chromium-"));
    const browser = await chromium.launchPersistentContext(profile, {
        executablePath: process.env.CHROMIUM, args: ARGUMENTS, headless: true, javaScriptEnabled: false,
        timeout: 60000,
    });
    browser.setDefaultTimeout(20000);
    try {
        await steps(browser, await browser.newPage());
    } finally {
        await browser.close();
    }
}

async function steps(browser, page) {
    const text = (selector) => page.textContent(selector);
    const submits = (selector) => Promise.all([page.waitForNavigation(), page.click(selector)]);
    const button = (name) => submits(`role=button[name="${name}"]`);

    await check("nobody gets in without a password", async () => {
        await page.goto(`${URL}/accounts`);
        await page.fill("#name", "root");
        await page.fill("#password", "wrong");
        await submits("main button");
        assert.match(await text("[role=alert]"), /not right/);
        await signIn(page, "root", process.env.ADMIN_PASSWORD);
        assert.equal(await text("h1"), "Accounts");
    });
    await check("somebody who waits is let in", async () => {
        assert.match(await login(PASSWORD).refused, /waits for an administrator/);
        await page.goto(URL);
        assert.match(await text(".looks"), /1 account waits/);
        await submits(".looks a");
        await button(`Approve ${USER}`);
        assert.match(await text("[role=status]"), /may use the gateway now/);
    });
    let session;
    await check("a mailbox is tried", async () => {
        session = login(PASSWORD);
        await session.open;
        await button(`Try the mailbox ${USER}`);
        while (await page.isVisible("text=Look again")) {
            await submits("text=Look again");
        }
        const badges = await page.$$eval("tbody .badge", (all) => all.map((one) => one.textContent));
        assert.deepEqual(badges, ["ok", "skipped", "ok", "ok"]);
    });
    await check("a session is ended", async () => {
        await page.click("nav >> text=Sessions");
        assert.match(await text("tbody"), /imap/);
        await submits("role=button[name=/^End session/]");
        assert.match(await session.ended, /An administrator has ended this session/);
    });
    await check("a device password is made, used and revoked", async () => {
        await page.goto(`${URL}/accounts/${USER}`);
        await page.click("text=Make a device password");
        await page.fill("#device-name", '<b onclick="x">Phone</b>');
        await page.fill("form[action$=devices] #password", PASSWORD);
        await submits("text=Make it");
        const password = await text("#made");
        const device = login(password);
        await device.open;
        await submits("text=Back to the account");
        assert.match(await text("tbody"), /<b onclick="x">Phone<\/b>/);
        await submits("role=button[name=/^Revoke device/]");
        assert.match(await device.ended, /was revoked/);
        assert.match(await text("tbody"), /revoked/);
    });
    await check("the log tells who did it", async () => {
        await submits("nav >> text=Audit");
        const log = await text("tbody");
        for (const action of ["account.state", "trial.begin", "session.end", "device.add", "device.revoke"]) {
            assert.ok(log.includes(action), action);
        }
        assert.ok(log.includes("root (administrator)"));
    });
    await check("the keyboard is enough", async () => {
        await page.goto(URL);
        await page.keyboard.press("Tab");
        assert.equal(await page.textContent(":focus"), "Skip to the content");
        for (let tabs = 0; (await page.textContent(":focus")) !== "Events"; tabs += 1) {
            assert.ok(tabs < 20, "Events is not reached");
            await page.keyboard.press("Tab");
        }
        const outline = await page.$eval(":focus", (one) => getComputedStyle(one).outlineStyle);
        assert.notEqual(outline, "none");
        await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
        assert.equal(await text("h1"), "Events");
    });
    await check("everything can be read, light and dark", async () => {
        for (const colorScheme of ["light", "dark"]) {
            await page.emulateMedia({ colorScheme });
            for (const place of ["/", "/accounts", `/accounts/${USER}`, "/devices?all=yes", "/mailboxes", "/sessions", "/upstreams", "/trials",
                "/trials/1", "/events", "/audit", "/nowhere"]) {
                await page.goto(URL + place);
                assert.deepEqual(await page.evaluate(faint), [], `${colorScheme} ${place}`);
            }
        }
    });
    await check("an auditor sees, and changes nothing", async () => {
        await page.goto(URL);
        await submits("text=Sign out");
        await signIn(page, "eve", process.env.AUDITOR_PASSWORD);
        await page.goto(`${URL}/accounts/${USER}`);
        assert.equal(await page.$$eval("main button", (all) => all.length), 0);
    });
}

async function signIn(page, name, password) {
    await page.fill("#name", name);
    await page.fill("#password", password);
    await Promise.all([page.waitForNavigation(), page.click("main button")]);
}

// Texts whose contrast is below 4.5 (WCAG 2.2, 1.4.3).
function faint() {
    const colour = (text) => text.match(/[\d.]+/g).map(Number);
    const light = ([red, green, blue]) => {
        const [r, g, b] = [red, green, blue].map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (one) => {
        for (let at = one; at; at = at.parentElement) {
            const found = colour(getComputedStyle(at).backgroundColor);
            if (found.length === 3 || found[3] === 1) return found;
        }
        return [255, 255, 255];
    };
    const seen = [...document.body.querySelectorAll("*")].filter((one) => one.checkVisibility() && !one.closest("svg") &&
        [...one.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()));
    const told = seen.map((one) => {
        const [above, below] = [light(colour(getComputedStyle(one).color)), light(ground(one))].sort((a, b) => b - a);
        return [one.tagName, one.textContent.trim().slice(0, 40), (above + 0.05) / (below + 0.05)];
    });
    return told.length > 5 ? told.filter(([, , ratio]) => ratio < 4.5) : ["there is nothing to read"];
}

// A mail client that signs in and stays.
function login(password) {
    const socket = net.connect(Number(process.env.IMAP_PORT), "127.0.0.1");
    let said = "";
    const when = (pattern) => new Promise((resolve, reject) => {
        const look = () => pattern.test(said) && resolve(said);
        socket.on("data", look);
        socket.on("close", () => (pattern.test(said) ? resolve(said) : reject(new Error(`closed after: ${said}`))));
    });
    socket.on("data", (data) => { said += data; });
    socket.on("error", () => {});
    socket.write(`a LOGIN ${USER} ${password}\r\n`);
    const [open, refused, ended] = [when(/^a OK/m), when(/^a NO/m), when(/^\* BYE/m)];
    for (const one of [open, refused, ended]) one.catch(() => {});
    return { open, refused, ended };
}

let failed = false;

async function check(name, body) {
    if (failed) return;
    try {
        await body();
        console.log(`ok admin: ${name}`);
    } catch (error) {
        failed = true;
        console.log(`FAIL admin: ${name} ${String(error.stack).split(/\s+/).join(" ").slice(0, 900)}`);
    }
}

main().catch((error) => {
    failed = true;
    console.log(`FAIL admin: the browser ${String(error).split(/\s+/).join(" ").slice(0, 900)}`);
}).finally(() => process.exit(failed ? 1 : 0));
