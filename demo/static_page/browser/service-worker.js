// Keeps one version of the page, whole or not at all, and serves it with or without a network.

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

// The page has just loaded the same files, so the browser's own cache is asked first; what it holds may be
// of another version, though. Some hosts add to a page's HTML, so there a checksum would prove nothing.
async function fetchExactly(file, sha256) {
  const unchecked = file.endsWith(".html");
  for (const cache of unchecked ? ["reload"] : ["default", "reload"]) {
    const response = await fetch(file, { cache });
    const body = await response.arrayBuffer();
    if (response.ok && (unchecked || (await checksum(body)) === sha256)) {
      // A new response, because one that was redirected cannot answer a navigation.
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
