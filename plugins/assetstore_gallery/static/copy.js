// Copies what stands in a field, and says so.
const { copied, failed } = document.getElementById("links").dataset;
const status = document.getElementById("copy-status");

// The clipboard is there over HTTPS and on this machine alone; the older command works everywhere.
async function copy(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.onclick = async () => {
    const done = await copy(document.getElementById(button.dataset.copy));
    button.focus();
    status.textContent = `${done ? copied : failed}: ${button.previousElementSibling.labels[0].textContent}`;
  };
}
