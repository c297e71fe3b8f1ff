#!/usr/bin/env bash
# Guess: a ZIP that client-zip makes while it is downloaded is read by fflate's streaming Unzip as by every other reader, or fails:
#   client-zip stores files unpacked and writes their sizes behind them, and each such record says how many bytes there were.
# Instead: where a file is itself a ZIP (DOCX, XLSX, EPUB, a nested archive), fflate takes the inner headers for those of the outer
#   archive. What is inside the document comes as files of the download, and the document itself comes too long and damaged. No
#   error is raised. Archives of fflate's own ZipPassThrough are read so too. unzipSync, which reads the directory, is right.
# Versions: client-zip 2.5.1, fflate 0.8.3 (npm), on Node.
# Output seen, 2026-11-29: unzipSync: letter.docx whole, z.txt; Unzip: letter.docx damaged, word/document.xml, styles.xml, z.txt
# Who meets it: whoever takes uploads of ZIPs, or unpacks them in a page, as they come: "download all" of a page with documents.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"name": "finding", "private": true}' >package.json
npm install --silent client-zip@2.5.1 fflate@0.8.3 >/dev/null 2>&1 || exit 77
cat >finding.mjs <<'JS'
import { downloadZip } from "client-zip";
import { strToU8, Unzip, UnzipInflate, unzipSync, zipSync } from "fflate";

const parts = { "word/document.xml": strToU8("<w>a letter, a letter, a letter</w>"), "styles.xml": strToU8("<s/>") };
const given = { "letter.docx": zipSync(parts), "z.txt": strToU8("the last file") };
const files = Object.entries(given).map(([name, input]) => ({ name, input }));
const whole = new Uint8Array(await downloadZip(files).arrayBuffer());

function named(found) {
    const isWhole = (name) => name in given && Buffer.from(given[name]).equals(Buffer.from(found[name]));
    const word = (name) => (name.endsWith(".docx") ? ` ${isWhole(name) ? "whole" : "damaged"}` : "");
    return Object.keys(found).map((name) => name + word(name)).join(", ");
}

const pieces = {};
const unzip = new Unzip((file) => {
    pieces[file.name] = [];
    file.ondata = (error, data) => {
        if (error) throw error;
        pieces[file.name].push(data);
    };
    file.start();
});
unzip.register(UnzipInflate);
const half = whole.length >> 1;
unzip.push(whole.subarray(0, half));
unzip.push(whole.subarray(half), true);
const streamed = Object.fromEntries(Object.entries(pieces).map(([name, data]) => [name, Buffer.concat(data)]));
console.log(`unzipSync: ${named(unzipSync(whole))}; Unzip: ${named(streamed)}`);
JS
seen=$(node finding.mjs)
echo "$seen"
test "$seen" = "unzipSync: letter.docx whole, z.txt; Unzip: letter.docx damaged, word/document.xml, styles.xml, z.txt"
