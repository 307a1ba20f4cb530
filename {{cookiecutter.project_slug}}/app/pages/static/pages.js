// The pages are HTML; this script is the same for all of them. Sections name what they show, and forms what they send,
// in attributes that docs/pages.md explains.

const texts = JSON.parse(document.querySelector("#texts").textContent);
const main = document.querySelector("main");
const extendsAt = document.body.dataset.extendsAt;
const otherTabs = new BroadcastChannel("signed-out");
// Answers that other sections need, by `data-as`.
const shared = { page: { path: location.pathname, id: location.pathname.split("/").at(-1) } };
// What a form was filled from, for the braces in its path.
const sources = new WeakMap();
const times = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });

// Requests

async function send(method, path, body) {
  const json = { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    return await fetch(path, { method, ...(body && json) });
  } catch {
    throw { title: texts.no_answer };
  }
}

async function call(method, path, body) {
  let response = await send(method, path, body);
  let problem = await problemOf(response);
  if (problem?.type === "/problems/not-authenticated" && extendsAt && (await send("POST", extendsAt)).ok) {
    response = await send(method, path, body);
    problem = await problemOf(response);
  }
  if (problem?.type === "/problems/not-authenticated") {
    leave(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}${location.hash}`);
    return new Promise(() => {});
  }
  if (problem?.reauthenticate) {
    await confirmIdentity();
    return call(method, path, body);
  }
  if (problem) throw problem;
  return response.status === 204 ? {} : response.json();
}

async function problemOf(response) {
  if (response.ok) return null;
  const problem = await response.json().catch(() => ({ title: texts.no_answer }));
  return { ...problem, seconds: Number(response.headers.get("Retry-After")) };
}

// Ask for the password or a factor, in place; what needed it goes on afterwards.
async function confirmIdentity() {
  const dialog = document.querySelector("#confirm");
  await Promise.allSettled([dialog, ...dialog.querySelectorAll("[data-from]")].map(load));
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "done") throw { title: texts.cancelled };
}

function leave(path) {
  otherTabs.postMessage("signed out");
  location.replace(path);
}

// Showing what the service answers

async function show() {
  main.setAttribute("aria-busy", true);
  for (const section of document.querySelectorAll("[data-from]:not(dialog, dialog *)")) {
    try {
      await load(section);
    } catch (problem) {
      report(section, problem);
    }
  }
  main.setAttribute("aria-busy", false);
}

async function load(section) {
  const { from, as, query } = section.dataset;
  const answer = await call("GET", filled(from) + (query === undefined ? "" : search({}, inUtc)));
  if (as) shared[as] = answer;
  clearProblem(section);
  fill(section, Array.isArray(answer) ? { items: answer } : withNeighbours(answer));
  section.dataset.filled = "";
  if (answer.user_handle) forgetOtherPasskeys(answer);
}

// The query of the page without empty fields.
function search(changes, written = String) {
  const given = Object.entries({ ...Object.fromEntries(new URLSearchParams(location.search)), ...changes });
  return `?${new URLSearchParams(given.filter(([, value]) => value !== "").map(([name, value]) => [name, written(value)]))}`;
}

// The API has no zone but UTC; the fields have the zone of the reader.
function inUtc(value) {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(value) ? new Date(value).toISOString() : value;
}

function inOwnZone(value) {
  const time = new Date(value);
  return new Date(time - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

// The links to the page before and after, for an answer in pages.
function withNeighbours(answer) {
  const { offset, limit, total } = answer;
  const number = offset / limit + 1;
  const previous = offset > 0 && search({ page: number - 1 });
  const next = offset + limit < total && search({ page: number + 1 });
  return { ...answer, previous, next };
}

function valueOf(key, data) {
  return key.split(".").reduce((value, name) => value?.[name], { ...shared, ...data });
}

function filled(text, data, encode = encodeURIComponent) {
  return text.replace(/\{([\w.]+)\}/g, (_, key) => encode(valueOf(key, data)));
}

// "key" holds if there is something; "key value" if it is that value, or a list with it.
function holds(condition, data) {
  const [key, ...rest] = condition.split(" ");
  const value = valueOf(key, data);
  const wanted = filled(rest.join(" "), data, String);
  if (Array.isArray(value)) return wanted ? value.includes(wanted) : value.length > 0;
  return wanted ? String(value) === wanted : Boolean(value);
}

// Rows come last, since each of them is filled from its own item.
const fillers = {
  text: (element, key, data) => (element.textContent = valueOf(key, data) ?? ""),
  json: (element, key, data) => (element.textContent = JSON.stringify(valueOf(key, data) ?? undefined) ?? ""),
  list: (element, key, data) => (element.textContent = valueOf(key, data).join(", ")),
  time: (element, key, data) => showTime(element, valueOf(key, data)),
  href: (element, path, data) => (element.href = filled(path, data)),
  link: (element, key, data) => (element.href = valueOf(key, data) || "#"),
  svg: (element, key, data) => (element.src = imageOf(valueOf(key, data))),
  option: (element, key, data) => (element.value = valueOf(key, data)),
  value: (element, key, data) => setField(element, valueOf(key, data)),
  if: (element, condition, data) => toggle(element, holds(condition, data)),
  unless: (element, condition, data) => toggle(element, !holds(condition, data)),
  call: (form, _, data) => sources.set(form, data),
  each: (list, key, data) => showRows(list, valueOf(key, data) ?? []),
};

function fill(root, data) {
  // A part with a `data-from` of its own is filled by itself.
  const place = root.closest?.("[data-from]") ?? null;
  const own = (selector) => [...root.querySelectorAll(selector)].filter((each) => each.closest("[data-from]") === place);
  own("[data-row]").forEach((row) => row.remove());
  for (const [name, filler] of Object.entries(fillers)) {
    for (const element of own(`[data-${name}]`)) filler(element, element.dataset[name], data);
  }
}

function showRows(list, items) {
  const template = list.querySelector("template");
  for (const item of items) {
    const row = template.content.cloneNode(true);
    fill(row, item instanceof Object ? item : { value: item });
    for (const element of row.children) element.dataset.row = "";
    list.append(row);
  }
}

function showTime(element, value) {
  element.dateTime = value ?? "";
  element.textContent = value ? times.format(new Date(value)) : texts.never;
}

function imageOf(svg) {
  return `data:image/svg+xml,${encodeURIComponent(svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'))}`;
}

// What a visitor has typed is kept.
function setField(field, value) {
  if (field.type === "checkbox") field.checked = value.includes(field.value);
  else if (field.type === "hidden" || field.tagName === "SELECT" || field.value === field.defaultValue) {
    field.value = field.defaultValue = value && field.type === "datetime-local" ? inOwnZone(value) : (value ?? "");
  }
}

function toggle(element, isShown) {
  element.hidden = !isShown;
  for (const field of element.querySelectorAll("input, select, textarea, button")) field.disabled = !isShown;
}

// Forms

async function submit(form, mediation) {
  const { call: route, go, done, save, passkey } = form.dataset;
  const [dialog, section] = ["dialog", "section"].map((selector) => form.closest(selector));
  if (!mediation) setBusy(form, true);
  try {
    const body = passkey ? await signed(form, mediation) : bodyOf(form);
    const answer = await call(...filled(route, sources.get(form)).split(" "), body);
    if (save) saveFile(save, JSON.stringify(answer, null, 2));
    for (const field of form.elements) field.defaultValue = "keep" in form.dataset ? field.value : field.defaultValue;
    form.reset();
    dialog?.close("done");
    if (showAnswer(answer)) return;
    if (go) return goTo(go, answer);
    if (dialog?.id !== "confirm") await show();
    say(done ?? "");
    if (!form.isConnected) focusHeading(section);
  } catch (problem) {
    if (problem.name !== "AbortError" && !(mediation && problem.name)) report(form, problem);
  } finally {
    setBusy(form, false);
    // A button that was disabled has lost the focus.
    if (form.isConnected && document.activeElement === document.body) form.querySelector("button").focus();
  }
}

function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    const { name, value, dataset } = field;
    const type = dataset.type ?? field.type;
    if (!name || field.disabled || (value === "" && "optional" in dataset)) continue;
    if (name === "factor") body[/^[\d\s]+$/.test(value) ? "totp" : "recovery_code"] = value;
    else if (type === "checkbox") (body[name] ??= []).push(...(field.checked ? [value] : []));
    else if (value === "" && "nullable" in dataset) body[name] = null;
    else if (type === "number" || type === "json") body[name] = JSON.parse(value);
    else body[name] = type === "datetime-local" ? inUtc(value) : value;
  }
  return Object.keys(body).length ? body : undefined;
}

// An answer that is shown once: codes, a token, the secret of an app, a second step.
function showAnswer(answer) {
  const dialog = [...document.querySelectorAll("dialog[data-shows]")].find(({ dataset }) => answer[dataset.shows]);
  if (!dialog) return false;
  fill(dialog, answer);
  dialog.showModal();
  dialog.addEventListener("close", show, { once: true });
  return true;
}

// A path, the word "next", or the name of a member of the answer that is a URL.
function goTo(target, answer) {
  if (target === "signed-out") leave("/sign-in");
  else location.assign(target === "next" ? nextPage() : (answer[target] ?? target));
}

// The page that the visitor wanted. Any other address could begin something, such as linking an account.
function nextPage() {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  return document.body.dataset.roots.split(" ").includes(/^\/(\w+)(\/[\w-]+)*([?#]|$)/.exec(next)?.[1]) ? next : "/account";
}

function report(place, problem) {
  if (!problem.title && !(problem instanceof DOMException)) throw problem;
  const general = [problem.title ?? texts.passkey_failed, problem.detail];
  for (const { field, message } of problem.errors ?? []) {
    const input = place.querySelector(`[name="${field}"]:enabled, [data-also~="${field}"]:enabled`);
    if (input) mark(input, message);
    else general.push(message);
  }
  place.append(paragraph({ role: "alert", textContent: general.filter(Boolean).join(" ") }));
  document.querySelector("#enrol").hidden = !problem.enrol;
  if (problem.seconds) countDown(place, problem.seconds);
  place.querySelector("[aria-invalid]")?.focus();
}

function mark(input, message) {
  const id = `error-${crypto.randomUUID()}`;
  input.setAttribute("aria-invalid", true);
  input.setAttribute("aria-describedby", id);
  input.closest("label").after(paragraph({ id, className: "error", textContent: message }));
}

function paragraph(properties) {
  return Object.assign(document.createElement("p"), properties);
}

function clearProblem(form) {
  form.querySelectorAll(".error, :scope > [role=alert]").forEach((note) => note.remove());
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

function setBusy(form, isBusy) {
  form.setAttribute("aria-busy", isBusy);
  for (const button of form.querySelectorAll("button:not([hidden] *)")) button.disabled = isBusy;
  if (isBusy) say(texts.busy);
  else if (document.querySelector("#status").textContent === texts.busy) say("");
}

// The row of the form is gone, and with it the focus.
function focusHeading(section) {
  const heading = section.querySelector("h2");
  heading.tabIndex = -1;
  heading.focus();
}

function say(text) {
  document.querySelector("#status").textContent = text;
}

function countDown(form, seconds) {
  const button = form.querySelector("button");
  const end = Date.now() + seconds * 1000;
  const timer = setInterval(() => {
    const left = Math.ceil((end - Date.now()) / 1000);
    button.disabled = left > 0;
    say(left > 0 ? texts.wait.replace("{seconds}", left) : "");
    if (left <= 0) clearInterval(timer);
  }, 500);
}

// Passkeys

let ceremony = new AbortController();

async function signed(form, mediation) {
  // A browser has one ceremony at a time: the one that waits in a field ends here.
  ceremony.abort();
  const { signal } = (ceremony = new AbortController());
  const fields = bodyOf(form);
  const begun = fields?.challenge && { challenge: fields.challenge };
  const { publicKey, challenge } = await call(...form.dataset.passkey.split(" "), begun);
  const credential = publicKey.user
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey), signal })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey), mediation, signal });
  return { ...fields, ...(challenge && { challenge }), credential: credential.toJSON() };
}

