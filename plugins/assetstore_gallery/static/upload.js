// Sends files and folders: three at a time, large ones in parts that survive a reload.
import { ask, doing, element, readable, Refusal, say, Unreachable } from "./actions.js";

const AT_A_TIME = 3;
const ATTEMPTS = 4;
const KEPT = `assetstore uploads ${doing.dataset.root}`;
const list = document.getElementById("upload-list");
const whole = document.getElementById("upload-all");
const status = document.getElementById("upload-status");
const input = document.getElementById("upload-files");
const uploads = [];

class Cancelled extends Error {}
class StoreUnreachable extends Unreachable {}
// Whoever logs in again, or waits for the store, can go on.
const passes = ({ status }) => status === 401 || status >= 500;
const kept = () => JSON.parse(localStorage.getItem(KEPT) ?? "{}");
const is = (file, { name, size, modified }) => file.name === name && file.size === size && file.lastModified === modified;

function keep(key, facts) {
  const { [key]: _, ...others } = kept();
  localStorage.setItem(KEPT, JSON.stringify(facts ? { ...others, [key]: facts } : others));
}

class Upload {
  constructor(key, file, size, lost = null) {
    Object.assign(this, { key, file, size, lost, begun: null, clash: "ask", through: false });
    Object.assign(this, { sent: new Map(), done: new Set(), requests: new Set() });
    this.bar = element("progress", { max: 1, value: 0, ariaLabel: key });
    this.text = element("span", { className: "upload-text" });
    this.buttons = element("span");
    const name = element("span", { className: "upload-name", textContent: key });
    list.append(element("li", {}, name, this.bar, this.text, this.buttons));
    uploads.push(this);
  }

  show(state, text, ...buttons) {
    this.state = state;
    this.text.textContent = text;
    this.text.lang = state === "refused" ? "en" : document.documentElement.lang; // what the store says
    const focused = this.buttons.contains(document.activeElement);
    const made = ([word, onclick]) =>
      element("button", { type: "button", textContent: say(word), ariaLabel: `${say(word)}: ${this.key}`, onclick });
    this.buttons.replaceChildren(...buttons.map(made));
    if (focused) (this.buttons.firstChild ?? input).focus();
    overall();
  }

  wait() {
    this.show("waiting", say("waiting"), ["cancel", () => this.cancel()]);
    next();
  }

  async run() {
    this.stopped = false;
    this.show("running", say("uploading"), ["pause", () => this.pause()], ["cancel", () => this.cancel()]);
    try {
      if (this.lost) await this.goOn();
      this.begun ??= await this.begin();
      await (this.begun.token ? this.sendAll() : this.sendThrough());
      keep(this.key, null);
      this.bar.value = 1;
      this.show("done", say("uploaded"));
    } catch (error) {
      await this.failed(error);
    }
    next();
  }

  async begin() {
    const begun = await ask("upload/begin", { key: this.key, size: this.size, clash: this.clash });
    const { name, size, lastModified: modified } = this.file;
    if (begun.part_size) keep(this.key, { ...begun, name, size, modified, clash: this.clash, etag: this.etag });
    return begun;
  }

  // Takes up an upload that a reload broke off; what the store has of it is not sent again.
  async goOn() {
    const { lost } = this;
    const have = await ask("upload/parts", { token: lost.token }).catch((error) => {
      if (!(error instanceof Refusal) || passes(error)) throw error;
      keep(this.key, null);
    });
    this.lost = null;
    if (!have) return;
    Object.assign(this, { begun: lost, clash: lost.clash, etag: lost.etag, done: new Set(have.parts) });
    for (const number of have.parts) this.progress(number, this.part(number).size);
  }

  part(number) {
    const { part_size: size } = this.begun;
    return size ? this.file.slice((number - 1) * size, number * size) : this.file;
  }

  async sendAll() {
    const count = this.begun.part_count ?? 1;
    const left = Array.from({ length: count }, (_, index) => index + 1).filter((number) => !this.done.has(number));
    let failed = null;
    const work = async () => {
      while (left.length && !failed) await this.send(left.shift()).catch((error) => (failed ??= error));
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    if (failed) throw failed;
    this.show("running", say("examining"));
    const { key, etag, begun: { token } } = this;
    await ask(this.clash === "replace" ? "upload/replace" : "upload/finish", { token, key, etag });
  }

  // Sends one part, some times if need be; what is signed may have expired, so it is signed anew.
  async send(number) {
    const { token, request } = this.begun;
    for (let attempt = 1; ; attempt++)
      try {
        const signed = request ?? (await ask("upload/parts", { token, numbers: [number] })).requests[number];
        await this.put(signed, this.part(number), number);
        this.done.add(number);
        return;
      } catch (error) {
        this.progress(number, 0);
        if (!(error instanceof Unreachable) || this.mayGoThrough(error) || attempt === ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500 * 4 ** (attempt - 1)));
        if (this.stopped) throw new Cancelled();
      }
  }

  sendThrough() {
    const query = new URLSearchParams({ key: this.begun.key, clash: this.clash, ...(this.etag && { etag: this.etag }) });
    const url = `${doing.dataset.root}/do/upload/body?${query}`;
    return this.put({ method: "PUT", url, headers: { "x-assetstore": "1" } }, this.file, 1);
  }

