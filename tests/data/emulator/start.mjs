// Usage: node start.mjs INSTALLED ACCESS_KEY SECRET_KEY BUCKET...   INSTALLED is the folder with node_modules.
// Prints "serving URL" once every bucket is served over the S3 API.
import { createRequire } from "node:module";

const [installed, accessKeyId, secretAccessKey, ...buckets] = process.argv.slice(2);
const { Miniflare } = createRequire(`${installed}/`)("miniflare");
const emulator = new Miniflare({
  modules: true,
  script: `export default { fetch() { return new Response(null, { status: 404 }) } }`,
  host: "127.0.0.1",
  port: 0,
  cf: false,
  r2Buckets: Object.fromEntries(buckets.map((id) => [id, { id, s3Credentials: { accessKeyId, secretAccessKey } }])),
  r2Persist: false,
});
console.log(`serving ${(await emulator.ready).origin}/cdn-cgi/local/r2/s3`);
