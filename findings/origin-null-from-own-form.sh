#!/bin/bash
# Guess: a form that posts to its own site sends that site in the Origin header, so a check against cross-site requests can
# compare it. A Referrer-Policy concerns the Referer header only.
# What happens: from a page with "Referrer-Policy: no-referrer", Chromium posts the form with "Origin: null". fetch() from the
# same page sends the real origin. With "same-origin" or no policy, both do. Sec-Fetch-Site says "same-origin" every time.
# Why it matters here: pages with a link's token in their address want no-referrer, and their own forms then fail a check of the
# Origin header, while scripts pass it. Our pages send no-referrer, so our check accepts "Sec-Fetch-Site: same-origin" as well
# (docs/decisions of the service: 0016-requests-from-other-sites.md). The other way out is "same-origin" as the policy of pages with forms.
# Seen on 2026-11-29 with Chromium 147 (@sparticuz/chromium 147.0.0) and puppeteer-core 24.43.1.
# Needs node 20 or newer and the system libraries libnss3 and libexpat.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export TMPDIR=$tmp
cd "$tmp"

npm install --silent --no-audit --no-fund @sparticuz/chromium@147.0.0 puppeteer-core@24.43.1 > /dev/null

cat > try.mjs << 'JS'
import http from 'node:http';
import chromium from '@sparticuz/chromium';
import puppeteer from 'puppeteer-core';

const server = http.createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    if (request.method === 'POST') {
        request.resume();
        const { origin, host } = request.headers;
        const sent = origin === `http://${host}` ? 'own' : (origin ?? 'missing');
        response.end(`Origin ${sent}, Sec-Fetch-Site ${request.headers['sec-fetch-site']}`);
        return;
    }
    const policy = new URL(request.url, 'http://localhost').searchParams.get('policy');
    if (policy) response.setHeader('referrer-policy', policy);
    response.end('<form method=post action=/change><button>Change</button></form>');
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const browser = await puppeteer.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox'],
    headless: 'shell',
});
const page = await browser.newPage();
for (const policy of ['', 'same-origin', 'no-referrer']) {
    const url = `http://localhost:${server.address().port}/page?policy=${policy}`;
    await page.goto(url);
    await Promise.all([page.waitForNavigation(), page.click('button')]);
    console.log(`${policy || 'no policy'}, form: ${await page.evaluate(() => document.body.innerText)}`);
    await page.goto(url);
    const posted = await page.evaluate(async () => (await fetch('/change', { method: 'POST' })).text());
    console.log(`${policy || 'no policy'}, fetch: ${posted}`);
}
await browser.close();
server.close();
JS

cat > expected << 'TXT'
no policy, form: Origin own, Sec-Fetch-Site same-origin
no policy, fetch: Origin own, Sec-Fetch-Site same-origin
same-origin, form: Origin own, Sec-Fetch-Site same-origin
same-origin, fetch: Origin own, Sec-Fetch-Site same-origin
no-referrer, form: Origin null, Sec-Fetch-Site same-origin
no-referrer, fetch: Origin own, Sec-Fetch-Site same-origin
TXT
timeout 60 node try.mjs > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
