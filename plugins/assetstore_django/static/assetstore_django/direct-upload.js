// Sends the file of an <input type="file" data-direct-upload> straight to the store and leaves a reference in its form.
"use strict";
(() => {
  const ATTEMPTS = 4;
  const AT_A_TIME = 3;
  const uploads = new Map(); // of each input its newest upload

  class Refusal extends Error {} // the file is not wanted: sending it again is no use
  class Cancelled extends Error {}

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  function size(bytes) {
    return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
  }

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  // What is shown below an input.
  class View {
    constructor(input) {
      this.input = input;
      this.bar = element("progress", { max: 1, value: 0 });
      this.amount = element("span");
      this.status = element("span");
      this.status.setAttribute("role", "status");
      this.error = element("span");
      this.error.setAttribute("role", "alert");
      this.cancel = element("button", { type: "button", textContent: "Cancel" });
      this.again = element("button", { type: "button", textContent: "Try again" });
      const lines = [[this.bar, this.amount], [this.status, this.error], [this.again, " ", this.cancel]];
      this.box = element("div", { className: "direct-upload" }, ...lines.map((line) => element("div", {}, ...line)));
      // The admin sets what follows an input beside it.
      this.box.style.cssText = "flex: 1; margin-left: .5rem";
      this.bar.style.verticalAlign = "middle";
      this.amount.style.display = "block";
      this.error.style.color = "var(--error-fg, #a00)";
      input.after(this.box);
      this.show({});
    }

    show({ progress = false, status = "", error = "", again = false, cancel = false }) {
      this.bar.hidden = !progress;
      if (!progress) this.amount.textContent = "";
      this.status.textContent = status;
      this.error.textContent = error;
      // A button that has the focus hands it on before it goes.
      if (!cancel && !again && this.box.contains(document.activeElement)) this.input.focus();
      this.again.hidden = !again;
      this.cancel.hidden = !cancel;
      if (again && document.activeElement === this.cancel) this.again.focus();
    }

    progress(name, sent, whole) {
      this.bar.value = sent / whole;
      this.bar.setAttribute("aria-label", `Upload of ${name}`);
      this.amount.textContent = `${size(sent)} of ${size(whole)} (${Math.floor((100 * sent) / whole)} %)`;
    }
  }

  class Upload {
    constructor(input, file) {
      this.input = input;
      this.file = file;
      this.running = false;
      this.begun = null;
      this.sent = new Map(); // bytes of each part, the whole file being part 1 if there are none
      this.done = new Set();
      this.requests = new Set();
      this.view = new View(input);
      this.view.cancel.onclick = () => this.cancel();
      this.view.again.onclick = () => this.run();
    }

    async ask(action, fields) {
      const body = new FormData();
      const csrf = this.input.form.elements.csrfmiddlewaretoken;
      const sent = { field: this.input.dataset.directUpload, ...(csrf && { csrfmiddlewaretoken: csrf.value }), ...fields };
      for (const [name, value] of Object.entries(sent)) body.append(name, value);
      for (let attempt = 1; ; attempt++) {
        let response = null;
        try {
          response = await fetch(this.input.dataset[`${action}Url`], { method: "POST", body });
        } catch {
          // told below
        }
        if (this.cancelled) throw new Cancelled();
        if (response?.ok) return response.json();
        if ((response === null || response.status === 503) && attempt < ATTEMPTS) {
          await pause(500 * 4 ** (attempt - 1));
          continue;
        }
        if (response === null) throw new Error("The server cannot be reached");
        const answer = await response.json().catch(() => null);
        const message = answer?.error ?? `The server answered ${response.status}; reload the page and sign in again`;
        throw response.status < 500 ? new Refusal(message) : new Error(message);
      }
    }

    put({ method, url, headers }, blob, number) {
      return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        const end = (finish, outcome) => {
          this.requests.delete(request);
          finish(outcome);
        };
        request.open(method, url);
        for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
        request.upload.onprogress = (event) => this.progress(number, event.loaded);
        request.onload = () =>
          request.status < 300 ? end(resolve) : end(reject, new Error(`The store answered ${request.status}`));
        request.onerror = () => end(reject, new Error("The store cannot be reached from this page"));
        request.onabort = () => end(reject, new Cancelled());
        this.requests.add(request);
        request.send(blob);
      });
    }

    // Sends one part, some times if need be; what is signed may have expired, so it is signed anew.
    async send(number, blob, signed) {
      for (let attempt = 1; ; attempt++) {
        try {
          await this.put(signed ?? (await this.ask("part", { token: this.begun.token, number })).request, blob, number);
          this.done.add(number);
          this.progress(number, blob.size);
          return;
        } catch (error) {
          this.progress(number, 0);
          if (error instanceof Cancelled || error instanceof Refusal || attempt === ATTEMPTS) throw error;
          await pause(500 * 4 ** (attempt - 1));
          if (this.cancelled) throw new Cancelled();
        }
      }
    }

    async sendAll() {
      const { part_size: partSize, part_count: count, request } = this.begun;
      if (!partSize) {
        if (!this.done.has(1)) await this.send(1, this.file, request);
        return;
      }
      const left = Array.from({ length: count }, (_, index) => index + 1).filter((number) => !this.done.has(number));
      let failed = null;
      const work = async () => {
        while (left.length && !failed) {
          const number = left.shift();
          const blob = this.file.slice((number - 1) * partSize, number * partSize);
          await this.send(number, blob).catch((error) => (failed ??= error));
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, work));
      if (failed) throw failed;
    }

    progress(number, bytes) {
      this.sent.set(number, bytes);
      const sum = [...this.sent.values()].reduce((total, part) => total + part, 0);
      this.view.progress(this.file.name, Math.min(sum, this.file.size), this.file.size);
    }

    async run() {
      const { file, view } = this;
      this.running = true;
      this.progress(1, this.sent.get(1) ?? 0);
      view.show({ progress: true, cancel: true, status: `Uploading ${file.name}` });
      try {
        this.begun ??= await this.ask("begin", { filename: file.name, size: file.size });
        await this.sendAll();
        view.show({ progress: true, cancel: true, status: `Checking ${file.name}` });
        const { reference } = await this.ask("finish", { token: this.begun.token });
        view.show({ status: `${file.name} is uploaded. Save the form to keep it.` });
        this.running = false;
        this.input.value = "";
        refer(this.input, reference);
      } catch (error) {
        this.running = false;
        this.failed(error);
      }
    }

    failed(error) {
      if (error instanceof Cancelled) return;
      const refused = error instanceof Refusal;
      const kept = refused ? "" : " What was sent is kept: try again to send the rest.";
      // A refused file would be refused with the form too.
      if (refused) {
        this.discard();
        this.input.value = "";
      }
      this.view.show({ progress: !refused, again: !refused, cancel: !refused, error: `${error.message}.${kept}` });
    }

    stop() {
      this.cancelled = true;
      this.running = false;
      for (const request of this.requests) request.abort();
    }

    discard() {
      this.stop();
      const { begun } = this;
      this.begun = null;
      if (!begun) return;
      this.cancelled = false;
      this.ask("cancel", { token: begun.token }).catch(() => {}); // else the store's own sweep deletes it
    }

    cancel() {
      this.discard();
      this.cancelled = true;
      this.input.value = "";
      this.view.show({ status: `The upload of ${this.file.name} is cancelled.` });
      this.input.focus();
    }
  }

  // Leaves the reference in the form, or takes it away.
  function refer(input, reference) {
    const referenceName = `${input.name}-reference`; // only now, for the admin numbers the forms that it adds
    for (const old of [...input.form.elements].filter((field) => field.name === referenceName)) old.remove();
    input.dataset.wasRequired ??= input.required;
    input.required = !reference && input.dataset.wasRequired === "true";
    if (reference) input.after(element("input", { type: "hidden", name: referenceName, value: reference }));
  }

  function forget(input) {
    uploads.get(input)?.discard();
    uploads.get(input)?.view.box.remove();
    uploads.delete(input);
    refer(input, "");
  }

  // A form that came back for another mistake still has its file.
  function restore() {
    for (const input of document.querySelectorAll("input[data-direct-upload][data-reference]")) {
      refer(input, input.dataset.reference);
      const note = element("span", { textContent: " A file was uploaded already. Save the form to keep it." });
      const view = { box: note };
      uploads.set(input, { running: false, view, discard() {} });
      input.after(note);
    }
  }

  document.addEventListener("change", ({ target }) => {
    if (!target.matches?.("input[type=file][data-direct-upload]")) return;
    forget(target);
    if (!target.files.length) return;
    const upload = new Upload(target, target.files[0]);
    uploads.set(target, upload);
    upload.run();
  });

  const runningIn = (form) => [...uploads.values()].find((upload) => upload.running && upload.input.form === form);

  document.addEventListener(
    "submit",
    (event) => {
      const upload = runningIn(event.target);
      if (!upload) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      upload.view.status.textContent = `${upload.file.name} is still being uploaded. Save again when it is done.`;
    },
    true,
  );

  addEventListener("beforeunload", (event) => {
    if ([...uploads.values()].some((upload) => upload.running)) event.preventDefault();
  });

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", restore);
  else restore();
})();
