// Restores what is in the trash, and empties it after asking.
import { ask, leave, say } from "./actions.js";

const dialog = document.getElementById("trash-dialog");
const status = document.getElementById("doing-status");

for (const button of document.querySelectorAll("[data-entry]"))
  button.onclick = async () => {
    try {
      await ask("restore", { key: button.dataset.of, entry: button.dataset.entry });
      leave("", say("restored", { count: 1 }));
    } catch (error) {
      status.textContent = error.message;
    }
  };

if (dialog) {
  const form = dialog.querySelector("form");
  document.getElementById("trash-empty").onclick = () => dialog.showModal();
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      while ((await ask("empty", { before: form.dataset.before })).more);
      location.assign(location.pathname);
    } catch (error) {
      form.querySelector("[role=alert]").textContent = error.message;
    }
  };
}