  put({ method, url, headers }, blob, number) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      request.responseType = "json"; // what is not JSON is null
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => this.progress(number, event.loaded);
      request.onload = () => {
        this.progress(number, blob.size);
        const { status, response } = request;
        if (status < 300) resolve();
        else if (response?.message) reject(new Refusal(response));
        else reject(new StoreUnreachable(say("store_answered", { status })));
      };
      request.onerror = () => reject(new StoreUnreachable(say("unreachable")));
      request.onabort = () => reject(new Cancelled());
      request.onloadend = () => this.requests.delete(request);
      this.requests.add(request);
      request.send(blob);
    });
  }

  // A store that this page cannot reach, for want of a CORS rule or a route, gets the file from the gallery.
  mayGoThrough(error) {
    return error instanceof StoreUnreachable && !this.through && this.done.size === 0;
  }

  progress(number, bytes) {
    this.sent.set(number, bytes);
    this.bar.value = Math.min(1, this.bytes / Math.max(1, this.size));
    overall();
  }

  get bytes() {
    return Math.min(this.size, [...this.sent.values()].reduce((sum, part) => sum + part, 0));
  }

  async failed(error) {
    this.stop();
    if (error instanceof Cancelled) return;
    if (this.mayGoThrough(error)) {
      const key = this.clash === "keep" ? this.begun.key : this.key;
      this.discard();
      Object.assign(this, { begun: { key }, through: true });
      this.show("waiting", say("waiting"));
    } else if (error.kind === "AlreadyExists") {
      const answer = (word, clash) => [word, () => this.again(clash)];
      const replace = "change" in doing.dataset ? [answer("replace", "replace")] : [];
      this.show("asking", say("taken"), ...replace, answer("keep_both", "keep"), ["skip", () => this.cancel()]);
    } else if (error instanceof Refusal && !passes(error)) this.cancel("refused", error.message);
    else this.show("failed", error.message, ["try_again", () => this.wait()], ["cancel", () => this.cancel()]);
  }

  again(clash) {
    this.discard();
    Object.assign(this, { clash, etag: document.querySelector(`[data-key="${CSS.escape(this.key)}"]`)?.dataset.etag });
    this.wait();
  }

  stop() {
    this.stopped = true;
    for (const request of this.requests) request.abort();
  }

  pause() {
    this.stop();
    this.show("paused", say("paused"), ["go_on", () => this.wait()], ["cancel", () => this.cancel()]);
    next();
  }

  // Else the store's own sweep deletes what was sent.
  discard() {
    const token = this.begun?.token ?? this.lost?.token;
    if (token) ask("upload/cancel", { token }).catch(() => {});
    Object.assign(this, { begun: null, lost: null, sent: new Map(), done: new Set() });
    keep(this.key, null);
  }

  cancel(state = "cancelled", text = say("cancelled")) {
    this.stop();
    this.discard();
    this.show(state, text);
    next();
  }
}

function next() {
  for (const upload of uploads.filter(({ state }) => state === "waiting")) {
    if (uploads.filter(({ state }) => state === "running").length >= AT_A_TIME) return;
    upload.run();
  }
}

// What a screen reader says changes with each file that ends, not with each byte.
function overall() {
  const wanted = uploads.filter(({ state }) => !["cancelled", "refused", "lost"].includes(state));
  const sum = (what) => wanted.reduce((total, upload) => total + what(upload), 0);
  const done = wanted.filter(({ state }) => state === "done").length;
  const refused = uploads.filter(({ state }) => state === "refused").length;
  whole.hidden = wanted.length === 0;
  whole.value = sum((upload) => (upload.state === "done" ? upload.size : upload.bytes)) / Math.max(1, sum(({ size }) => size));
  const facts = { done, count: wanted.length, bytes: readable(sum(({ size }) => size)), refused };
  const text = wanted.length || refused ? say(refused ? "uploads_refused" : "uploads", facts) : "";
  if (status.textContent !== text) status.textContent = text;
  document.getElementById("upload-show").hidden = done === 0 || done < wanted.length;
}

function add(file, path) {
  const lost = uploads.find((upload) => upload.state === "lost" && is(file, upload.lost));
  if (!lost) return new Upload(doing.dataset.prefix + path, file, file.size).wait();
  lost.file = file;
  return lost.wait();
}

// A browser gives the entries of a folder in hundreds.
async function addEntry(entry) {
  if (entry.isFile) return entry.file((file) => add(file, entry.fullPath.slice(1)));
  const reader = entry.createReader();
  const some = () => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
  for (let found = await some(); found.length; found = await some()) for (const each of found) await addEntry(each);
}

function dropped(event) {
  event.preventDefault();
  for (const item of [...event.dataTransfer.items].filter(({ kind }) => kind === "file")) {
    const [entry, file] = [item.webkitGetAsEntry(), item.getAsFile()];
    entry ? addEntry(entry) : add(file, file.name);
  }
}

for (const choice of [input, document.getElementById("upload-folder")])
  choice.onchange = () => {
    for (const file of choice.files) add(file, file.webkitRelativePath || file.name);
    choice.value = "";
  };
document.getElementById("upload-show").onclick = () => location.reload();
const box = document.getElementById("upload");
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  box.classList.add("over");
});
for (const name of ["dragleave", "drop"]) document.addEventListener(name, () => box.classList.remove("over"));
document.addEventListener("drop", dropped);
addEventListener("beforeunload", (event) => {
  if (uploads.some(({ state, begun }) => ["running", "waiting"].includes(state) && !begun?.part_size)) event.preventDefault();
});
for (const [key, facts] of Object.entries(kept())) {
  const upload = new Upload(key, null, facts.size, facts);
  upload.show("lost", say("choose_again", { name: facts.name }), ["choose_file", () => input.click()], ["discard", () => upload.cancel()]);
}
