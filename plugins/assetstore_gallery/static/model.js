// Turns a model as long as it is wanted, and says so where it cannot be shown.
import { ModelViewerElement } from "./vendor/model-viewer.min.js";

// Nothing is loaded from elsewhere; the policy of the page would refuse it too.
ModelViewerElement.dracoDecoderLocation = ModelViewerElement.ktx2TranscoderLocation = "";
const viewer = document.querySelector("model-viewer");
const turn = document.querySelector("#turn");
const broken = document.querySelector("#broken");
turn.checked = !matchMedia("(prefers-reduced-motion: reduce)").matches;
turn.addEventListener("change", () => (viewer.autoRotate = turn.checked));
const fail = () => (broken.textContent = broken.dataset.text);
viewer.addEventListener("error", fail);
if (!document.createElement("canvas").getContext("webgl2")) fail();
viewer.autoRotate = turn.checked;
