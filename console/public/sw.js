// Tells of an approval that waits. A push carries its id and nothing else; what it is about is read in the page, signed in.
// Nothing is kept here: the pages are never answered from a cache.

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('push', (event) => {
  const id = idIn(event.data)
  const shown = self.registration.showNotification('An agent asks', {
    body: 'Open to see what it wants to do.',
    tag: id ?? 'claviger',
    icon: '/icon-192.png',
    badge: '/icon-192.png',
    requireInteraction: true,
    data: { id },
  })
  event.waitUntil(shown)
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const { id } = event.notification.data ?? {}
  event.waitUntil(open(typeof id === 'string' ? `/approvals/${id}` : '/'))
})

/** The approval's id, if that is what was sent. */
function idIn(data) {
  try {
    const { id } = data.json()
    return /^apr_[0-9A-Za-z]{1,64}$/.test(id) ? id : undefined
  } catch {
    return undefined
  }
}

async function open(path) {
  const [page] = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  if (page === undefined) return self.clients.openWindow(path)
  page.postMessage({ open: path })
  return page.focus()
}
