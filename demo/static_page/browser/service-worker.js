// Stores all files of one version of the page or none, and serves them with or without a network.

importScripts("files.js");

const { version, files } = self.touchstone;
const scope = self.registration.scope;
const prefix = `touchstone ${scope} `;
const name = prefix + version;

self.addEventListener("install", (event) => event.waitUntil(store()));
self.addEventListener("activate", (event) => event.waitUntil(dropOlder().then(() => self.clients.claim())));
self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});
self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  const file = (address.origin + address.pathname).slice(scope.length) || "index.html";
  const ours = event.request.url.startsWith(scope) && Object.hasOwn(files, file);
  if (event.request.method === "GET" && ours) event.respondWith(answer(file, event.request));
});

async function store() {
  const cache = await caches.open(name);
  await Promise.all(
    Object.entries(files).map(async ([file, sha256]) => cache.put(file, await fetchExactly(file, sha256))),
  );
}

// The browser's cache is asked first, since the page has just loaded the same files; it may hold those of
// another version. HTML is not verified, because some hosts add to it.
async function fetchExactly(file, sha256) {
  const unchecked = file.endsWith(".html");
  for (const cache of unchecked ? ["reload"] : ["default", "reload"]) {
    const response = await fetch(file, { cache });
    const body = await response.arrayBuffer();
    if (response.ok && (unchecked || (await checksum(body)) === sha256)) {
      // A new response, because a redirected one may not answer a navigation.
      return new Response(body, { headers: { "Content-Type": response.headers.get("Content-Type") } });
    }
  }
  throw new Error(`${file} is not the file of this version`);
}

async function checksum(body) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function dropOlder() {
  const older = (await caches.keys()).filter((each) => each.startsWith(prefix) && each !== name);
  await Promise.all(older.map((each) => caches.delete(each)));
}

async function answer(file, request) {
  const cache = await caches.open(name);
  return (await cache.match(file)) ?? fetch(request);
}
