"use strict";
// Sends one message with a hidden recipient, over a pool of connections.

const assert = require("node:assert/strict");
const nodemailer = require("nodemailer");

const USER = process.env.IMAP_USER || "alice@demo.test";

(async () => {
    const transport = nodemailer.createTransport({
        host: process.env.IMAP_HOST || "127.0.0.1",
        port: Number(process.env.SUBMISSION_PORT),
        secure: false,
        ignoreTLS: true,
        pool: true,
        auth: { user: USER, pass: process.env.IMAP_PASSWORD || "demo-alice" },
    });
    const sent = await transport.sendMail({
        from: USER,
        to: USER,
        bcc: "bob@demo.test",
        subject: "Grüße",
        text: "Hallo\n.\n..\n",
        messageId: "<nodemailer-1@clients.test>",
    });
    assert.deepEqual(sent.rejected, []);
    transport.close();
})().catch((error) => {
    console.error(error);
    process.exit(1);
});
