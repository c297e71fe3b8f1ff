// Draws the waveform of a sound that the browser decodes, once somebody opens it.
const COLUMNS = 200;
const RATE = 8000; // Samples a second: enough for a picture, and a fraction of the memory of all.
const box = document.getElementById("waveform");
const status = box.querySelector("[role=status]");
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function peaksOf(sound) {
  const channels = Array.from({ length: sound.numberOfChannels }, (_, number) => sound.getChannelData(number));
  return Array.from({ length: COLUMNS }, (_, column) => {
    const [start, end] = [column, column + 1].map((each) => Math.floor((sound.length * each) / COLUMNS));
    let loudest = 0;
    for (const samples of channels) for (let at = start; at < end; at++) loudest = Math.max(loudest, Math.abs(samples[at]));
    return Math.min(1, loudest);
  });
}

async function draw() {
  try {
    const data = await (await fetch(box.dataset.file)).arrayBuffer();
    const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(data);
    const peaks = peaksOf(sound);
    const loudest = (peaks.indexOf(Math.max(...peaks)) * sound.duration) / COLUMNS;
    box.querySelector("path").setAttribute("d", peaks.map((peak, at) => `M${at}.5 ${1 - peak}V${1.01 + peak}`).join(""));
    status.textContent = box.dataset.loudest.replace("{time}", clock(loudest));
  } catch {
    status.textContent = box.dataset.failed;
  }
}

box.addEventListener("toggle", draw, { once: true });
box.hidden = false;
