// Tells the page that opened the picker, and no other, which asset was chosen.
const { root, origin } = document.getElementById("picker").dataset;
const status = document.getElementById("picker-status");

async function choose({ currentTarget: button }) {
  const response = await fetch(`${root}/picker/chosen?key=${encodeURIComponent(button.dataset.key)}`).catch(() => null);
  const asset = await response?.json().catch(() => null);
  status.textContent = response?.ok ? asset.key : asset?.message ?? "";
  if (!response?.ok) return;
  (window.opener ?? window.parent).postMessage(asset, origin);
  if (window.opener) window.close();
}

for (const button of document.querySelectorAll("[data-key]")) button.onclick = choose;
