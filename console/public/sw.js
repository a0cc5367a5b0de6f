// Tells of an approval that waits. A push carries its id and nothing else; what it is about is read in the page, signed in.
// Nothing of the pages is kept here: they are never answered from a cache. What is, is how the gateway knows this browser.

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

/** How long it is said that a question was answered. */
const OVER_MS = 5_000

self.addEventListener('push', (event) => {
  const { id, over, test } = read(event.data)
  if (over) event.waitUntil(showOver(id))
  else if (test) event.waitUntil(show('Test', 'Questions will come here.', undefined))
  else event.waitUntil(show('An agent asks', 'Open to see what it wants to do.', id, { requireInteraction: true }))
})

function show(title, body, id, more = {}) {
  const looks = { tag: id ?? 'claviger', icon: '/icon-192.png', badge: '/icon-192.png' }
  return self.registration.showNotification(title, { body, data: { id }, ...looks, ...more })
}

/** Browsers want every push to be seen: so the question is replaced, without a sound, and then goes. */
async function showOver(id) {
  await show('Answered', 'There is nothing left to do.', id, { silent: true })
  await new Promise((resolve) => setTimeout(resolve, OVER_MS))
  for (const shown of await self.registration.getNotifications({ tag: id ?? 'claviger' })) shown.close()
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const { id } = event.notification.data ?? {}
  event.waitUntil(open(typeof id === 'string' ? `/approvals/${id}` : '/'))
})

// The browser's push service gave it another address. Nobody need be signed in: the device says that it is the one it was.
self.addEventListener('pushsubscriptionchange', (event) => event.waitUntil(renew(event)))

async function renew({ newSubscription }) {
  const before = await kept()
  if (before === undefined) return
  try {
    const { endpoint, keys } = (newSubscription ?? (await subscribed(before.key))).toJSON()
    const body = JSON.stringify({ before: { endpoint: before.endpoint, auth: before.auth }, endpoint, keys })
    const headers = { 'content-type': 'application/json' }
    const { ok } = await fetch('/claviger/v1/push/renewed', { method: 'POST', headers, body, cache: 'no-store' })
    if (!ok) throw new Error('the gateway does not take it')
    await keep({ ...before, endpoint, auth: keys.auth })
  } catch {
    await show('Pushes stopped', 'Open Devices in Claviger to switch them on again.', undefined)
  }
}

function subscribed(applicationServerKey) {
  return self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })
}

/** As src/api/push.ts keeps it. */
const PLACE = 'claviger-device'
const WHERE = '/device'

async function kept() {
  const found = await (await caches.open(PLACE)).match(WHERE)
  return found?.json()
}

async function keep(device) {
  await (await caches.open(PLACE)).put(WHERE, new Response(JSON.stringify(device)))
}

/** What was sent, if it is of the form. */
function read(data) {
  try {
    const { id, over, test } = data.json()
    return { id: /^apr_[0-9A-Za-z]{1,64}$/.test(id) ? id : undefined, over: over === true, test: test === true }
  } catch {
    return {}
  }
}

async function open(path) {
  const [page] = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  if (page === undefined) return self.clients.openWindow(path)
  page.postMessage({ open: path })
  return page.focus()
}
