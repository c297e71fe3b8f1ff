// The gallery's address; it must name this page's origin in its frame_ancestors.
const gallery = new URLSearchParams(location.search).get("gallery") ?? "http://127.0.0.1:8420";

document.getElementById("choose").onclick = () => {
  const query = new URLSearchParams({ pick: "image/*", origin: location.origin });
  window.open(`${gallery}/picker?${query}`, "picker", "width=800,height=600");
};

addEventListener("message", ({ origin, data }) => {
  if (origin !== new URL(gallery).origin) return; // anybody may send a message
  document.getElementById("chosen").textContent = `${data.key}, ${data.type}, ${data.size} bytes: ${data.url}`;
});
