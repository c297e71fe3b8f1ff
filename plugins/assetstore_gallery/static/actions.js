// Renames, moves, deletes and edits what is chosen on a page, by mouse and by keyboard.
export const doing = document.getElementById("doing");
export const words = JSON.parse(doing.dataset.words);
export const say = (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (_, value) => values[value]);

export class Refusal extends Error {
  constructor(answer) {
    super(answer.hint ? `${answer.message}; ${answer.hint}` : answer.message);
    Object.assign(this, { status: answer.status, kind: answer.error, answer });
  }
}

export class Unreachable extends Error {}

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function readable(bytes) {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const unit = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"][power];
  const options = { style: "unit", unit, unitDisplay: power ? "short" : "long", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(document.documentElement.lang, options).format(bytes / 1000 ** power);
}

// Asks the gallery for a change; what it refuses is thrown with its reason.
export async function ask(action, question) {
  const headers = { "content-type": "application/json", "x-assetstore": "1" };
  const asked = { method: "POST", headers, body: JSON.stringify(question) };
  const response = await fetch(`${doing.dataset.root}/do/${action}`, asked).catch(() => null);
  if (!response) throw new Unreachable(say("unreachable"));
  const answer = await response.json().catch(() => ({ status: response.status, message: say("unreachable") }));
  if (!response.ok) throw new Refusal(answer);
  return answer;
}

const status = document.getElementById("doing-status");
const items = [...document.querySelectorAll("[data-key]")];
const only = items.find((item) => "only" in item.dataset);
const boxes = new Map();
const all = document.getElementById("choose-all");
let last = null;

const chosen = () => (only ? [only] : items.filter((item) => boxes.get(item)?.checked));
const facts = (item) => ({ key: item.dataset.key, ...(item.dataset.etag && { etag: item.dataset.etag }) });
const folder = (key) => key.slice(0, key.lastIndexOf("/") + 1);
const browse = (key) => `${doing.dataset.root}/browse?prefix=${encodeURIComponent(folder(key))}`;

function changed() {
  const count = chosen().length;
  for (const button of doing.querySelectorAll("[data-dialog]"))
    button.disabled = count === 0 || (count > 1 && "one" in button.dataset);
  if (!only) status.textContent = count ? say("chosen", { count }) : "";
  if (all) Object.assign(all, { checked: count && count === items.length, indeterminate: count && count < items.length });
}

// Shift chooses all between the last box and this one.
function choose(item, event) {
  const box = boxes.get(item);
  if (event?.shiftKey && last && last !== item) {
    const [from, to] = [items.indexOf(last), items.indexOf(item)].sort((one, other) => one - other);
    for (const each of items.slice(from, to + 1)) boxes.get(each).checked = box.checked;
  }
  last = item;
  changed();
}

function chooseAll(checked) {
  for (const box of boxes.values()) box.checked = checked;
  changed();
}

// Goes to a page, which then says what was done and, after a delete, offers to undo it.
export function leave(url, message, undo = []) {
  sessionStorage.setItem("assetstore done", JSON.stringify({ message, undo }));
  if (url) location.assign(url);
  else location.reload();
}

function arrive() {
  const { message, undo } = JSON.parse(sessionStorage.getItem("assetstore done") ?? "{}");
  sessionStorage.removeItem("assetstore done");
  if (!message) return;
  status.textContent = message;
  if (!undo.length) return;
  const back = async () => {
    const restored = await Promise.allSettled(undo.map((key) => ask("restore", { key })));
    leave("", say("restored", { count: restored.filter((each) => each.status === "fulfilled").length }));
  };
  status.after(element("button", { type: "button", textContent: say("undo"), onclick: back }));
}

const WORK = {
  rename: async ([item], form) => {
    const to = folder(item.dataset.key) + form.to.value;
    await ask("move", { items: [{ ...facts(item), to }] });
    leave(only && `${doing.dataset.root}/asset?key=${encodeURIComponent(to)}`, say("renamed", { name: form.to.value }));
  },
  move: async (chosen, form) => {
    const to = form.to.value && !form.to.value.endsWith("/") ? `${form.to.value}/` : form.to.value;
    const moves = chosen.map((item) => ({ ...facts(item), to: to + item.dataset.key.split("/").pop() }));
    await ask("move", { items: moves });
    leave(only && browse(to), say("moved", { count: chosen.length }));
  },
  delete: async (chosen) => {
    const { done } = await ask("delete", { items: chosen.map(facts) });
    leave(only && browse(only.dataset.key), say("deleted", { count: done.length }), "trash" in doing.dataset ? done : []);
  },
  edit: async ([item], form) => {
    const lines = form.metadata.value.split("\n").filter((line) => line.trim());
    const pairs = lines.map((line) => line.split(":")).map(([name, ...text]) => [name.trim(), text.join(":").trim()]);
    const metadata = Object.fromEntries(pairs);
    const headers = ["content_type", "cache_control", "content_disposition"].map((name) => [name, form[name].value]);
    await ask("update", { key: item.dataset.key, etag: form.dataset.etag, ...Object.fromEntries(headers), metadata });
    leave("", say("edited", { name: item.dataset.key }));
  },
};

const FILL = {
  rename: ([item], form) => (form.to.value = item.dataset.key.split("/").pop()),
  move: ([item], form) => (form.to.value = folder(item.dataset.key)),
  delete: (chosen, form) => {
    const bytes = readable(chosen.reduce((sum, item) => sum + Number(item.dataset.size), 0));
    form.querySelector("p").textContent = say(chosen.length === 1 ? "delete_one" : "delete_what", { count: chosen.length, bytes });
    const names = chosen.slice(0, 10).map((item) => element("li", { textContent: item.dataset.key }));
    if (chosen.length > 10) names.push(element("li", { textContent: say("and_more", { count: chosen.length - 10 }) }));
    form.querySelector("ul").replaceChildren(...names);
  },
  edit: async ([item], form) => {
    const now = await ask("headers", { key: item.dataset.key });
    for (const name of ["content_type", "cache_control", "content_disposition"]) form[name].value = now[name] ?? "";
    form.metadata.value = Object.entries(now.metadata).map(([name, text]) => `${name}: ${text}`).join("\n");
    form.dataset.etag = now.etag;
  },
};

async function open(name) {
  const dialog = document.getElementById(`doing-${name}`);
  const form = dialog.querySelector("form");
  const alert = form.querySelector("[role=alert]");
  const which = chosen();
  if (alert) alert.textContent = "";
  try {
    await FILL[name]?.(which, form);
  } catch (error) {
    status.textContent = error.message;
    return;
  }
  form.onsubmit = async (event) => {
    if (!WORK[name]) return;
    event.preventDefault();
    try {
      await WORK[name](which, form);
    } catch (error) {
      const failed = error.answer?.failed ?? [];
      alert.lang = error.answer ? "en" : document.documentElement.lang; // what the store says
      alert.textContent = failed.map((each) => `${each.key}: ${each.message}`).join("\n") || error.message;
    }
  };
  dialog.showModal();
}

// Letters work while the focus is in the list or among these controls, so that they disturb nobody who dictates or reads.
const KEYS = { F2: "rename", Delete: "delete", m: "move", e: "edit", "?": "keys" };

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("dialog, input:not([type=checkbox]), textarea, select")) return;
  const item = event.target.closest("[data-key]");
  if (event.key.length === 1 && !item && !doing.contains(event.target)) return;
  const button = KEYS[event.key] && doing.querySelector(`[data-dialog=${KEYS[event.key]}], [data-open=${KEYS[event.key]}]`);
  if (event.key === "x" && boxes.has(item)) {
    boxes.get(item).checked = !boxes.get(item).checked;
    choose(item);
  } else if (event.key === "a" && boxes.size) chooseAll(!all.checked);
  else if (event.key === "u") document.getElementById("upload-files")?.focus();
  else if (button) {
    if (button.dataset.dialog && !chosen().length && boxes.has(item)) {
      boxes.get(item).checked = true;
      changed();
    }
    button.click();
  } else return;
  event.preventDefault();
}

if (doing.querySelector("[data-dialog]") && !only) {
  for (const item of items) {
    const box = element("input", { type: "checkbox", className: "choose", ariaLabel: say("choose", { name: item.dataset.key }), autocomplete: "off" });
    box.onclick = (event) => choose(item, event);
    boxes.set(item, box);
    item.prepend(box);
  }
  all.onchange = () => chooseAll(all.checked);
}
for (const button of doing.querySelectorAll("[data-dialog], [data-open]"))
  button.onclick = () => open(button.dataset.dialog ?? button.dataset.open);
for (const button of doing.querySelectorAll("[data-close]")) button.onclick = () => button.closest("dialog").close();
document.addEventListener("keydown", pressed);
changed();
arrive();