// Password managers drop the passkeys that were removed here.
function forgetOtherPasskeys({ passkeys, user_handle: userId }) {
  const rpId = passkeys[0]?.rp_id ?? location.hostname;
  const allAcceptedCredentialIds = passkeys.map((passkey) => passkey.credential_id);
  window.PublicKeyCredential?.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds }).catch(() => {});
}

// What visitors do

function saveFile(name, text) {
  const href = URL.createObjectURL(new Blob([text]));
  Object.assign(document.createElement("a"), { href, download: name }).click();
  URL.revokeObjectURL(href);
}

const actions = {
  copy: async (selector) => {
    await navigator.clipboard.writeText(document.querySelector(selector).innerText);
    say(texts.copied);
  },
  saveText: (name, button) => saveFile(name, document.querySelector(button.dataset.of).innerText),
  print: () => window.print(),
  close: (_, button) => button.closest("dialog").close(),
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.call) return;
  event.preventDefault();
  clearProblem(form);
  const mistyped = [...form.elements].find(({ dataset, value }) => dataset.equals && value !== valueOf(dataset.equals));
  if (mistyped) {
    mark(mistyped, texts.not_equal);
    mistyped.focus();
  } else if (!form.dataset.ask || confirm(form.dataset.ask)) {
    submit(form);
  }
});

document.addEventListener("click", ({ target }) => {
  for (const [name, act] of Object.entries(actions)) {
    if (target.dataset[name] !== undefined) act(target.dataset[name], target);
  }
});

document.addEventListener("change", ({ target }) => {
  if (target.dataset.reveals === undefined) return;
  for (const field of target.form.querySelectorAll("[data-secret]")) field.type = target.checked ? "text" : "password";
});

// Without this, Back would show what the browser kept of a page.
addEventListener("pageshow", (event) => event.persisted && location.reload());
if (document.querySelector("[data-as=me]")) otherTabs.addEventListener("message", () => location.replace("/sign-in"));

for (const field of document.querySelectorAll("form[method=get] [name]")) {
  field.value = new URLSearchParams(location.search).get(field.name) ?? field.value;
}
await show();
const { challenge } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const autofilled = document.querySelector("[data-autofill]");
const canAutofill = await window.PublicKeyCredential?.isConditionalMediationAvailable?.();
if (challenge) {
  // The first step was done elsewhere, and the account has a second factor.
  history.replaceState(null, "", location.pathname + location.search);
  showAnswer({ challenge, factors: ["passkey", "totp"] });
} else if (autofilled && canAutofill) {
  submit(autofilled, "conditional");
}
